import type { DatabaseSync } from "node:sqlite";
import type { Prunable, PruneCount, StoreExtent } from "./port.ts";
import {
  countOf,
  countQuery,
  deleteRollups,
  oldestOf,
  oldestQuery,
  prunableTraces,
  tracesOfStep,
  type SelectedCount,
  type SelectedPrunable,
} from "./queries/prune.ts";
import { SQLITE } from "./queries/sql.ts";
import { inTransaction, named, selectAll } from "./sqlite-query.ts";

/** Removes one step in one transaction. */
export function pruneSqlite(db: DatabaseSync, what: Prunable): PruneCount {
  return inTransaction(db, "BEGIN IMMEDIATE", () =>
    what.kind === "rollups" ? pruneRows(db, what) : pruneTraces(db, what),
  );
}

function pruneRows(db: DatabaseSync, what: Prunable): PruneCount {
  const { sql, params } = deleteRollups(what, SQLITE);
  return { traces: 0, spans: 0, rows: Number(db.prepare(sql).run(named(params)).changes) };
}

function pruneTraces(db: DatabaseSync, what: Prunable): PruneCount {
  const step = tracesOfStep(selectAll(db, prunableTraces(what, SQLITE)) as SelectedPrunable[], what);
  const spansOf = db.prepare("DELETE FROM spans WHERE trace_ref = ?");
  const trace = db.prepare("DELETE FROM traces WHERE ref = ?");
  let spans = 0;
  for (const { ref } of step) {
    spans += Number(spansOf.run(ref).changes);
    trace.run(ref);
  }
  return { traces: step.length, spans, rows: 0 };
}

/** Everything that can be removed. */
export function prunableSqlite(db: DatabaseSync, what: Prunable): PruneCount {
  return countOf(selectAll(db, countQuery(what, SQLITE))[0] as SelectedCount);
}

/** Size of the database, and its oldest traces. */
export function extentOfSqlite(db: DatabaseSync): StoreExtent {
  const pragma = (name: string): number => Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
  const [pages, free, size] = [pragma("page_count"), pragma("freelist_count"), pragma("page_size")];
  return {
    bytes: pages * size,
    usedBytes: (pages - free) * size,
    oldestNs: oldestOf({
      plain: selectAll(db, oldestQuery("plain", SQLITE)),
      error: selectAll(db, oldestQuery("error", SQLITE)),
    }),
  };
}
