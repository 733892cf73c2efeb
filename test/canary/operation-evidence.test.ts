import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { logHarmEValue } from "../../src/canary/e-values.ts";
import type { BadEvents } from "../../src/canary/likelihood.ts";
import { logOperationsEValue, namedByEbh, operationsAlpha } from "../../src/canary/operation-evidence.ts";
import { CANARY_DEFAULTS, type CanarySettings } from "../../src/canary/options.ts";

const settings: CanarySettings = { ...CANARY_DEFAULTS, weight: 0.3, minimumBadEvents: 1 };
const at = (share: number, canary: number, baseline: number): BadEvents => ({
  prior: share,
  stages: [{ share, canary, baseline }],
});
const value = (events: readonly BadEvents[], chosen = settings): number =>
  Math.exp(logOperationsEValue(events, chosen));

describe("the average over operations", () => {
  test("is 1 without a bad event, however many operations there are", () => {
    for (const count of [0, 1, 5, 40]) {
      expect(value(Array.from({ length: count }, () => at(0.3, 0, 0)))).toBeCloseTo(1, 12);
    }
  });

  test("weighs the k-th operation by 1 / (k(k + 1))", () => {
    const e = Math.exp(logHarmEValue(at(0.3, 6, 1)));
    expect(value([at(0.3, 6, 1), at(0.3, 0, 0)])).toBeCloseTo(e / 2 + 1 / 6 + 1 / 3, 9);
    expect(value([at(0.3, 0, 0), at(0.3, 6, 1)])).toBeCloseTo(1 / 2 + e / 6 + 1 / 3, 9);
  });

  test("has an expectation of at most 1 under the null, over every way that bad events can fall, in two operations", () => {
    for (const w of [0.1, 0.5]) {
      for (const part of [1, 0.5]) {
        const theta = w * part;
        let sum = 0;
        for (let outcome = 0; outcome < 2 ** 8; outcome++) {
          const bits = Array.from({ length: 8 }, (_, bit) => (outcome >> bit) & 1);
          const [a, b] = [bits.slice(0, 3), bits.slice(3)].map((own) => own.reduce((x, bit) => x + bit, 0));
          const events = [at(w, a ?? 0, 3 - (a ?? 0)), at(w, b ?? 0, 5 - (b ?? 0))];
          const hits = (a ?? 0) + (b ?? 0);
          sum += theta ** hits * (1 - theta) ** (8 - hits) * value(events);
        }
        expect(sum).toBeLessThanOrEqual(1 + 1e-9);
        if (part === 1) expect(sum).toBeCloseTo(1, 9);
      }
    }
  });

  test("operations below the minimum of bad events never raise it", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 6 }), (counts) => {
        const events = counts.map(([x, y]) => at(0.3, x, y));
        const strict = value(events, { ...settings, minimumBadEvents: 10 });
        expect(strict).toBeLessThanOrEqual(1 + 1e-12);
        expect(strict).toBeLessThanOrEqual(value(events) + 1e-12);
      }),
    );
  });
});

test("e-BH names two of 40, 26, 9, 2, 0.5 at a false-discovery rate of 0.1, though 40 < 50", () => {
  const logs = [40, 26, 9, 2, 0.5].map(Math.log);
  expect(namedByEbh(logs, { hypotheses: 5, alpha: 0.1 })).toBe(2);
  expect(namedByEbh(logs.slice(0, 2), { hypotheses: 5, alpha: 0.1 })).toBe(2);
  expect(namedByEbh(logs.slice(0, 1), { hypotheses: 5, alpha: 0.1 })).toBe(0);
  expect(namedByEbh([], { hypotheses: 5, alpha: 0.1 })).toBe(0);
});

test("single operations have what the metrics leave of alpha", () => {
  expect(operationsAlpha(settings)).toBeCloseTo(0.0025, 12);
  expect(operationsAlpha({ ...settings, alphaShares: { errors: 0.8, slow_calls: 0.1, latency: 0.1 } })).toBe(0);
});
