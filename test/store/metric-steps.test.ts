import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { shares, stepAt, stepSeconds, type Steps } from "../../src/store/metric-steps.ts";

const steps: Steps = { sinceNs: 100n, untilNs: 125n, stepNs: 10n, count: 3 };
const ns = fc.bigInt({ min: 0n, max: 200n });

describe("steps of a window", () => {
  test("begin at its start; the last one may be shorter", () => {
    expect([99n, 100n, 109n, 110n, 124n, 125n].map((at) => stepAt(steps, at))).toEqual([
      undefined,
      0,
      0,
      1,
      2,
      undefined,
    ]);
    expect([0, 1, 2].map((step) => stepSeconds(steps, step))).toEqual([10e-9, 10e-9, 5e-9]);
  });

  test("a span of time lies in each step by the share of it that overlaps", () => {
    expect([...shares(steps, 90n, 130n)]).toEqual([
      [0, 0.25],
      [1, 0.25],
      [2, 0.125],
    ]);
    expect([...shares(steps, 105n, 115n)]).toEqual([
      [0, 0.5],
      [1, 0.5],
    ]);
    expect([...shares(steps, 110n, 110n)]).toEqual([[1, 1]]);
    expect([...shares(steps, 125n, 125n)]).toEqual([]);
  });

  test("shares are those of every nanosecond by itself", () => {
    fc.assert(
      fc.property(ns, ns, (a, b) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        fc.pre(from < to);
        const naive = new Map<number, number>();
        for (let at = from; at < to; at += 1n) {
          const step = stepAt(steps, at);
          if (step !== undefined) naive.set(step, (naive.get(step) ?? 0) + 1 / Number(to - from));
        }
        const found = [...shares(steps, from, to)];
        expect(found.map(([step]) => step)).toEqual([...naive.keys()]);
        for (const [step, share] of found) expect(share).toBeCloseTo(naive.get(step) ?? 0, 9);
      }),
    );
  });
});
