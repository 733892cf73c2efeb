import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { ensureKey } from "../../protect/authorization/keys.ts";
import { digestOf } from "../../protect/digest.ts";
import { appendLedger } from "../../protect/ledger.ts";
import { verifyLedger } from "../../protect/ledger-verify.ts";
import { newId, systemClock, systemRandom } from "../../wire.ts";
import type { CommonOptions } from "../command.ts";
import { type Io, printJson } from "../io.ts";
import { openCliProtection } from "../protection.ts";

/** `whetstone audit sign`: signs only what verifies; that it was signed is a record too, and signed with the rest. */
export async function runSignLedger(options: CommonOptions, io: Io): Promise<number> {
  const { desk, keys, actor } = await openCliProtection(options, io);
  const found = await verifyLedger(await desk.state.view());
  if (!found.ok) {
    throw new WhetstoneError("ledger_broken", `Not signed: the ledger fails at record ${found.seq}: ${found.detail}`, {
      remedy: "Restore the branch whetstone/state from a copy that verifies.",
      data: { seq: found.seq },
    });
  }
  const ring = { state: desk.state, clock: systemClock, folder: keys, owner: actor, random: systemRandom };
  const signer = await ensureKey(ring);
  const run = newId("r", systemClock);
  const entry = {
    actor,
    operation: "ledger.sign",
    target: "ledger",
    decision: "allow",
    reasonCode: "ok",
    result: `signed by ${signer.kid}`,
    parametersDigest: digestOf({ kid: signer.kid }),
    run,
  } as const;
  const { records } = await appendLedger(desk.state, [entry], { clock: systemClock, signer });
  const seq = records.at(-1)?.seq ?? 0;
  const digest = records.at(-1)?.digest ?? "";
  if (options.json) printJson(io, { seq, digest, kid: signer.kid });
  else io.out(`Signed up to record ${seq} with the key ${signer.kid}. Note it elsewhere: ${seq}:${digest}\n`);
  return EXIT.pass;
}
