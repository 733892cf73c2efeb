import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { compareSets } from "../../../src/analyze/regressions/compare.ts";
import { buildTree, type TraceTree } from "../../../src/analyze/tree.ts";
import { RegressionReport, type RegressionRow } from "../../../src/model/regression.ts";
import { createRandom, type Random } from "../../../src/stats/random.ts";
import { anySpans } from "../arbitrary.ts";
import { trace, type Plan } from "../population.ts";
import { simulate } from "./simulated.ts";

function traces(count: number, plan: (i: number, random: Random) => Plan, seed = "set"): TraceTree[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, i) => buildTree(trace(i, plan(i, random))));
}

/** A tool call of `ms`, some calls of `query` in it. */
const tool = (ms: number, { queries = 1, error = false, name = "tool" } = {}): Plan => ({
  name,
  kind: "server",
  at: 0,
  ms,
  error,
  children: Array.from({ length: queries }, (_, i) => ({ name: "query", at: 1 + i, ms: 0.9 })),
});

const noisy = (ms: number, random: Random): number => ms * (0.9 + 0.2 * random.uniform());

function rowOf(rows: readonly RegressionRow[], operation: string, metric: RegressionRow["metric"]): RegressionRow {
  const row = rows.find((one) => one.operation === operation && one.metric === metric);
  if (row === undefined) throw new Error(`no ${metric} of ${operation}`);
  return row;
}

describe("latency", () => {
  const before = traces(200, (_, random) => tool(noisy(100, random)), "before");

  test("twice as long fails, with the size and an interval around it", () => {
    const report = compareSets(
      before,
      traces(200, (_, random) => tool(noisy(200, random)), "after"),
    );
    expect(report).toMatchObject({ verdict: "fail", reasons: ["latency_regressed"] });
    for (const metric of ["geomean_ms", "p50_ms", "p95_ms"] as const) {
      const row = rowOf(report.operations, "tool", metric);
      expect(row).toMatchObject({ verdict: "fail", reasons: ["latency_regressed"] });
      expect(row.change).toBeCloseTo(1, 1);
      expect(row.interval?.low).toBeGreaterThan(0.9);
      expect(row.interval?.high).toBeLessThan(1.1);
      expect(row.adjustedP).toBeLessThan(1e-6);
    }
  });

  test("a sure change within the tolerance passes", () => {
    const report = compareSets(
      before,
      traces(200, (_, random) => tool(noisy(110, random)), "after"),
    );
    const row = rowOf(report.operations, "tool", "p50_ms");
    expect(row.adjustedP).toBeLessThan(0.001);
    expect(row).toMatchObject({ verdict: "pass" });
    expect(report.verdict).toBe("pass");
  });

  test("faster passes", () => {
    const report = compareSets(
      before,
      traces(200, (_, random) => tool(noisy(40, random)), "after"),
    );
    expect(report.verdict).toBe("pass");
    expect(rowOf(report.operations, "tool", "p50_ms").change).toBeCloseTo(-0.6, 1);
  });

  test("a slow tail alone shows at p95 and not at p50", () => {
    const tail = traces(200, (i, random) => tool(noisy(i % 8 === 0 ? 900 : 100, random)), "after");
    const report = compareSets(before, tail);
    expect(rowOf(report.operations, "tool", "p95_ms").verdict).toBe("fail");
    expect(rowOf(report.operations, "tool", "p50_ms").verdict).toBe("pass");
  });

  test("a change below a millisecond is no regression", () => {
    const fast = (ms: number, seed: string) =>
      traces(200, (_, random) => tool(noisy(ms, random), { queries: 0 }), seed);
    expect(compareSets(fast(0.2, "a"), fast(0.9, "b")).verdict).toBe("pass");
  });

  test("one trace with a thousand slow calls is one trace", () => {
    const burst = traces(40, (i, random) => ({
      ...tool(100),
      children: Array.from({ length: i === 0 ? 1_000 : 5 }, (_, k) => ({
        name: "query",
        at: k,
        ms: noisy(i === 0 ? 50 : 5, random),
      })),
    }));
    const usual = traces(40, (_, random) => ({
      ...tool(100),
      children: Array.from({ length: 5 }, (_one, k) => ({ name: "query", at: k, ms: noisy(5, random) })),
    }));
    expect(rowOf(compareSets(usual, burst).operations, "query", "p50_ms").verdict).toBe("inconclusive");
  });
});

describe("errors and calls", () => {
  const healthy = traces(200, () => tool(10));

  test("failing calls fail the comparison", () => {
    const report = compareSets(
      healthy,
      traces(200, (i) => tool(10, { error: i % 5 === 0 })),
    );
    expect(rowOf(report.operations, "tool", "error_rate")).toMatchObject({
      before: 0,
      after: 0.2,
      change: 0.2,
      verdict: "fail",
      reasons: ["errors_regressed"],
    });
  });

  test("more calls per trace fail it, fewer do not", () => {
    const many = traces(200, () => tool(30, { queries: 8 }));
    const few = traces(200, () => tool(30));
    const more = compareSets(few, many);
    expect(rowOf(more.operations, "query", "calls_per_trace")).toMatchObject({ before: 1, after: 8, verdict: "fail" });
    expect(more.structural).toMatchObject([{ change: "multiplicity", operation: "query", before: 1, after: 8 }]);
    const fewer = compareSets(many, few);
    expect(fewer.verdict).toBe("pass");
    expect(fewer.structural).toMatchObject([{ change: "multiplicity", verdict: "pass" }]);
  });

  test("sampled traces count with their weight", () => {
    const weighted = (i: number): Plan => ({
      ...tool(10, { error: i % 2 === 0 }),
      attributes: { "whetstone.sample_weight": i % 2 === 0 ? 1 : 19 },
    });
    const report = compareSets(traces(200, weighted), traces(200, weighted));
    expect(rowOf(report.operations, "tool", "error_rate").before).toBeCloseTo(0.05, 12);
  });
});

describe("mix of traffic", () => {
  const mixed = (share: number) =>
    traces(300, (i, random) =>
      i < 300 * share
        ? { ...tool(noisy(20, random), { name: "light" }), children: [{ name: "fetch", at: 0, ms: noisy(5, random) }] }
        : {
            ...tool(noisy(200, random), { name: "heavy" }),
            children: [{ name: "fetch", at: 0, ms: noisy(100, random) }],
          },
    );

  test("more of the heavy kind of trace is no regression of what it calls", () => {
    const report = compareSets(mixed(0.8), mixed(0.2));
    expect(report.operations.filter(({ verdict }) => verdict === "fail")).toEqual([]);
    expect(rowOf(report.operations, "fetch", "geomean_ms")).toMatchObject({
      verdict: "pass",
      change: expect.closeTo(0, 1),
    });
  });

  test("a slow-down within one kind is found in spite of it", () => {
    const slower = mixed(0.2).map((tree) => ({
      ...tree,
      nodes: tree.nodes.map((node) =>
        node.span.name === "fetch" ? { ...node, end: node.start + 2 * (node.end - node.start) } : node,
      ),
    }));
    expect(rowOf(compareSets(mixed(0.8), slower).operations, "fetch", "geomean_ms").verdict).toBe("fail");
  });

  test("an entry that only one set has is not covered, and keeps the whole from passing", () => {
    const one = traces(100, () => tool(10, { name: "a" }));
    const two = traces(100, (i) => tool(10, { name: i % 2 === 0 ? "a" : "b" }));
    const report = compareSets(two, one);
    expect(report.notCompared).toMatchObject([{ operation: "b", callsBefore: 50, callsAfter: 0, rare: false }]);
    expect(report).toMatchObject({ verdict: "inconclusive", reasons: ["evidence_insufficient"] });
  });
});

describe("too little", () => {
  const few = (count: number, ms = 10) => traces(count, (_, random) => tool(noisy(ms, random)), `${count} of ${ms}`);

  test.each([1, 2, 5, 9])("%i traces never pass", (count) => {
    expect(compareSets(few(count), few(count))).toMatchObject({
      verdict: "inconclusive",
      reasons: ["evidence_insufficient"],
    });
  });

  test("nor does an empty set", () => {
    expect(compareSets([], few(100)).verdict).toBe("inconclusive");
    expect(compareSets([], [])).toMatchObject({ verdict: "inconclusive", operations: [], structural: [] });
  });

  test("a rare operation is shown as undecided, but the rest may pass", () => {
    const plan = (i: number): Plan => tool(10, { queries: i % 100 === 0 ? 1 : 0 });
    const report = compareSets(traces(200, plan), traces(200, plan));
    expect(rowOf(report.operations, "query", "p50_ms")).toMatchObject({ verdict: "inconclusive", rare: true });
    expect(report.verdict).toBe("pass");
  });
});

describe("properties", () => {
  const set = fc
    .array(anySpans, { maxLength: 6 })
    .map((all) =>
      all.map((spans, i) =>
        buildTree(spans.map((span) => ({ ...span, traceId: (i + 1).toString(16).padStart(32, "0") }))),
      ),
    );

  test("any set against itself never fails, and the report keeps its schema", () => {
    fc.assert(
      fc.property(set, (given) => {
        const report = compareSets(given, given);
        expect(report.verdict).not.toBe("fail");
        expect(report.operations.filter(({ change }) => Math.abs(change) > 1e-9)).toEqual([]);
        RegressionReport.parse(JSON.parse(JSON.stringify(report)));
      }),
    );
  });

  test("the order of traces does not matter", () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        expect(compareSets(a.toReversed(), b.toReversed())).toEqual(compareSets(a, b));
      }),
    );
  });

  test("swapping the sets turns the change round", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = createRandom(seed);
        const how = { operations: 3, random };
        const a = simulate({ ...how, traces: 15 });
        const b = simulate({ ...how, traces: 12, slower: new Map([[1, 1.5]]) });
        const there = compareSets(a, b);
        const back = compareSets(b, a);
        for (const row of there.operations) {
          const other = rowOf(back.operations, row.operation, row.metric);
          const relative = row.metric.endsWith("_ms");
          expect(other.change).toBeCloseTo(relative ? 1 / (1 + row.change) - 1 : -row.change, 9);
          const low = row.interval?.low ?? 0;
          expect(other.interval?.high).toBeCloseTo(relative ? 1 / (1 + low) - 1 : -low, 9);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("error rates, simulated", () => {
  test("40 comparisons of equal sets with 30 operations: at most 5 false failures", () => {
    const random = createRandom("a/a");
    let failed = 0;
    for (let run = 0; run < 40; run += 1) {
      const how = { traces: 25, operations: 30, random };
      if (compareSets(simulate(how), simulate(how, 25)).verdict === "fail") failed += 1;
    }
    // P(Bin(40, 0.05) > 5) = 0.014; the seed is fixed.
    expect(failed).toBeLessThanOrEqual(5);
  });

  test("one of 50 operations twice as slow is found in 50 traces, in each of 10 runs", () => {
    const random = createRandom("power");
    for (let run = 0; run < 10; run += 1) {
      const how = { traces: 50, operations: 50, random };
      const report = compareSets(simulate(how), simulate({ ...how, slower: new Map([[7, 2]]) }, 50));
      expect(rowOf(report.operations, "step h0", "geomean_ms").verdict).toBe("fail");
      expect(report.verdict).toBe("fail");
    }
  });
});
