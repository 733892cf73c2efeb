import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { writer } from "../../store/sqlite-attempt.ts";
import { openDatabase } from "../../store/sqlite-open.ts";
import { named } from "../../store/sqlite-query.ts";
import { writeTurns } from "../../store/sqlite-turns.ts";
import type { WorkQueue } from "./port.ts";
import { groupedWrites, type Grouped } from "./sqlite-groups.ts";
import { claimedOf, countsOf, deadLetterOf, type Statement, type WorkRow, workStatements } from "./statements.ts";

const SQL = workStatements({ table: "app_work", nextSeq: "(SELECT max(seq) + 1 FROM app_work)", indexOf: "instr" });

/** The queue's connection: statements are prepared once. */
type Connection = {
  readonly change: (statement: Statement) => number;
  readonly rows: (statement: Statement) => readonly WorkRow[];
};

/**
 * The App's queue in a SQLite file, which may be the span store; created when it is missing. Several processes may
 * share it. Writes that come together are one transaction, so that each waits for the disk once.
 * @throws WhetstoneError `store_open_failed`
 */
export async function openSqliteQueue({ path: named }: { readonly path: string }): Promise<WorkQueue> {
  const path = resolve(named);
  const db = await openDatabase({ path });
  const turns = writeTurns();
  const writes = groupedWrites(db, writer(db, path, turns));
  const on = connection(db);
  return {
    ...taking(on, writes),
    ...looking(on, writes),
    ...clearing(on, writes),
    [Symbol.asyncDispose]: async () => {
      await writes.idle();
      await turns.idle();
      if (db.isOpen) db.close();
    },
  };
}

function connection(db: DatabaseSync): Connection {
  const prepared = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    const statement = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  };
  return {
    change: ({ sql, params }) => Number(prepare(sql).run(named(params)).changes),
    rows: ({ sql, params }) => prepare(sql).all(named(params)),
  };
}

function taking({ change, rows }: Connection, { write }: Grouped): Pick<WorkQueue, "add" | "claim" | "extend" | "end"> {
  return {
    add: (work, how) =>
      write(() => {
        if (change(SQL.add(work, how)) === 1) return "added";
        return rows(SQL.knows(work.id)).length > 0 ? "known" : "repeated";
      }),
    claim: async (now, leaseMs) => {
      const claim = randomUUID();
      const [row] = await write(() => rows(SQL.claim(claim, now, leaseMs)));
      return row && claimedOf(row, claim);
    },
    extend: async (claim, until) => (await write(() => change(SQL.extend(claim, until)))) === 1,
    end: async (claim, ending, now) => (await write(() => change(SQL.end(claim, ending, now)))) === 1,
  };
}

function looking(
  { rows }: Connection,
  { read }: Grouped,
): Pick<WorkQueue, "nextDue" | "counts" | "deadLetters" | "known"> {
  return {
    nextDue: async (now, leaseMs) => {
      const [row] = await read(() => rows(SQL.nextDue(now, leaseMs)));
      return row?.["due"] === null ? undefined : Number(row?.["due"]);
    },
    counts: async (now) => countsOf((await read(() => rows(SQL.counts(now))))[0] ?? {}),
    deadLetters: async (limit) => (await read(() => rows(SQL.deadLetters(limit)))).map(deadLetterOf),
    known: async (ids) => {
      const sql = "SELECT id FROM app_work WHERE id IN (SELECT value FROM json_each($1))";
      const found = await read(() => rows({ sql, params: [JSON.stringify(ids)] }));
      return new Set(found.map((row) => String(row["id"])));
    },
  };
}

function clearing({ change }: Connection, { write }: Grouped): Pick<WorkQueue, "revive" | "drop" | "forget"> {
  return {
    revive: async (id, now) => (await write(() => change(SQL.revive(id, now)))) === 1,
    drop: (place, now) => write(() => change(SQL.drop(place, now))),
    forget: (before) => write(() => change(SQL.forget(before))),
  };
}
