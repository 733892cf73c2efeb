import { describe, expect, test } from "@jest/globals";
import type { SpanFilter } from "../../src/store/port.ts";
import { pageQuery, totalQuery } from "../../src/store/queries/search.ts";
import { spanBatchQuery, traceQuery } from "../../src/store/queries/spans.ts";
import { countQuery, deleteRollups, oldestQuery, prunableTraces } from "../../src/store/queries/prune.ts";
import { rangeQuery, rollupBatchQuery, type SelectedRollup } from "../../src/store/queries/rollups.ts";
import { SQLITE } from "../../src/store/queries/sql.ts";
import { candidateQuery, stretchEndQuery, stretchQuery } from "../../src/store/queries/walk.ts";
import { encodeCursor } from "../../src/store/cursor.ts";
import { planOfSqlite } from "./plan.ts";
import { span, traceId } from "./spans.ts";

// What a query costs on a large store shows in its plan, without a large store and without a clock.
describe("query plans of SQLite", () => {
  const plan = planOfSqlite();

  const filters: [string, SpanFilter][] = [
    ["no filter", {}],
    ["a service", { service: "a" }],
    ["an operation", { operation: "a" }],
    ["a status and a duration", { status: "error", minDurationNs: 5 }],
    ["an attribute", { attributes: { k: "v" } }],
    ["everything", { service: "a", operation: "b", status: "ok", attributes: { k: "v" }, sinceNs: 1n, untilNs: 9n }],
  ];

  test.each(filters)("a stream with %s walks the index on start and sorts only where starts tie", (_, filter) => {
    const steps = plan(spanBatchQuery(filter, span(), SQLITE));
    expect(steps).toMatch(/SEARCH s USING INDEX spans_start \(start_ns>\?/);
    expect(steps).not.toContain("USE TEMP B-TREE FOR ORDER BY");
  });

  test("a trace is found by its id, its spans by the trace", () => {
    const steps = plan(traceQuery(traceId(0), SQLITE));
    expect(steps).toMatch(/SEARCH traces USING .*INDEX .*\(id=\?\)/);
    expect(steps).toMatch(/SEARCH s USING INDEX .*\(trace_ref=\?\)/);
    expect(steps).not.toContain("SCAN");
  });

  test("a page without filter reads the newest traces only", () => {
    const cursor = encodeCursor({ startNs: 5n, traceId: traceId(0) });
    for (const page of [{ limit: 20 }, { limit: 20, cursor }]) {
      const steps = plan(pageQuery({}, page, SQLITE));
      expect(steps).toMatch(/(SCAN|SEARCH) t USING INDEX traces_start/);
      expect(steps).not.toContain("TEMP B-TREE");
    }
  });

  test("a search by operation and window reads that operation's spans in that window only", () => {
    for (const query of [totalQuery, (filter: SpanFilter) => pageQuery(filter, { limit: 20 }, SQLITE)]) {
      const steps = plan(query({ service: "a", operation: "b", sinceNs: 1n, untilNs: 9n }, SQLITE));
      expect(steps).toContain("spans_operation_start (operation_ref=? AND start_ns>? AND start_ns<?)");
      expect(steps).not.toContain("SCAN");
    }
  });

  test("a walk looks up the spans of each trace by the trace, those with errors by their index", () => {
    const filter = { service: "a", operation: "b", minDurationNs: 5, sinceNs: 1n, untilNs: 9n };
    for (const status of ["ok", "error"] as const) {
      const search = { filter: { ...filter, status }, page: { limit: 20 }, dialect: SQLITE };
      const steps = plan(stretchQuery(search, 100));
      expect(steps).toMatch(/SEARCH s USING INDEX sqlite_autoindex_spans_1 \(trace_ref=\?\)/);
      const index = status === "ok" ? "traces_start (start_ns<?)" : "traces_retention (<expr>=? AND start_ns<?)";
      expect(steps).toContain(`SEARCH t USING INDEX ${index}`);
      expect(plan(stretchEndQuery(search, 100))).toContain(index);
    }
  });

  test("candidates are counted in an index alone", () => {
    for (const filter of [{ service: "a" }, { operation: "b", sinceNs: 1n }, { sinceNs: 1n, untilNs: 9n }, {}]) {
      expect(plan(candidateQuery(filter, 10, SQLITE))).toMatch(/(SEARCH|SCAN) s USING COVERING INDEX/);
    }
  });

  test("a search by window alone reads the spans of that window only", () => {
    expect(plan(totalQuery({ sinceNs: 1n }, SQLITE))).toContain("spans_start (start_ns>?)");
  });

  test("rollups of a window are read from its start, or from the last one, to its end only", () => {
    const window = { sinceNs: 0n, untilNs: 9n };
    const last = { operation_ref: 1n, slot: 1n, status: 0n, error_ref: 0n } as SelectedRollup;
    for (const filter of [window, { ...window, service: "a", operation: "b" }]) {
      const queries = [undefined, last].map((from) => rollupBatchQuery(filter, from, SQLITE));
      for (const query of [...queries, rangeQuery({ width: 3600, from: 1, to: 9 }, filter, SQLITE)]) {
        const steps = plan(query);
        expect(steps).toMatch(/SEARCH r USING PRIMARY KEY \(width=\? AND .*slot[^ ]*>\? AND slot<\?\)/);
        expect(steps).not.toContain("TEMP B-TREE");
      }
    }
  });

  test("what is old is found from the oldest on, of its kind only", () => {
    for (const kind of ["plain", "error"] as const) {
      for (const query of [prunableTraces, countQuery]) {
        const steps = plan(query({ kind, beforeNs: 9n }, SQLITE));
        expect(steps).toBe("SEARCH traces USING INDEX traces_retention (<expr>=? AND start_ns<?)");
      }
      expect(plan(oldestQuery(kind, SQLITE))).toContain("COVERING INDEX traces_retention (<expr>=?)");
    }
    const rollups = { kind: "rollups", beforeNs: 9n } as const;
    for (const query of [deleteRollups, countQuery]) {
      const steps = plan(query(rollups, SQLITE));
      expect(steps.match(/SEARCH rollups USING PRIMARY KEY \(width=\? AND slot<\?\)/g)).toHaveLength(2);
      expect(steps).not.toContain("SCAN");
    }
  });

  test("values are bound, never written into the SQL", () => {
    const hostile = "x'); DROP TABLE spans; --";
    const filter = { service: hostile, operation: hostile, attributes: { [hostile]: hostile } };
    for (const query of [totalQuery(filter, SQLITE), spanBatchQuery(filter, span(), SQLITE)]) {
      expect(query.sql).not.toContain("DROP");
      expect(query.params.filter((value) => String(value).includes("DROP"))).toHaveLength(4);
    }
  });
});
