import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { coverageOf, knownPaths } from "../../src/analyze/coverage.ts";
import { groupTraces } from "../../src/analyze/tree.ts";
import { anySpans } from "./arbitrary.ts";
import { repeat, type Plan } from "./population.ts";

const checkout = (i: number): Plan => ({
  name: "checkout",
  service: "shop",
  at: 0,
  ms: 10,
  children: [
    {
      name: "pay",
      service: "payment",
      at: 1,
      ms: 5,
      error: true,
      children: [{ name: "charge", service: "bank", at: 2, ms: 2 }],
    },
    ...(i === 0 ? [{ name: "audit", service: "shop", at: 7, ms: 1 }] : []),
  ],
});
const step = (service: string, operation: string) => ({ service, operation });

describe("coverageOf", () => {
  const traces = groupTraces(repeat(3, checkout));

  test("what was taken, how often, what is missing, what only failed, what nobody expected", () => {
    const coverage = coverageOf(traces, [
      step("shop", "checkout"),
      step("payment", "pay"),
      { ...step("bank", "charge"), below: step("shop", "checkout") },
      { ...step("bank", "charge"), below: step("shop", "refund") },
    ]);
    expect(coverage.ratio).toBe(0.75);
    expect(coverage.covered).toEqual([
      { ...step("shop", "checkout"), calls: 3, traces: 3, errors: 0 },
      { ...step("payment", "pay"), calls: 3, traces: 3, errors: 3 },
      { ...step("bank", "charge"), below: step("shop", "checkout"), calls: 3, traces: 3, errors: 0 },
    ]);
    expect(coverage.missing).toEqual([{ ...step("bank", "charge"), below: step("shop", "refund") }]);
    expect(coverage.onlyFailed).toEqual([step("payment", "pay")]);
    expect(coverage.unexpected).toEqual([step("shop", "audit")]);
  });

  test("nothing expected is all covered; nothing seen covers nothing", () => {
    expect(coverageOf(traces, []).ratio).toBe(1);
    expect(coverageOf([], [step("shop", "checkout")])).toMatchObject({ ratio: 0, covered: [], unexpected: [] });
  });

  test("property: a population covers its own paths wholly, and half of it only paths of the whole", () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const own = groupTraces(spans);
        const paths = knownPaths(own);
        expect(coverageOf(own, paths)).toMatchObject({ ratio: 1, missing: [], unexpected: [] });
        expect(knownPaths(groupTraces(spans.toReversed()))).toEqual(paths);
      }),
    );
  });
});
