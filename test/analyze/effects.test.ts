import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { measureEffects, type PlayedCall } from "../../src/analyze/effects.ts";
import { Effect } from "../../src/model/verdict.ts";
import { createRandom } from "../../src/stats/random.ts";

const calls = (tool: string, durations: readonly number[], failed = 0): PlayedCall[] =>
  durations.map((durationMs, i) => ({ tool, durationMs, status: i < failed ? "tool_error" : "ok" }));
const ramp = (n: number, step: number): number[] => Array.from({ length: n }, (_, i) => (i + 1) * step);
const measure = (before: readonly PlayedCall[], after: readonly PlayedCall[], operations = ["search"]): Effect[] =>
  measureEffects({ before, after, operations, random: createRandom("effects"), resamples: 400 });
const metric = (effects: readonly Effect[], name: Effect["metric"]): Effect => {
  const found = effects.find((effect) => effect.metric === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

describe("measureEffects", () => {
  test("halved times: the change is −0.5 and its interval excludes none", () => {
    const effects = measure(calls("search", ramp(200, 1)), calls("search", ramp(200, 0.5)));
    expect(effects.map((effect) => effect.metric)).toEqual(["p50_ms", "p95_ms", "error_rate"]);
    const p50 = metric(effects, "p50_ms");
    expect(p50).toMatchObject({ operation: "search", before: 100.5, after: 50.25, change: -0.5, samples: 200 });
    expect(p50.changeInterval.high).toBeLessThan(0);
    expect(p50.beforeInterval).toEqual({ low: 86, high: 115, level: 0.95 });
    expect(metric(effects, "p95_ms").before).toBeCloseTo(190.05, 10);
  });

  test("error rates: Wilson per version, Newcombe for the difference (his example: 56/70 and 48/80)", () => {
    const effects = measure(calls("search", ramp(80, 1), 48), calls("search", ramp(70, 1), 56));
    const rate = metric(effects, "error_rate");
    expect(rate.change).toBeCloseTo(0.2, 10);
    expect(rate.changeInterval.low).toBeCloseTo(0.0524, 4);
    expect(rate.changeInterval.high).toBeCloseTo(0.3339, 4);
    expect(rate).toMatchObject({ before: 0.6, after: 0.8, samples: 70 });
  });

  test.each(["tool_error", "rpc_error", "transport"] as const)("%s is an error", (status) => {
    const after = calls("search", ramp(10, 1)).map((call) => ({ ...call, status }));
    expect(metric(measure(calls("search", ramp(10, 1)), after), "error_rate")).toMatchObject({ before: 0, after: 1 });
  });

  test("few calls: the interval is the range of the values and says what it covers", () => {
    const p95 = metric(measure(calls("search", ramp(20, 1)), calls("search", ramp(20, 1))), "p95_ms");
    expect(p95.beforeInterval).toMatchObject({ low: 1, high: 20 });
    expect(p95.beforeInterval.level).toBeCloseTo(1 - 0.95 ** 20, 10);
  });

  test("each tool by itself, in the order asked for; other tools do not count", () => {
    const before = [...calls("search", ramp(30, 1)), ...calls("get", ramp(30, 5))];
    const effects = measure(before, before, ["get", "search"]);
    expect(effects.map(({ operation }) => operation)).toEqual([...Array(3).fill("get"), ...Array(3).fill("search")]);
    expect(metric(effects, "p50_ms").before).toBe(77.5);
  });

  test("without calls in one version there is no effect, with one call only a rate", () => {
    expect(measure(calls("search", ramp(30, 1)), [])).toEqual([]);
    expect(measure(calls("search", ramp(30, 1)), calls("search", [1])).map((e) => e.metric)).toEqual(["error_rate"]);
  });

  test("times below the clock's resolution divide nothing", () => {
    const p50 = metric(measure(calls("search", ramp(10, 0)), calls("search", ramp(10, 0))), "p50_ms");
    expect(p50).toMatchObject({ before: 0, after: 0, change: 0, changeInterval: { low: 0, high: 0 } });
  });

  const duration = fc.double({ min: 0, max: 1e6, noNaN: true });
  const status = fc.constantFrom("ok" as const, "tool_error" as const, "rpc_error" as const, "transport" as const);
  const played = fc.array(fc.record({ tool: fc.constantFrom("a", "b"), durationMs: duration, status }), {
    maxLength: 40,
  });

  test("property: effects parse, intervals hold their values, the same seed gives the same effects", () => {
    fc.assert(
      fc.property(played, played, (before, after) => {
        const effects = measure(before, after, ["a", "b"]);
        expect(measure(before, after, ["a", "b"])).toEqual(effects);
        for (const effect of effects) {
          expect(Effect.parse(effect)).toEqual(effect);
          expect(effect.beforeInterval.low).toBeLessThanOrEqual(effect.before + 1e-9);
          expect(effect.afterInterval.high).toBeGreaterThanOrEqual(effect.after - 1e-9);
        }
      }),
      { numRuns: 40 },
    );
  });
});
