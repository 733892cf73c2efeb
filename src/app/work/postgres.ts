import { randomUUID } from "node:crypto";
import type pg from "pg";
import { openPostgresPool } from "../../store/postgres-pool.ts";
import { type PostgresAccess, postgresAccess } from "../../store/postgres-attempt.ts";
import { withoutSecrets } from "../../store/postgres-errors.ts";
import type { WorkQueue } from "./port.ts";
import { claimedOf, countsOf, deadLetterOf, type Statement, type WorkRow, workStatements } from "./statements.ts";

const TABLE = "whetstone.app_work";
const SQL = workStatements({
  table: TABLE,
  nextSeq: `nextval(pg_get_serial_sequence('${TABLE}', 'seq'))`,
  indexOf: "strpos",
});

/** Key of the advisory lock of arrivals and claims: "APPQ" in ASCII. */
const LOCK = 0x41505051;

/**
 * The App's queue in the schema `whetstone` of a PostgreSQL database. Any number of processes may share it: arrivals and
 * claims take turns, so that work of a key is numbered in the order of its arrival and never claimed twice.
 * @throws WhetstoneError `store_open_failed`
 */
export async function openPostgresQueue({ url }: { readonly url: string }): Promise<WorkQueue> {
  const name = withoutSecrets(url);
  const pool = await openPostgresPool(url, name);
  const access = postgresAccess(pool, name);
  return {
    ...taking(access),
    ...looking(access),
    ...clearing(access),
    [Symbol.asyncDispose]: async () => {
      if (!pool.ended) await pool.end();
    },
  };
}

const query = (on: pg.Pool | pg.PoolClient, { sql, params }: Statement) => on.query<WorkRow>(sql, [...params]);

type Run = (statement: Statement) => ReturnType<typeof query>;

/**
 * So long the database waits for the next statement of a turn, ms: a server whose machine is gone, and that nobody has told the
 * database of, would else keep everybody's turn until TCP gives it up, which takes hours.
 */
const LONGEST_TURN_MS = 10_000;

/** One transaction while no other arrival or claim is under way. */
const inTurn = <T>({ transact }: PostgresAccess, work: (run: Run) => Promise<T>): Promise<T> =>
  transact(async (client) => {
    await client.query(
      "SELECT set_config('idle_in_transaction_session_timeout', $2, true), pg_advisory_xact_lock($1)",
      [LOCK, String(LONGEST_TURN_MS)],
    );
    return work((statement) => query(client, statement));
  });

function taking(access: PostgresAccess): Pick<WorkQueue, "add" | "claim" | "extend" | "end"> {
  const changed = async (statement: Statement): Promise<boolean> =>
    (await access.write(() => query(access.pool, statement))).rowCount === 1;
  return {
    add: (work, how) =>
      inTurn(access, async (run) => {
        if ((await run(SQL.add(work, how))).rowCount === 1) return "added";
        return (await run(SQL.knows(work.id))).rowCount === 1 ? "known" : "repeated";
      }),
    claim: async (now, leaseMs) => {
      const claim = randomUUID();
      const [row] = (await inTurn(access, (run) => run(SQL.claim(claim, now, leaseMs)))).rows;
      return row && claimedOf(row, claim);
    },
    extend: (claim, until) => changed(SQL.extend(claim, until)),
    end: (claim, ending, now) => changed(SQL.end(claim, ending, now)),
  };
}

function looking({ pool, read }: PostgresAccess): Pick<WorkQueue, "nextDue" | "counts" | "deadLetters" | "known"> {
  const rows = async (statement: Statement) => (await read(() => query(pool, statement))).rows;
  return {
    nextDue: async (now, leaseMs) => {
      const [row] = await rows(SQL.nextDue(now, leaseMs));
      return row?.["due"] === null ? undefined : Number(row?.["due"]);
    },
    counts: async (now) => countsOf((await rows(SQL.counts(now)))[0] ?? {}),
    deadLetters: async (limit) => (await rows(SQL.deadLetters(limit))).map(deadLetterOf),
    known: async (ids) => {
      const sql = `SELECT id FROM ${TABLE} WHERE id = ANY(ARRAY(SELECT json_array_elements_text($1::json)))`;
      return new Set((await rows({ sql, params: [JSON.stringify(ids)] })).map((row) => String(row["id"])));
    },
  };
}

function clearing(access: PostgresAccess): Pick<WorkQueue, "revive" | "drop" | "forget"> {
  const count = async (statement: Statement): Promise<number> =>
    (await access.write(() => query(access.pool, statement))).rowCount ?? 0;
  return {
    revive: async (id, now) => (await inTurn(access, (run) => run(SQL.revive(id, now)))).rowCount === 1,
    drop: (place, now) => count(SQL.drop(place, now)),
    forget: (before) => count(SQL.forget(before)),
  };
}
