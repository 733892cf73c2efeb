import type { SqlValue } from "../../store/queries/sql.ts";
import {
  type Adding,
  type ClaimedWork,
  type DeadLetter,
  type Ending,
  LONGEST_RETRY_MS,
  longestLeaseMs,
  MOST_OF_A_PLACE,
  type Work,
  type WorkCounts,
} from "./port.ts";

/** Where the two databases differ. */
export type WorkDialect = {
  /** Name of the table. */
  readonly table: string;
  /** The number after every one that was given out. */
  readonly nextSeq: string;
  /** Function that finds a text in another, from 1. */
  readonly indexOf: "instr" | "strpos";
};

/** Values of the column `state`. */
const STATE = { waiting: 0, running: 1, done: 2, dead: 3 } as const;

/** One statement with its parameters, `$1` and on. */
export type Statement = { readonly sql: string; readonly params: readonly SqlValue[] };

const WORK = "id, event, key, payload, received_at, due_at, attempt";

/** A row as the drivers give it; integers may be text or bigint. */
export type WorkRow = Readonly<Record<string, unknown>>;

/** No work of the same key before it has not ended. */
const isHead = ({ table }: WorkDialect): string =>
  `w.state < 2 AND NOT EXISTS (SELECT 1 FROM ${table} b WHERE b.key = w.key AND b.seq < w.seq AND b.state < 2)`;

/** What a wrong clock put too far into the future: a lease after `$lease`, a retry after `$retry`. */
const isAstray = (lease: string, retry: string): string =>
  `((w.state = 1 AND w.due_at > ${lease}) OR (w.state = 0 AND w.error IS NOT NULL AND w.due_at > ${retry}))`;

/** What a key begins with up to the first sign behind the repository; see `addressOf`. */
function placeOf({ indexOf }: WorkDialect, key: string): string {
  const marked = ["@", "!", ":"].reduce((text, sign) => `replace(${text}, '${sign}', '#')`, key);
  return `substr(${key}, 1, ${indexOf}(${marked} || '#', '#') - 1)`;
}

/** It is held by somebody, or its repository has not all that it may have under way; a lease that ran out holds nothing. */
const hasRoom = (dialect: WorkDialect, now: string, lease: string): string =>
  `(w.state = 1 OR ${placeOf(dialect, "w.key")} NOT IN (
    SELECT ${placeOf(dialect, "r.key")} FROM ${dialect.table} r
    WHERE r.claim IS NOT NULL AND r.state = 1 AND r.due_at > ${now} AND r.due_at <= ${lease}
    GROUP BY 1 HAVING count(*) >= ${MOST_OF_A_PLACE}))`;

type Added = Omit<Work, "digest"> & { readonly digest?: string | null };

/** How work comes in. */
function addingStatements({ table }: WorkDialect) {
  return {
    add: ({ id, event, key, payload, receivedAt, notBefore, digest = null }: Added, how?: Adding): Statement => ({
      sql: `INSERT INTO ${table} (id, event, key, payload, received_at, state, due_at, attempt, digest)
        SELECT $1, $2, $3, $4, CAST($5 AS bigint), ${STATE.waiting}, CAST($6 AS bigint), 0, CAST($7 AS text)
        WHERE ${how?.mayRepeat === true ? "TRUE" : `NOT EXISTS (SELECT 1 FROM ${table} WHERE digest = $7)`}
        ON CONFLICT (id) DO NOTHING`,
      params: [id, event, key, payload, receivedAt, notBefore, digest],
    }),
    /** In the transaction of an `add` that added nothing: whether that was because of its id. */
    knows: (id: string): Statement => ({ sql: `SELECT 1 AS known FROM ${table} WHERE id = $1`, params: [id] }),
  };
}

/** The statements of a queue; each is one transaction of its own unless it is said otherwise. */
export function workStatements(dialect: WorkDialect) {
  const { table, nextSeq } = dialect;
  return {
    ...addingStatements(dialect),
    claim: (claim: string, now: number, leaseMs: number): Statement => ({
      sql: `UPDATE ${table} SET state = ${STATE.running}, attempt = attempt + 1, claim = $1, due_at = $2
        WHERE seq = (SELECT w.seq FROM ${table} w
          WHERE ${isHead(dialect)} AND (w.due_at <= $3 OR ${isAstray("$4", "$5")}) AND ${hasRoom(dialect, "$3", "$4")}
          ORDER BY w.seq LIMIT 1)
        RETURNING ${WORK}`,
      params: [claim, now + leaseMs, now, now + longestLeaseMs(leaseMs), now + 2 * LONGEST_RETRY_MS],
    }),
    extend: (claim: string, until: number): Statement => ({
      sql: `UPDATE ${table} SET due_at = $2 WHERE claim = $1 AND state = ${STATE.running}`,
      params: [claim, until],
    }),
    end: (claim: string, ending: Ending, now: number): Statement => {
      const [set, params] = endOf(ending, now);
      const sql = `UPDATE ${table} SET claim = NULL, ${set} WHERE claim = $1 AND state = ${STATE.running}`;
      return { sql, params: [claim, ...params] };
    },
    nextDue: (now: number, leaseMs: number): Statement => ({
      sql: `SELECT min(CASE WHEN ${isAstray("$2", "$3")} THEN $1 ELSE w.due_at END) AS due
        FROM ${table} w WHERE ${isHead(dialect)} AND ${hasRoom(dialect, "$1", "$2")}`,
      params: [now, now + longestLeaseMs(leaseMs), now + 2 * LONGEST_RETRY_MS],
    }),
    counts: (now: number): Statement => ({
      sql: `SELECT count(*) FILTER (WHERE state = 0) AS waiting, count(*) FILTER (WHERE state = 1) AS running,
          min(CASE WHEN due_at > received_at THEN due_at ELSE received_at END)
            FILTER (WHERE state = 0 AND due_at <= $1) AS since,
          (SELECT count(*) FROM ${table} WHERE state = 3) AS dead
        FROM ${table} WHERE state < 2`,
      params: [now],
    }),
    deadLetters: (limit: number): Statement => ({
      sql: `SELECT ${WORK}, error, ended_at FROM ${table} WHERE state = ${STATE.dead} ORDER BY seq DESC LIMIT $1`,
      params: [limit],
    }),
    revive: (id: string, now: number): Statement => ({
      // At the end of its key: work that came after it may be running.
      sql: `UPDATE ${table} SET state = ${STATE.waiting}, due_at = $2, attempt = 0, error = NULL, ended_at = NULL,
        seq = ${nextSeq} WHERE id = $1 AND state = ${STATE.dead}`,
      params: [id, now],
    }),
    drop: (place: string, now: number): Statement => ({
      sql: `UPDATE ${table} SET state = ${STATE.done}, key = '', payload = '', claim = NULL, error = NULL,
        ended_at = coalesce(ended_at, $3)
        WHERE key = $1 OR (substr(key, 1, $2) = $1 AND substr(key, $2 + 1, 1) IN ('#', '@', '!', ':', '/'))`,
      params: [place, place.length, now],
    }),
    forget: (before: number): Statement => ({
      sql: `DELETE FROM ${table} WHERE state >= 2 AND ended_at < $1`,
      params: [before],
    }),
  };
}

/** What becomes of the row; parameters from `$2` on. */
function endOf(ending: Ending, now: number): readonly [string, readonly SqlValue[]] {
  switch (ending.kind) {
    case "done":
      return [`state = ${STATE.done}, payload = '', error = NULL, ended_at = $2`, [now]];
    case "again": {
      const set = `state = ${STATE.waiting}, attempt = 0, error = NULL, due_at = $2`;
      return ending.payload === undefined ? [set, [ending.at]] : [`${set}, payload = $3`, [ending.at, ending.payload]];
    }
    case "failed":
      return [`state = ${STATE.waiting}, due_at = $2, error = $3`, [ending.retryAt, storable(ending.error)]];
    case "dead":
      return [`state = ${STATE.dead}, ended_at = $2, error = $3`, [now, storable(ending.error)]];
  }
}

/** PostgreSQL keeps no U+0000 in a text. */
function storable(text: string): string {
  return text.replaceAll("\0", "�");
}

/** The work that a claim returned. */
export function claimedOf(row: WorkRow, claim: string): ClaimedWork {
  return { ...workOf(row), attempt: Number(row["attempt"]), claim };
}

/** One dead letter. */
export function deadLetterOf(row: WorkRow): DeadLetter {
  const [attempts, error, diedAt] = [Number(row["attempt"]), text(row["error"]), Number(row["ended_at"])];
  return { ...workOf(row), attempts, error, diedAt };
}

/** The one row of the counts. */
export function countsOf(row: WorkRow): WorkCounts {
  const counts = { waiting: Number(row["waiting"]), running: Number(row["running"]), dead: Number(row["dead"]) };
  return row["since"] === null ? counts : { ...counts, dueSince: Number(row["since"]) };
}

function workOf(row: WorkRow): Work {
  return {
    id: text(row["id"]),
    event: text(row["event"]),
    key: text(row["key"]),
    payload: text(row["payload"]),
    receivedAt: Number(row["received_at"]),
    notBefore: Number(row["due_at"]),
  };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
