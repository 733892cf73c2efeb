import { describe, expect, test } from "@jest/globals";
import type { LogFilter } from "../../src/store/log-port.ts";
import { documentCountQuery, documentPageQuery, documentQuery } from "../../src/store/queries/documents.ts";
import { logStretchEndQuery, logStretchQuery, oldestLogQuery, pruneLogsQuery } from "../../src/store/queries/logs.ts";
import {
  neighbourQuery,
  oldestPointQuery,
  pointQuery,
  prunePointsQuery,
  streamQuery,
} from "../../src/store/queries/metrics.ts";
import { SQLITE } from "../../src/store/queries/sql.ts";
import { planOfSqlite } from "./plan.ts";
import { traceId } from "./spans.ts";

// What a query costs on a large store shows in its plan, without a large store and without a clock.
describe("query plans of SQLite for metrics, logs and documents", () => {
  const plan = planOfSqlite();
  const POINTS = /SEARCH (p|metric_points) USING (COVERING INDEX |PRIMARY KEY|INDEX )/;

  test("points are read from their series, by time, without sorting", () => {
    const window = { sinceNs: 1n, untilNs: 9n };
    const last = { time_ns: 5n, start_ns: 0n, value: 1, data: null, exemplars: null };
    for (const from of [undefined, last]) {
      const steps = plan(pointQuery(1n, window, { last: from, dialect: SQLITE }));
      expect(steps).toMatch(/SEARCH p USING PRIMARY KEY \(series_ref=\? AND/);
      expect(steps).not.toContain("TEMP B-TREE");
    }
    for (const side of ["before", "from"] as const) {
      expect(plan(neighbourQuery(1n, { ns: 5n, side }, SQLITE))).toMatch(/\(series_ref=\? AND time_ns[<>]\?\)/);
    }
  });

  test("series are found by name or service, their first and last points by seeks", () => {
    expect(plan(streamQuery({ name: "m" }, undefined, SQLITE))).toContain("metric_series_name (name=?)");
    expect(plan(streamQuery({ name: "m", service: "s" }, undefined, SQLITE))).toContain("(name=? AND service=?)");
    expect(plan(streamQuery({ service: "s" }, undefined, SQLITE))).toContain("metric_series_service (service=?)");
    expect(plan(streamQuery({}, undefined, SQLITE))).not.toMatch(/SCAN (p|metric_points)/);
  });

  test("retention of points walks the series, never all points", () => {
    for (const query of [prunePointsQuery(5n, SQLITE), oldestPointQuery(SQLITE)]) {
      expect(plan(query)).toMatch(POINTS);
      expect(plan(query)).not.toMatch(/SCAN (p|metric_points)/);
    }
  });

  test.each<[string, LogFilter, string]>([
    ["nothing", {}, "sqlite_autoindex_logs_1"],
    ["a service", { service: "a" }, "sqlite_autoindex_logs_1"],
    [
      "a text in a window",
      { text: "x", sinceNs: 1n, untilNs: 9n },
      "sqlite_autoindex_logs_1 (time_ns>? AND time_ns<?)",
    ],
    ["warnings", { minSeverity: 13 }, "sqlite_autoindex_logs_1"],
    ["errors", { minSeverity: 17 }, "logs_errors"],
    ["a trace", { traceId: traceId(1) }, "logs_trace (trace_id=?)"],
  ])("a search of logs for %s walks an index, newest first", (_, filter, index) => {
    const search = { filter, after: undefined, dialect: SQLITE };
    const [page, end] = [plan(logStretchQuery(search, 2_000, 20)), plan(logStretchEndQuery(search, 2_000))];
    for (const steps of [page, end]) expect(steps).toContain(index);
    // The rows of one trace are few, and sorted where times tie.
    if (filter.traceId === undefined) expect(end).not.toContain("TEMP B-TREE");
  });

  test("retention of logs takes the oldest from the index", () => {
    expect(plan(pruneLogsQuery(5n, SQLITE))).toContain("sqlite_autoindex_logs_1 (time_ns<?)");
    expect(plan(oldestLogQuery(SQLITE))).toContain("COVERING INDEX sqlite_autoindex_logs_1");
  });

  test("documents are found by name, and each name is listed once however many versions it has", () => {
    const key = { kind: "spec", name: "a" } as const;
    for (const version of [undefined, 3]) {
      expect(plan(documentQuery({ ...key, version }, SQLITE))).toMatch(/SEARCH d .*\(kind=\? AND name=\?/);
    }
    const page = plan(documentPageQuery("spec", { limit: 5, after: "a" }, SQLITE));
    expect(page).toContain("documents_names (kind=? AND name>?)");
    expect(page).not.toContain("SCAN d\n");
    expect(plan(documentCountQuery("spec", SQLITE))).toContain("documents_names (kind=?)");
  });
});
