import type { DatabaseSync } from "node:sqlite";
import type { StateView } from "../github/state-port.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { LedgerRecord } from "../model/ledger.ts";
import { codeOf, WhetstoneError } from "../model/error.ts";
import { ReasonCodeSchema } from "../model/verdict.ts";
import { sha256 } from "./digest.ts";
import { CHAIN_START, chainFault, type ChainTip } from "./ledger-chain.ts";
import {
  clearIndex,
  indexTip,
  type IndexTip,
  indexWriter,
  openAnew,
  openIndexFile,
  setIndexTip,
  wordId,
} from "./ledger-index-file.ts";
import { readLedgerLine } from "./ledger-line.ts";
import { actorFilter, type LedgerFilter } from "./ledger-query.ts";
import { broken, readSegment, recordsOf, type Segment, segments } from "./ledger-segment.ts";
import { readTip, TIP } from "./ledger-tip.ts";

/** A part of an answer: the newest `limit` records, older than `before` where that is given. */
export type LedgerRange = { readonly limit: number; readonly before?: number | undefined };

/** The records that fit, oldest first, how many fit in all, and where the older ones go on; null when there are none. */
export type LedgerPage = {
  readonly records: readonly LedgerRecord[];
  readonly total: number;
  readonly before: number | null;
};

/** Answers questions about a ledger without reading it. */
export type LedgerIndex = {
  /** Errors: `ledger_broken` when a record is no longer what was indexed. */
  readonly query: (filter: LedgerFilter, range: LedgerRange) => Promise<LedgerPage>;
  /** How many records refuse something, by their reason. */
  readonly denied: () => ReadonlyMap<ReasonCode, number>;
  /** Records in the index. */
  readonly records: number;
  /** How it came to be up to date. */
  readonly made: "fresh" | "extended" | "rebuilt";
  readonly close: () => void;
};

/** `path`: the index file; without it the index lives in memory. */
export type IndexOptions = { readonly path?: string | undefined };

/**
 * An index that is bound to the ledger's tip: one of an older tip is extended, one that does not fit, is missing or
 * damaged is made anew from the records, whose chain is checked on the way.
 * @throws WhetstoneError `ledger_broken`, `store_open_failed`
 */
export async function openLedgerIndex(view: StateView, { path }: IndexOptions = {}): Promise<LedgerIndex> {
  let db = await openIndexFile(path);
  try {
    const made = await upToDate(db, view).catch(async (error: unknown) => {
      if (path === undefined || codeOf(error) !== "ERR_SQLITE_ERROR") throw error;
      // Damaged in the middle: opening it alone does not show that.
      db.close();
      db = await openAnew(path);
      return await upToDate(db, view);
    });
    const opened = db;
    return {
      query: (filter, range) => query(opened, view, { filter, range }),
      denied: () => deniedIn(opened),
      records: indexTip(opened).seq,
      made,
      close: () => opened.close(),
    };
  } catch (error) {
    if (db.isOpen) db.close();
    throw error;
  }
}

async function upToDate(db: DatabaseSync, view: StateView): Promise<LedgerIndex["made"]> {
  const named = await readTip(view);
  const tip = named.kind === "named" ? named : { seq: 0, digest: "" };
  if (sameTip(indexTip(db), tip)) return "fresh";
  // One process at a time; the next one finds the work done.
  db.exec("BEGIN IMMEDIATE");
  try {
    const from = indexTip(db);
    const made = sameTip(from, tip) ? "fresh" : await fill(db, view, from);
    const end = indexTip(db);
    if (end.seq !== tip.seq || (tip.seq > 0 && end.digest !== tip.digest)) {
      throw broken(`The ledger ends with record ${end.seq}, but ${TIP} names record ${tip.seq}.`, {
        path: TIP,
        seq: end.seq + 1,
      });
    }
    db.exec("COMMIT");
    return made;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

const sameTip = (a: ChainTip, b: ChainTip): boolean => a.seq === b.seq && a.seq > 0 && a.digest === b.digest;

/** Goes on behind the last indexed record if the ledger still holds it, else starts anew. */
async function fill(db: DatabaseSync, view: StateView, from: IndexTip): Promise<"extended" | "rebuilt"> {
  const start = { ...CHAIN_START, segment: "" };
  const extends_ = from.seq > 0 && (await holds(view, from));
  if (!extends_) clearIndex(db);
  const write = indexWriter(db);
  let last: IndexTip = extends_ ? from : start;
  for await (const segment of segments(view, last.segment)) last = addSegment(segment, last, write);
  setIndexTip(db, last);
  return extends_ ? "extended" : "rebuilt";
}

/** Adds the records of a file behind `from`. */
function addSegment(segment: Segment, from: IndexTip, write: ReturnType<typeof indexWriter>): IndexTip {
  let last = from;
  const after = segment.path === from.segment ? 0 : from.seq;
  for (const { record, covered, line } of recordsOf(segment, after)) {
    if (segment.path === from.segment && record.seq <= from.seq) continue;
    const detail = chainFault(record, { last, covered, hash: sha256 });
    if (detail !== undefined) throw broken(`${segment.path}: ${detail}.`, { path: segment.path, seq: last.seq + 1 });
    write(record, { segment: segment.path, line });
    last = { seq: record.seq, digest: record.digest, segment: segment.path };
  }
  return last;
}

async function holds(view: StateView, tip: IndexTip): Promise<boolean> {
  const { lines } = await readSegment(view, tip.segment, true);
  return lines.some((line) => {
    const found = readLedgerLine(line);
    return found.ok && found.record.seq === tip.seq && found.record.digest === tip.digest;
  });
}

function deniedIn(db: DatabaseSync): ReadonlyMap<ReasonCode, number> {
  const denial = wordId(db.prepare("SELECT id FROM word WHERE text = ?"), "deny" satisfies LedgerRecord["decision"]);
  const counted = db.prepare(
    "SELECT text, total FROM word JOIN (SELECT reason, count(*) AS total FROM entry WHERE decision = ? GROUP BY reason) ON reason = id",
  );
  const rows = counted.all(denial ?? -1);
  return new Map(rows.map(({ text, total }) => [ReasonCodeSchema.parse(text), Number(total)]));
}

type Question = { readonly filter: LedgerFilter; readonly range: LedgerRange };

async function query(db: DatabaseSync, view: StateView, { filter, range }: Question): Promise<LedgerPage> {
  const { where, values } = conditions(db, filter);
  const counted = db.prepare(`SELECT count(*) AS total, min(seq) AS first FROM entry WHERE ${where}`).get(...values);
  const rows = db
    .prepare(
      `SELECT seq, line, text AS segment FROM entry JOIN word ON word.id = segment
       WHERE ${where} AND seq < ? ORDER BY seq DESC LIMIT ?`,
    )
    .all(...values, range.before ?? Number.MAX_SAFE_INTEGER, range.limit)
    .map((row) => ({ seq: Number(row["seq"]), line: Number(row["line"]), segment: String(row["segment"]) }))
    .reverse();
  const records = await recordsAt(view, rows);
  const first = records[0]?.seq;
  const goesOn = first !== undefined && first > Number(counted?.["first"]);
  return { records, total: Number(counted?.["total"] ?? 0), before: goesOn ? first : null };
}

/** Conditions with parameters only; a word that no record has is an id that none has. */
function conditions(db: DatabaseSync, filter: LedgerFilter) {
  const find = db.prepare("SELECT id FROM word WHERE text = ?");
  const actor = filter.actor === undefined ? { type: null, id: null } : actorFilter(filter.actor);
  const named = [
    ["kind", actor.type],
    ["actor", actor.id],
    ["operation", filter.operation],
    ["target", filter.target],
    ["decision", filter.decision],
    ["reason", filter.reason],
  ] as const;
  const terms = ["1"];
  const values: number[] = [];
  for (const [column, text] of named) {
    if (text === null || text === undefined) continue;
    terms.push(`${column} = ?`);
    values.push(wordId(find, text) ?? -1);
  }
  if (filter.sinceMicros !== undefined) {
    terms.push("micros >= ?");
    values.push(filter.sinceMicros);
  }
  if (filter.untilMicros !== undefined) {
    terms.push("micros < ?");
    values.push(filter.untilMicros);
  }
  return { where: terms.join(" AND "), values };
}

type Place = { readonly seq: number; readonly line: number; readonly segment: string };

/** The records at their places, each held against its own digest. */
async function recordsAt(view: StateView, places: readonly Place[]): Promise<readonly LedgerRecord[]> {
  const paths = [...new Set(places.map(({ segment }) => segment))];
  const read = await Promise.all(paths.map((path) => readSegment(view, path, true)));
  const lines = new Map(read.map((segment) => [segment.path, segment.lines]));
  return places.map(({ seq, line, segment }) => {
    const found = readLedgerLine(lines.get(segment)?.[line - 1] ?? "");
    if (found.ok && found.record.seq === seq && sha256(found.covered) === found.record.digest) return found.record;
    throw new WhetstoneError("ledger_broken", `${segment}, line ${line} is not record ${seq} any more.`, {
      remedy: "`whetstone audit verify` names the first bad record.",
      data: { path: segment, line, seq },
    });
  });
}
