import { canonicalJson, type Digest } from "../model/json.ts";
import { LEDGER_GENESIS, type LedgerEntry, type LedgerRecord } from "../model/ledger.ts";

/** A hash function over text: SHA-256 in production. */
export type Hash = (text: string) => Digest;

/** Where the chain goes on: the sequence number and digest before the next record. */
export type ChainTip = { readonly seq: number; readonly digest: Digest };

/** The tip of an empty chain. */
export const CHAIN_START: ChainTip = { seq: 0, digest: LEDGER_GENESIS };

/** What verifying found: the number of records and the tip, or the first record that does not fit and why. */
export type ChainVerdict =
  | { readonly ok: true; readonly records: number; readonly tip: ChainTip }
  | { readonly ok: false; readonly seq: number; readonly detail: string };

/** Turns entries into records that follow `tip`. `time`: UTC with microseconds, see {@link formatMicroseconds}. */
export function chain(
  tip: ChainTip,
  entries: readonly LedgerEntry[],
  { time, hash }: { readonly time: string; readonly hash: Hash },
): readonly LedgerRecord[] {
  const records: LedgerRecord[] = [];
  let last = tip;
  for (const entry of entries) {
    const open = { ...entry, schema: "whetstone.ledger/1" as const, seq: last.seq + 1, time, previous: last.digest };
    const record = { ...open, digest: hash(canonicalJson(open)) };
    records.push(record);
    last = record;
  }
  return records;
}

/**
 * Why a record does not follow `last`; undefined when it does. `covered`: its canonical JSON without the digest. Records
 * missing at the end cannot be seen by the chain alone: compare the tip with one that was noted elsewhere.
 */
export function chainFault(
  record: LedgerRecord,
  { last, covered, hash }: { readonly last: ChainTip; readonly covered: string; readonly hash: Hash },
): string | undefined {
  if (record.seq !== last.seq + 1) return `record ${last.seq + 1} is missing: ${record.seq} stands in its place`;
  if (record.previous !== last.digest) return `record ${record.seq} does not follow the record before it`;
  if (hash(covered) !== record.digest) return `record ${record.seq} was changed: its digest does not match`;
  return undefined;
}

/** UTC with six fraction digits, from ns since the Unix epoch (rounded down): `2026-11-20T10:00:00.000000Z`. */
export function formatMicroseconds(ns: bigint): string {
  const micros = (ns / 1_000n) % 1_000n;
  return new Date(Number(ns / 1_000_000n)).toISOString().replace("Z", `${micros.toString().padStart(3, "0")}Z`);
}
