import { openDossier } from "../../protect/dossier.ts";
import { appendOutcome, readOutcomes } from "../../protect/outcomes.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { formatInstant } from "../../model/time.ts";
import { ledgerEntry } from "../../loop/run.ts";
import { newId, openWorkspace } from "../../wire.ts";
import { localActor } from "../actor.ts";
import type { RecordOptions } from "../commands/record.ts";
import { dossierPath } from "../dossier-path.ts";
import { printJson, type Io } from "../io.ts";

/** `whetstone record`: a later outcome of a proposal whose run is in the ledger. */
export async function runRecord(named: string, options: RecordOptions, io: Io): Promise<number> {
  const { manifest } = await openDossier(await dossierPath(named, io.cwd));
  const workspace = await openWorkspace({ ...options, cwd: io.cwd }, io.env, manifest.target);
  const { state, clock } = workspace;
  const known = await readOutcomes(await state.view(), manifest.target);
  const first = known.find((outcome) => outcome.dossier === manifest.digest);
  if (!first) {
    throw new WhetstoneError("not_found", `No outcome is recorded for the dossier ${manifest.id}.`, {
      remedy: "Only runs that ended and were recorded can get a later outcome; see `whetstone audit show`.",
    });
  }
  const run = newId("r", clock);
  const outcome = { ...first, id: `o-${run.slice(2)}`, at: formatInstant(clock.now()), status: options.status };
  const act = { operation: "record", decision: "allow", reasonCode: "recorded", result: options.status } as const;
  const entry = ledgerEntry(
    { id: run, actor: localActor(), workspace },
    { ...act, parameters: { dossier: manifest.digest } },
  );
  await appendOutcome(state, { outcome, entries: [entry] }, clock);
  if (options.json) printJson(io, outcome);
  else io.out(`Recorded: ${outcome.proposal} is ${outcome.status} (${outcome.id}).\n`);
  return EXIT.pass;
}
