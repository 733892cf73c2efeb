import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildEvidence } from "../../src/analyze/evidence.ts";
import { measuredQuantile } from "../../src/analyze/rating.ts";
import type { Evidence } from "../../src/model/finding.ts";
import type { Span } from "../../src/model/span.ts";
import { createRandom } from "../../src/stats/random.ts";
import { trace } from "./population.ts";

const window = { since: "2025-11-13T00:00:00Z", until: "2025-11-14T00:00:00Z" };
const evidenceOf = (spans: readonly Span[]): Evidence => buildEvidence({ target: "notes", window, spans });

/** A call of its own trace; `weight` 1 is left unsaid, as a sampler does. */
const call = (n: number, given: { readonly failed: boolean; readonly ms?: number; readonly weight?: number }): Span[] =>
  trace(n, {
    name: "tools/call search",
    kind: "server",
    at: 0,
    ms: given.ms ?? 10,
    ...(given.failed && { error: "timeout" }),
    attributes: {
      "mcp.method.name": "tools/call",
      ...(given.weight !== undefined && { "whetstone.sample_weight": given.weight }),
    },
  });
const errorsOf = ({ findings }: Evidence) => findings.find(({ kind }) => kind === "errors");

describe("sampled calls", () => {
  test("all errors kept and a tenth of the rest: the rate is that of the whole, not of what was kept", () => {
    const failed = Array.from({ length: 20 }, (_, n) => call(n, { failed: true }));
    const good = Array.from({ length: 98 }, (_, n) => call(100 + n, { failed: false, weight: 10 }));
    const evidence = evidenceOf([...failed, ...good].flat());
    expect(evidence.operations).toMatchObject([{ calls: 1_000, errors: 20, errorRate: 0.02 }]);
    const finding = errorsOf(evidence);
    expect(finding).toMatchObject({ value: 0.02, samples: 118 });
    expect(finding?.suggestion).toContain("20 of 1000 calls (2 %)");
    // The interval is that of what was seen: wider than one of 1,000 calls, and around the rate.
    const { low = 1, high = 0 } = finding?.interval ?? {};
    expect(low < 0.02 && 0.02 < high).toBe(true);
    expect(high - low).toBeGreaterThan(0.02);
  });

  test("sampled at one rate: rate, interval and quantiles are those of the kept calls, the counts those of the whole", () => {
    const population = (weight: number | undefined): Span[] =>
      Array.from({ length: 60 }, (_, n) =>
        call(n, { failed: n % 6 === 0, ms: 10 + n, ...(weight !== undefined && { weight }) }),
      ).flat();
    const [plain, sampled] = [evidenceOf(population(undefined)), evidenceOf(population(4))];
    const { calls, errors, ...rest } = sampled.operations[0] ?? {};
    expect([calls, errors]).toEqual([240, 40]);
    expect(plain.operations[0]).toMatchObject({ calls: 60, errors: 10, ...rest });
    expect(errorsOf(sampled)?.interval).toEqual(errorsOf(plain)?.interval);
    expect(errorsOf(sampled)?.suggestion).toContain("40 of 240 calls");
  });

  test("head sampling of any population keeps its rates in expectation", () => {
    const share = fc.double({ min: 0.1, max: 0.9, noNaN: true });
    fc.assert(
      fc.property(fc.string(), share, share, (seed, failing, probability) => {
        const random = createRandom(seed);
        const whole = Array.from({ length: 1_000 }, () => random.uniform() < failing);
        const kept = whole.filter(() => random.uniform() < probability);
        const weight = 1 / probability;
        const evidence = evidenceOf(kept.flatMap((failed, n) => call(n, { failed, weight })));
        const { calls = 0, errorRate = 0 } = evidence.operations[0] ?? {};
        const deviation = Math.sqrt((1_000 * (1 - probability)) / probability);
        expect(Math.abs(calls - 1_000)).toBeLessThan(5 * deviation + 1);
        const rate = whole.filter(Boolean).length / 1_000;
        expect(Math.abs(errorRate - rate)).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / kept.length) + 1e-9);
      }),
      { numRuns: 30 },
    );
  });

  test("a quantile of values that stand for different numbers has no interval of ranks", () => {
    const values = Array.from({ length: 50 }, (_, n) => n);
    expect(measuredQuantile(values, 0.5)).toMatchObject({ value: 24.5, interval: { level: 0.95 } });
    const weights = values.map((value) => (value === 0 ? 1_000 : 1));
    expect(measuredQuantile(values, 0.5, weights)).toEqual({ value: 0 });
  });
});
