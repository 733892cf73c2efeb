import type { StateChange, StateStore, StateView } from "../github/state-port.ts";
import { WhetstoneError } from "../model/error.ts";
import { z } from "zod";
import { canonicalJson, Digest } from "../model/json.ts";
import { type LedgerEntry, LedgerRecord } from "../model/ledger.ts";
import type { Clock } from "../model/time.ts";
import { sha256 } from "./digest.ts";
import {
  chain,
  CHAIN_START,
  type ChainTip,
  type ChainVerdict,
  formatMicroseconds,
  verifyChain,
} from "./ledger-chain.ts";

/** A last line that was only half written, as it was found and left out. */
export type TornLine = { readonly segment: string; readonly text: string };

/** The records of a ledger in order, and what had to be left out. */
export type LedgerContents = { readonly records: readonly LedgerRecord[]; readonly torn?: TornLine };

/** What an append wrote, and the half-written line that it replaced, if there was one. */
export type LedgerAppend = { readonly records: readonly LedgerRecord[]; readonly recovered?: TornLine };

/** A change of the state and the value to return, as `StateStore.update` takes them from its plan. */
export type LedgerPlan = { readonly change: StateChange; readonly value: LedgerAppend };

type Segment = LedgerContents & { readonly path: string; readonly sound: string };

const FOLDER = "ledger/";
/** Number and digest of the last record, beside the ledger: a ledger that was cut off at the end does not reach it. */
const TIP = "ledger-tip.json";
const LedgerTip = z.strictObject({
  schema: z.literal("whetstone.ledger-tip/1"),
  seq: z.int().positive(),
  digest: Digest,
});
const SEGMENT = /^ledger\/\d{4}-\d\d\.ndjson$/;

/**
 * What appending the entries would change; combine it with other changes of the same commit. A half-written last line
 * is replaced, and a `recover` record says so.
 * @throws WhetstoneError `ledger_broken` when the newest segment does not verify: nothing is added to a broken chain.
 */
export async function planLedger(
  view: StateView,
  entries: readonly LedgerEntry[],
  { clock }: { readonly clock: Clock },
): Promise<LedgerPlan> {
  const [first] = entries;
  if (first === undefined) return { change: new Map(), value: { records: [] } };
  const time = formatMicroseconds(clock.now());
  const { newest, tip } = await endOf(view);
  const torn = newest?.torn;
  const all = torn === undefined ? entries : [recoveryOf(torn, first), ...entries];
  const records = chain(tip, all, { time, hash: sha256 });
  const path = segmentFor(time, newest?.path);
  const before = path === newest?.path ? newest.sound : "";
  const last = records.at(-1);
  const change = new Map([[path, before + records.map((record) => `${canonicalJson(record)}\n`).join("")]]);
  if (last)
    change.set(TIP, `${canonicalJson({ schema: "whetstone.ledger-tip/1", seq: last.seq, digest: last.digest })}\n`);
  if (torn !== undefined && newest !== undefined && path !== newest.path) change.set(newest.path, newest.sound);
  return { change, value: { records, ...(torn === undefined ? {} : { recovered: torn }) } };
}

/** Appends entries to the ledger in one commit. Errors: `ledger_broken`, and those of `StateStore.update`. */
export function appendLedger(
  state: StateStore,
  entries: readonly LedgerEntry[],
  { clock }: { readonly clock: Clock },
): Promise<LedgerAppend> {
  const operations = [...new Set(entries.map((entry) => entry.operation))].join(", ");
  return state.update(`ledger: ${operations}`, (view) => planLedger(view, entries, { clock }));
}

/**
 * Every record in order, as it stands, without checking the chain.
 * @throws WhetstoneError `ledger_broken` naming segment and line of what is no record.
 */
export async function readLedger(view: StateView): Promise<LedgerContents> {
  const paths = await segmentPaths(view);
  const segments = await Promise.all(paths.map((path) => readSegment(view, path, path === paths.at(-1))));
  const torn = segments.at(-1)?.torn;
  return { records: segments.flatMap((segment) => segment.records), ...(torn === undefined ? {} : { torn }) };
}

/** Whether the whole ledger is as it was written; a half-written last line is no break and is named in `torn`. */
export async function verifyLedger(view: StateView): Promise<ChainVerdict & { readonly torn?: TornLine }> {
  try {
    const { records, torn } = await readLedger(view);
    const verdict = await reachesTip(view, verifyChain(records, { hash: sha256 }));
    return { ...verdict, ...(torn === undefined ? {} : { torn }) };
  } catch (error) {
    if (!(error instanceof WhetstoneError) || error.code !== "ledger_broken") throw error;
    return { ok: false, seq: Number(error.data["seq"] ?? 0), detail: error.message };
  }
}

/** A chain that verifies must end where the tip says; without a tip there must be nothing that a ledger would know of. */
async function reachesTip(view: StateView, verdict: ChainVerdict): Promise<ChainVerdict> {
  if (!verdict.ok) return verdict;
  const text = await view.read(TIP);
  if (text === undefined) {
    const started = verdict.records > 0 || (await view.list("outcomes/")).length > 0;
    return started
      ? { ok: false, seq: verdict.records + 1, detail: `${TIP}, which names the last record, is missing` }
      : verdict;
  }
  const tip = isJson(text) ? LedgerTip.safeParse(JSON.parse(text)).data : undefined;
  if (tip?.seq === verdict.tip.seq && tip.digest === verdict.tip.digest) return verdict;
  const detail = `the ledger ends with record ${verdict.records}, but ${TIP} names record ${tip?.seq ?? "nothing readable"}`;
  return { ok: false, seq: verdict.records + 1, detail };
}

async function segmentPaths(view: StateView): Promise<readonly string[]> {
  const paths = await view.list(FOLDER);
  const foreign = paths.find((path) => !SEGMENT.test(path));
  if (foreign !== undefined) throw broken(`${foreign} does not belong into the ledger.`, { path: foreign });
  return paths;
}

/** The newest segment, and the tip of the newest one that holds a record and must be a chain in itself. */
async function endOf(view: StateView): Promise<{ readonly newest: Segment | undefined; readonly tip: ChainTip }> {
  let newest: Segment | undefined;
  for (const path of (await segmentPaths(view)).toReversed()) {
    const segment = await readSegment(view, path, newest === undefined);
    newest ??= segment;
    const [first] = segment.records;
    // A segment whose only line was torn holds no record; the chain then goes on from the segment before it.
    if (first === undefined) continue;
    const from = { seq: first.seq - 1, digest: first.previous };
    const verdict = verifyChain(segment.records, { hash: sha256, from });
    if (!verdict.ok) throw broken(`${path}: ${verdict.detail}.`, { path, seq: verdict.seq });
    return { newest, tip: verdict.tip };
  }
  return { newest, tip: CHAIN_START };
}

/** Reads one segment. Only the last line of the newest segment may be half-written. */
async function readSegment(view: StateView, path: string, newest: boolean): Promise<Segment> {
  const text = (await view.read(path)) ?? "";
  const records: LedgerRecord[] = [];
  const lines = text.split("\n");
  const tail = lines.pop() ?? "";
  for (const [index, line] of lines.entries()) records.push(parseLine(line, { path, line: index + 1, after: records }));
  if (tail === "") return { path, records, sound: text };
  if (newest && !isJson(tail)) {
    return { path, records, sound: text.slice(0, text.length - tail.length), torn: { segment: path, text: tail } };
  }
  records.push(parseLine(tail, { path, line: lines.length + 1, after: records }));
  return { path, records, sound: `${text}\n` };
}

type Where = { readonly path: string; readonly line: number; readonly after: readonly LedgerRecord[] };

/** One record. Lines are canonical JSON, so that a key given twice or other white space is seen as tampering too. */
function parseLine(line: string, { path, line: number, after }: Where): LedgerRecord {
  const parsed = isJson(line) ? LedgerRecord.safeParse(JSON.parse(line)) : undefined;
  if (parsed?.success === true && canonicalJson(parsed.data) === line) return parsed.data;
  throw broken(`${path}, line ${number} ${notARecord(parsed)}.`, {
    path,
    line: number,
    seq: (after.at(-1)?.seq ?? 0) + 1,
  });
}

function notARecord(parsed: ReturnType<typeof LedgerRecord.safeParse> | undefined): string {
  if (parsed === undefined) return "is not JSON";
  if (parsed.success) return "is not canonical JSON";
  const [issue] = parsed.error.issues;
  return `is no ledger record (${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""})`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The segment of the time's month, but never one before the newest: clocks of two machines may disagree. */
function segmentFor(time: string, newest: string | undefined): string {
  const path = `${FOLDER}${time.slice(0, 7)}.ndjson`;
  return newest !== undefined && newest > path ? newest : path;
}

function recoveryOf(torn: TornLine, first: LedgerEntry): LedgerEntry {
  return {
    actor: first.actor,
    operation: "recover",
    target: first.target,
    decision: "none",
    reasonCode: "recovered",
    result: `half-written last line of ${torn.segment} removed (${torn.text.length} characters)`,
    parametersDigest: sha256(torn.text),
    run: first.run,
  };
}

function broken(message: string, data: Readonly<Record<string, unknown>>): WhetstoneError {
  return new WhetstoneError("ledger_broken", message, {
    remedy: "Compare the ledger with its history: git log -p whetstone/state -- ledger.",
    data,
  });
}
