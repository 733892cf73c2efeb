import type { StateChange, StateStore, StateView } from "../github/state-port.ts";
import type { LedgerEntry, LedgerRecord } from "../model/ledger.ts";
import type { Clock } from "../model/time.ts";
import { sha256 } from "./digest.ts";
import { chain, CHAIN_START, chainFault, type ChainTip, formatMicroseconds } from "./ledger-chain.ts";
import { checkpointFile } from "./ledger-checkpoint.ts";
import { ledgerLine } from "./ledger-line.ts";
import {
  broken,
  nextSegment,
  readSegment,
  recordsOf,
  type Segment,
  segmentPaths,
  segments,
  type TornLine,
} from "./ledger-segment.ts";
import { readTip, TIP, tipFile } from "./ledger-tip.ts";
import type { SigningKey } from "./signing-key.ts";

export { verifyLedger } from "./ledger-verify.ts";

/** The records of a ledger in order, and what had to be left out. */
export type LedgerContents = { readonly records: readonly LedgerRecord[]; readonly torn?: TornLine };

/** What an append wrote, and the half-written line that it replaced, if there was one. */
export type LedgerAppend = { readonly records: readonly LedgerRecord[]; readonly recovered?: TornLine };

/** A change of the state and the value to return, as `StateStore.update` takes them from its plan. */
export type LedgerPlan = { readonly change: StateChange; readonly value: LedgerAppend };

/** Time of the records, and the key that signs the last one, where there is one. */
export type AppendOptions = { readonly clock: Clock; readonly signer?: SigningKey | undefined };

/**
 * What appending the entries would change; combine it with other changes of the same commit. A half-written last line
 * is replaced, and a `recover` record says so. Costs the same however long the ledger is: only its newest file is read.
 * @throws WhetstoneError `ledger_broken` when the newest file does not verify or does not end where the tip says:
 * nothing is added to a broken chain.
 */
export async function planLedger(
  view: StateView,
  entries: readonly LedgerEntry[],
  { clock, signer }: AppendOptions,
): Promise<LedgerPlan> {
  const [first] = entries;
  if (first === undefined) return { change: new Map(), value: { records: [] } };
  const time = formatMicroseconds(clock.now());
  const { newest, tip } = await endOf(view);
  const torn = newest?.torn;
  const all = torn === undefined ? entries : [recoveryOf(torn, first), ...entries];
  const records = chain(tip, all, { time, hash: sha256 });
  const path = nextSegment(time, newest);
  const before = path === newest?.path ? newest.sound : "";
  const last = records.at(-1) ?? tip;
  const change = new Map([[path, before + records.map((record) => `${ledgerLine(record)}\n`).join("")], tipFile(last)]);
  if (signer !== undefined) change.set(...checkpointFile(last, { signer, time }));
  if (torn !== undefined && newest !== undefined && path !== newest.path) change.set(newest.path, newest.sound);
  return { change, value: { records, ...(torn === undefined ? {} : { recovered: torn }) } };
}

/** Appends entries to the ledger in one commit. Errors: `ledger_broken`, and those of `StateStore.update`. */
export function appendLedger(
  state: StateStore,
  entries: readonly LedgerEntry[],
  options: AppendOptions,
): Promise<LedgerAppend> {
  const operations = [...new Set(entries.map((entry) => entry.operation))].join(", ");
  return state.update(`ledger: ${operations}`, (view) => planLedger(view, entries, options));
}

/**
 * Every record in order, as it stands, without checking the chain; all at once in memory.
 * @throws WhetstoneError `ledger_broken` naming file and line of what is no record.
 */
export async function readLedger(view: StateView): Promise<LedgerContents> {
  const records: LedgerRecord[] = [];
  let torn: TornLine | undefined;
  for await (const segment of segments(view)) {
    torn = segment.torn;
    for (const { record } of recordsOf(segment, records.at(-1)?.seq ?? 0)) records.push(record);
  }
  return { records, ...(torn === undefined ? {} : { torn }) };
}

/**
 * The last record of the ledger, by its newest file alone, which must verify and end where the tip says.
 * @throws WhetstoneError `ledger_broken`
 */
export async function ledgerEnd(view: StateView): Promise<ChainTip> {
  return (await endOf(view)).tip;
}

type End = { readonly newest: Segment | undefined; readonly tip: ChainTip };

/** The newest file, and the last record, which the newest file with a record holds. */
async function endOf(view: StateView): Promise<End> {
  let newest: Segment | undefined;
  for (const path of (await segmentPaths(view)).toReversed()) {
    const segment = await readSegment(view, path, newest === undefined);
    newest ??= segment;
    // A file whose only line was torn holds no record; the chain then goes on from the file before it.
    if (segment.lines.length === 0) continue;
    return await agreed(view, { newest, tip: tipOf(segment) });
  }
  return await agreed(view, { newest, tip: CHAIN_START });
}

/** The last record of a file, which must be a chain in itself. */
function tipOf(segment: Segment): ChainTip {
  let last: ChainTip | undefined;
  for (const { record, covered } of recordsOf(segment, 0)) {
    last ??= { seq: record.seq - 1, digest: record.previous };
    const detail = chainFault(record, { last, covered, hash: sha256 });
    if (detail !== undefined) throw broken(`${segment.path}: ${detail}.`, { path: segment.path, seq: last.seq + 1 });
    last = { seq: record.seq, digest: record.digest };
  }
  return last ?? CHAIN_START;
}

/** An append must not cover up that records are missing at the end. A half-written line says that by itself. */
async function agreed(view: StateView, end: End): Promise<End> {
  if (end.newest?.torn !== undefined) return end;
  const named = await readTip(view);
  const { seq, digest } = end.tip;
  if (named.kind === "missing" && seq === 0) return end;
  if (named.kind === "named" && named.seq === seq && named.digest === digest) return end;
  const says = named.kind === "named" ? `names record ${named.seq}` : `is ${named.kind}`;
  throw broken(`The ledger ends with record ${seq}, but ${TIP} ${says}.`, { path: TIP, seq: seq + 1 });
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
