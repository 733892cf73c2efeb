import { join } from "node:path";
import { openGitStateReader } from "../../github/git-state.ts";
import { repositoryRoot } from "../../github/repository.ts";
import type { StateView } from "../../github/state-port.ts";
import { Kid } from "../../model/authorization.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { codeOf, messageOf, WhetstoneError } from "../../model/error.ts";
import { Digest } from "../../model/json.ts";
import type { ChainTip } from "../../protect/ledger-chain.ts";
import { type LedgerIndex, type LedgerPage, openLedgerIndex } from "../../protect/ledger-index.ts";
import { type LedgerVerdict, verifyLedger } from "../../protect/ledger-verify.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { systemClock, WORK_FOLDER } from "../../wire.ts";
import type { ShowLedgerOptions, VerifyOptions } from "../commands/audit.ts";
import { type Io, printJson } from "../io.ts";
import { ledgerFilter } from "../ledger-filter.ts";
import { renderTable } from "../table.ts";

/** The state branch of the repository around the working folder, for reading. */
export async function openLedgerView(io: Io): Promise<StateView> {
  return openGitStateReader({ cwd: await repositoryRoot(io.cwd) }).view();
}

/** `whetstone audit verify`. */
export async function runVerify(options: VerifyOptions, io: Io): Promise<number> {
  const against = { anchor: anchorOf(options.anchor), kid: kidOf(options.kid) };
  const result = await verifyLedger(await openLedgerView(io), against);
  if (options.json) printJson(io, result);
  else io.out(forTerminal(verdictText(result)));
  return result.ok ? EXIT.pass : EXIT.fail;
}

/** What was found, and what of it is signed: that nothing is, is said too. */
function verdictText({ signed, torn, ...result }: LedgerVerdict): string {
  const lines = [
    result.ok
      ? `The ledger verifies: ${countOf(result.records, "record")}${result.records === 0 ? "" : `, the last is ${result.tip.seq}:${result.tip.digest}`}.`
      : `The ledger does not verify at record ${result.seq}: ${result.detail}`,
    signed.upTo === null
      ? "No record is signed: whoever can write the state branch could have rewritten it. `whetstone audit sign` signs it."
      : `Signed up to record ${signed.upTo.seq} by ${signed.upTo.signer} (key ${signed.upTo.kid}, ${signed.upTo.time}); ${countOf(signed.unsigned, "record behind it is", "records behind it are")} not.`,
    ...signed.uncounted.map(({ seq, kid, why }) => `The signature of ${kid} at record ${seq} does not count: ${why}.`),
  ];
  if (torn !== undefined) {
    lines.push(
      `The last line of ${torn.segment} was half-written (${countOf(torn.text.length, "character")}); it was left out.`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function anchorOf(text: string | undefined): ChainTip | undefined {
  if (text === undefined) return undefined;
  const [, seq, digest] = /^([1-9]\d{0,14}):([^]*)$/.exec(text) ?? [];
  if (seq !== undefined && Digest.safeParse(digest).success) return { seq: Number(seq), digest: String(digest) };
  throw new WhetstoneError("usage", `"${text}" names no record.`, {
    remedy: "Write its number and its digest, as `whetstone audit verify` prints them: 12:3f9a…",
  });
}

function kidOf(text: string | undefined): string | undefined {
  if (text === undefined || Kid.safeParse(text).success) return text;
  throw new WhetstoneError("usage", `"${text}" is no id of a key.`, {
    remedy: "`whetstone authorize keys list` shows them: 16 hexadecimal digits.",
  });
}

/** `whetstone audit show`: the newest records last. */
export async function runShowLedger(options: ShowLedgerOptions, io: Io): Promise<number> {
  const filter = ledgerFilter(options, systemClock.now());
  const range = { limit: parseCount("--limit", options.limit, 1_000), before: beforeOf(options.cursor) };
  const index = await openIndex(io);
  try {
    const page = await index.query(filter, range);
    if (options.json) printJson(io, pageJson(page));
    else io.out(pageText(page));
    return EXIT.pass;
  } finally {
    index.close();
  }
}

/** The index of the work folder; where that cannot be written, one in memory, which is said. */
export async function openIndex(io: Io): Promise<LedgerIndex> {
  const root = await repositoryRoot(io.cwd);
  const view = await openLedgerView(io);
  try {
    return await openLedgerIndex(view, { path: join(root, WORK_FOLDER, "ledger-index.db") });
  } catch (error) {
    if (codeOf(error) !== "store_open_failed") throw error;
    io.err(forTerminal(`${messageOf(error)} It is made in memory, for this command alone.\n`));
    return await openLedgerIndex(view);
  }
}

const beforeOf = (cursor: string | undefined): number | undefined =>
  cursor === undefined ? undefined : parseCount("--cursor", cursor, Number.MAX_SAFE_INTEGER);

function parseCount(flag: string, text: string, most: number): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1 && count <= most) return count;
  throw new WhetstoneError("usage", `${flag} ${text} is not a whole number from 1 to ${most}.`, {
    remedy: "Leave it out for the default, or page on with --cursor.",
  });
}

const pageJson = ({ records, total, before }: LedgerPage) => ({
  total,
  returned: records.length,
  nextCursor: before === null ? null : String(before),
  records,
});

function pageText({ records, total, before }: LedgerPage): string {
  if (total === 0) return "No record fits.\n";
  const heads = ["seq", "time", "actor", "operation", "target", "decision", "reason", "result"];
  const rows = records.map((r) => [
    String(r.seq),
    r.time,
    `${r.actor.type} ${r.actor.id}`,
    r.operation,
    r.target,
    r.decision,
    r.reasonCode,
    r.result,
  ]);
  const more = before === null ? "" : ` Older ones: --cursor ${before}`;
  return `${renderTable(heads, rows)}${records.length} of ${total} records.${more}\n`;
}
