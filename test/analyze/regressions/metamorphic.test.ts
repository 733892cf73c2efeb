import { describe, expect, test } from "@jest/globals";
import { compareSets } from "../../../src/analyze/regressions/compare.ts";
import { buildTree, type TraceTree } from "../../../src/analyze/tree.ts";
import type { RegressionReport } from "../../../src/model/regression.ts";
import type { Span } from "../../../src/model/span.ts";
import { createRandom } from "../../../src/stats/random.ts";
import { traceIdOf } from "../population.ts";
import { simulate } from "./simulated.ts";

const spansOf = (trees: readonly TraceTree[]): Span[][] => trees.map(({ nodes }) => nodes.map(({ span }) => span));

/** Both sets of a comparison in which something is slower, something errs more often, and something is as before. */
const before = spansOf(simulate({ traces: 30, operations: 3, random: createRandom("before"), errorRate: 0.05 }));
const after = spansOf(
  simulate(
    {
      traces: 40,
      operations: 3,
      random: createRandom("after"),
      errorRate: 0.2,
      slower: new Map([[1, 2.5]]),
      repeats: 2,
    },
    500,
  ),
);

type Sets = { readonly before: readonly Span[][]; readonly after: readonly Span[][] };
const compared = (sets: Sets): RegressionReport =>
  compareSets(sets.before.map(buildTree), sets.after.map(buildTree), {});
const plain = compared({ before, after });

/** Changes every span of both sets. */
const mapped = (change: (span: Span, trace: number) => Partial<Span>): Sets => {
  const all = (set: readonly Span[][]) => set.map((spans, i) => spans.map((one) => ({ ...one, ...change(one, i) })));
  return { before: all(before), after: all(after) };
};

/** What a report says, without what a change of names may change: rows by metric and numbers. */
const numbersOf = ({ verdict, reasons, operations, structural, relations, notCompared }: RegressionReport) => ({
  verdict,
  reasons,
  relations,
  notCompared: notCompared.length,
  rows: operations
    .map(({ metric, before: b, after: a, adjustedP, verdict: own }) =>
      [metric, own, b.toPrecision(7), a.toPrecision(7), adjustedP.toPrecision(6)].join(" "),
    )
    .toSorted(),
  changes: structural.map((one) => `${one.change} ${one.verdict} ${one.adjustedP.toPrecision(6)}`).toSorted(),
});

describe("compareSets", () => {
  test("finds what was made worse, so that the rest of these tests is about something", () => {
    expect(plain.verdict).toBe("fail");
    expect(plain.reasons).toEqual(
      expect.arrayContaining(["calls_regressed", "latency_regressed", "structure_changed"]),
    );
    expect(plain.operations.some(({ verdict }) => verdict !== "fail")).toBe(true);
  });

  test.each<readonly [string, () => Sets]>([
    ["another time", () => mapped(({ startNs }) => ({ startNs: startNs - 86_400_000_000_000n }))],
    [
      "other span ids",
      () =>
        mapped(({ spanId, parentSpanId }) => ({
          spanId: spanId.replace(/^0/, "f"),
          ...(parentSpanId === undefined ? {} : { parentSpanId: parentSpanId.replace(/^0/, "f") }),
        })),
    ],
    ["other trace ids in another order", () => mapped((_, i) => ({ traceId: traceIdOf((i * 7_919) % 10_007) }))],
    ["another name of the service", () => mapped(() => ({ service: "zebra" }))],
    ["an id in every name", () => mapped(({ name }, i) => ({ name: `${name}/${i}` }))],
    ["more attributes", () => mapped((_, i) => ({ attributes: { noise: i, constructor: "x" } }))],
    [
      "a sample weight that all have",
      () => mapped(({ attributes }) => ({ attributes: { ...attributes, "whetstone.sample_weight": 7 } })),
    ],
    [
      "traces in another order",
      () => ({
        before: before.toReversed(),
        after: after.toSorted(([a], [b]) => Number((b?.startNs ?? 0n) % 17n) - Number((a?.startNs ?? 0n) % 17n)),
      }),
    ],
    [
      "spans in another order",
      () => ({ before: before.map((spans) => spans.toReversed()), after: after.map((spans) => spans.toReversed()) }),
    ],
  ])("does not look at %s", (_, change) => {
    expect(numbersOf(compared(change()))).toEqual(numbersOf(plain));
  });

  test.each([0.5, 2, 1_000])("times in another unit (× %d) change latencies by the factor and no p-value", (factor) => {
    const scaled = compared(
      mapped(({ startNs, durationNs }) => ({
        startNs: BigInt(Math.round(Number(startNs - 1_763_000_000_000_000_000n) * factor)) + 1_763_000_000_000_000_000n,
        durationNs: Math.round(durationNs * factor),
      })),
    );
    const key = (row: RegressionReport["operations"][number]) => `${row.operation} ${row.metric}`;
    const rows = new Map(scaled.operations.map((row) => [key(row), row]));
    for (const row of plain.operations) {
      const other = rows.get(key(row));
      const unit = row.metric.endsWith("_ms") ? factor : 1;
      expect((other?.before ?? 0) / unit).toBeCloseTo(row.before, 4);
      expect(other?.change).toBeCloseTo(row.change, 4);
      expect(other?.pValueOrE).toBeCloseTo(row.pValueOrE, 4);
    }
  });

  test("the sets turned round: changes turn round, and what failed for being worse does not fail for being better", () => {
    const back = compared({ before: after, after: before });
    const key = (row: RegressionReport["operations"][number]) => `${row.operation} ${row.metric}`;
    const rows = new Map(back.operations.map((row) => [key(row), row]));
    expect(rows.size).toBe(plain.operations.length);
    for (const row of plain.operations) {
      const other = rows.get(key(row));
      expect([other?.before, other?.after].map((value) => value?.toPrecision(9))).toEqual(
        [row.after, row.before].map((value) => value.toPrecision(9)),
      );
      const together = row.metric.endsWith("_ms")
        ? (1 + row.change) * (1 + (other?.change ?? 0)) - 1
        : row.change + (other?.change ?? 0);
      expect(together).toBeCloseTo(0, 9);
      expect([row.verdict, other?.verdict]).not.toEqual(["fail", "fail"]);
      // At least one of "worse" and "better" is no surprise.
      expect(row.pValueOrE + (other?.pValueOrE ?? 0)).toBeGreaterThan(0.9);
    }
  });

  test("a set against itself, whole or in halves, never fails; a copy under other ids neither", () => {
    const copy = before.map((spans, i) => spans.map((one) => ({ ...one, traceId: traceIdOf(5_000 + i) })));
    for (const sets of [
      { before, after: before },
      { before, after: copy },
      { before: before.filter((_, i) => i % 2 === 0), after: before.filter((_, i) => i % 2 === 1) },
    ]) {
      const report = compared(sets);
      expect(report.verdict).not.toBe("fail");
      for (const { change, before: b, after: a } of sets.after === copy ? report.operations : []) {
        expect([change, b]).toEqual([0, a]);
      }
    }
  });

  test("every trace twice: the same numbers, and nothing that failed passes", () => {
    const twice = (set: readonly Span[][], from: number) => [
      ...set,
      ...set.map((spans, i) => spans.map((one) => ({ ...one, traceId: traceIdOf(from + i) }))),
    ];
    const doubled = compared({ before: twice(before, 20_000), after: twice(after, 30_000) });
    const rows = new Map(doubled.operations.map((row) => [`${row.operation} ${row.metric}`, row]));
    for (const row of plain.operations) {
      const other = rows.get(`${row.operation} ${row.metric}`);
      // Quantiles between two values move a little; means and rates do not.
      const isExact = !row.metric.startsWith("p");
      expect(Math.abs((other?.after ?? NaN) - row.after)).toBeLessThanOrEqual((isExact ? 1e-9 : 0.1) * row.after);
      if (row.verdict === "fail") expect(other?.verdict).toBe("fail");
    }
  });

  test("weights count as copies do: one trace of weight 3 has the rates of three traces", () => {
    const weighted = after.map((spans, i) =>
      spans.map((one) => ({
        ...one,
        attributes: i % 2 === 0 ? { ...one.attributes, "whetstone.sample_weight": 3 } : one.attributes,
      })),
    );
    const copied = after.flatMap((spans, i) =>
      (i % 2 === 0 ? [0, 1, 2] : [0]).map((copy) =>
        spans.map((one) => ({ ...one, traceId: traceIdOf(40_000 + 3 * i + copy) })),
      ),
    );
    const [one, other] = [compared({ before, after: weighted }), compared({ before, after: copied })];
    const rows = new Map(other.operations.map((row) => [`${row.operation} ${row.metric}`, row]));
    for (const row of one.operations.filter(({ metric }) => !metric.startsWith("p"))) {
      expect(rows.get(`${row.operation} ${row.metric}`)?.after).toBeCloseTo(row.after, 9);
    }
  });
});
