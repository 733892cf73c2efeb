import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CANARY_DEFAULTS, judgeCanary, type CanaryOptions } from "../../src/canary/judge.ts";
import type { CallSample } from "../../src/model/call.ts";
import { CanaryVerdict } from "../../src/model/verdict.ts";
import { bothArms, callsOf, swapArms } from "./calls.ts";

const even: CanaryOptions = { weight: 0.5 };
const metric = (verdict: CanaryVerdict, name: string) => verdict.metrics.find((m) => m.name === name);
const slower = (samples: readonly CallSample[], factor: number): CallSample[] =>
  samples.map((s) => (s.arm === "canary" ? { ...s, durationMs: s.durationMs * factor } : s));

describe("verdicts", () => {
  test("the worked example of harm: 6 of 60 against 10 of 540 at 10 %, once all of alpha is for errors", () => {
    const samples = bothArms([60, 6], [540, 10]);
    const spent = { errors: 0.998, slow_calls: 0.001, latency: 0.001 };
    const verdict = judgeCanary(samples, { weight: 0.1, alphaShares: spent });
    expect(verdict).toMatchObject({ verdict: "rollback", reasons: ["errors_increased"] });
    const errors = metric(verdict, "errors");
    expect(errors?.eValue).toBeCloseTo(23.389, 3);
    expect(errors?.effect).toBeCloseTo(5.4, 6);
    expect(errors).toMatchObject({ control: 10 / 540, experiment: 0.1, interval: { level: 0.95 } });
    expect(verdict.calls).toEqual({ control: 540, experiment: 60 });
    expect(verdict.errorRates).toEqual({ rollback: 0.05, promotion: 0.05 });
    expect(verdict.forecast).toBeUndefined();
    // With the default split errors have 0.03: the threshold is 33.3.
    expect(judgeCanary(samples, { weight: 0.1 }).verdict).toBe("continue");
  });

  test("the worked example of promotion: 14 against 22 at an even split", () => {
    const verdict = judgeCanary(bothArms([700, 14], [700, 22]), even);
    expect(metric(verdict, "errors")?.eValuePromotion).toBeCloseTo(97.8, 2);
    expect(verdict.verdict).toBe("promote");
    expect(verdict.reasons).toEqual(["errors_within_margin", "latency_within_margin"]);
  });

  test("a slower canary is rolled back by its latency", () => {
    const verdict = judgeCanary(slower(bothArms([200, 5], [200, 5]), 1.5), even);
    expect(verdict).toMatchObject({ verdict: "rollback", reasons: ["latency_increased"] });
    const latency = metric(verdict, "latency");
    expect(latency?.effect).toBeCloseTo(1.5, 9);
    expect((latency?.experiment ?? 0) / (latency?.control ?? 0)).toBeCloseTo(1.5, 9);
    expect(latency?.interval?.low).toBeGreaterThan(1);
    expect(latency).toMatchObject({ eValue: null, eValuePromotion: null });
  });

  test("harm outweighs promotion by the other metrics, and a margin of harm forgives a little", () => {
    const samples = slower(bothArms([700, 14], [700, 22]), 1.05);
    expect(judgeCanary(samples, even).verdict).toBe("rollback");
    expect(judgeCanary(samples, { ...even, harmMargin: 1.1 }).verdict).toBe("promote");
  });

  test("slow calls are judged against frozen limits, of the operations that have one", () => {
    const slow = (arm: "canary" | "baseline", count: number, bad: number): CallSample[] =>
      callsOf(arm, count, bad).map((s) => ({ ...s, error: false, durationMs: s.error ? 50 : s.durationMs }));
    const samples = [...slow("canary", 300, 30), ...slow("baseline", 300, 6)];
    const judged = judgeCanary(samples, { ...even, latencyLimitsMs: { search: 20 } });
    expect(judged.verdict).toBe("rollback");
    expect(metric(judged, "slow_calls")).toMatchObject({
      experiment: 0.1,
      control: 0.02,
      reasons: ["latency_increased"],
    });
    expect(metric(judgeCanary(samples, even), "slow_calls")).toBeUndefined();
    const other = judgeCanary(samples, { ...even, latencyLimitsMs: { toString: 20 } });
    expect(metric(other, "slow_calls")).toMatchObject({ control: null, verdict: "continue" });
  });

  test("fewer bad events than the minimum never roll back", () => {
    const two = bothArms([50, 2], [950, 0]);
    const verdict = judgeCanary(two, { weight: 0.05 });
    expect(metric(verdict, "errors")?.eValue).toBeGreaterThan(1 / 0.03);
    expect(verdict.verdict).toBe("continue");
    expect(judgeCanary(two, { weight: 0.05, minimumBadEvents: 2 }).verdict).toBe("rollback");
  });

  test("without any error only an objective can promote, at half of beta", () => {
    const clean = (n: number) => bothArms([n, 0], [n, 0]);
    expect(judgeCanary(clean(2000), even)).toMatchObject({ verdict: "continue", reasons: ["undecided"] });
    const objective = { ...even, maxErrorRate: 0.01 };
    expect(judgeCanary(clean(2000), objective).verdict).toBe("promote");
    // 449 calls would do at all of beta.
    expect(metric(judgeCanary(clean(449), objective), "errors")?.verdict).toBe("continue");
    expect(metric(judgeCanary(clean(540), objective), "errors")?.verdict).toBe("promote");
  });
});

describe("data that cannot decide", () => {
  test.each([
    ["nothing at all", [], "no_canary_traffic"],
    ["no canary", callsOf("baseline", 500, 200), "no_canary_traffic"],
    ["no baseline", callsOf("canary", 500, 200), "no_baseline_traffic"],
    ["a handful", bothArms([9, 9], [9, 0]), "below_minimum_exposure"],
  ] as const)("%s: continue, with the reason", (_, samples, reason) => {
    const verdict = judgeCanary(samples, { ...even, maxErrorRate: 0.5, latencyLimitsMs: { search: 11 } });
    expect(verdict.verdict).toBe("continue");
    expect(verdict.reasons).toEqual([reason]);
    expect(CanaryVerdict.parse(verdict)).toEqual(verdict);
  });

  test("one unusable record withholds every verdict", () => {
    const harmed = bothArms([300, 60], [300, 3]);
    expect(judgeCanary(harmed, even).verdict).toBe("rollback");
    const [first, ...rest] = harmed;
    if (first === undefined) throw new Error("unreachable");
    const bad = [{ durationMs: Number.NaN }, { durationMs: -1 }, { durationMs: Infinity }, { timestamp: Number.NaN }];
    for (const change of bad) {
      const verdict = judgeCanary([{ ...first, ...change }, ...rest], even);
      expect(verdict).toMatchObject({ verdict: "continue", reasons: ["invalid_data"], forecast: { calls: null } });
      expect(verdict.metrics.every((m) => m.verdict === "continue")).toBe(true);
      expect(verdict.calls).toEqual({ control: 300, experiment: 299 });
    }
    for (const weight of [0, 1]) {
      expect(judgeCanary(harmed, { weight })).toMatchObject({ verdict: "continue", reasons: ["invalid_data"] });
    }
  });

  test("the end of the horizon is said, not decided", () => {
    const verdict = judgeCanary(bothArms([50, 1], [50, 1]), { ...even, deadlineReached: true });
    expect(verdict.reasons).toEqual(["undecided", "deadline_reached"]);
  });

  test("latency without any spread decides nothing", () => {
    const flat = bothArms([100, 0], [100, 0]).map((s) => ({ ...s, durationMs: s.arm === "canary" ? 30 : 10 }));
    expect(metric(judgeCanary(flat, even), "latency")).toMatchObject({ verdict: "continue", reasons: ["undecided"] });
  });

  test.each([
    ["weight", { weight: 1.5 }],
    ["weight", { weight: Number.NaN }],
    ["alpha", { weight: 0.5, alpha: 0 }],
    ["beta", { weight: 0.5, beta: 0.6 }],
    ["margin", { weight: 0.5, margin: 1 }],
    ["harmMargin", { weight: 0.5, harmMargin: 2 }],
    ["slowdown", { weight: 0.5, slowdown: -0.1 }],
    ["alphaShares", { weight: 0.5, alphaShares: { errors: 0.9, slow_calls: 0.1, latency: 0.1 } }],
    ["maxErrorRate", { weight: 0.5, maxErrorRate: 1 }],
    ["latencyLimitsMs", { weight: 0.5, latencyLimitsMs: { search: 0 } }],
  ] satisfies [string, CanaryOptions][])("an impossible %s is refused by name", (name, options) => {
    expect(() => judgeCanary([], options)).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringContaining(name) }),
    );
  });
});

describe("forecast", () => {
  test("says how many more calls the rates seen would need, and is about right", () => {
    const seen = bothArms([200, 8], [200, 4]);
    const { verdict, forecast } = judgeCanary(seen, even);
    expect(verdict).toBe("continue");
    const more = forecast?.calls ?? Number.NaN;
    const factor = (400 + more) / 400;
    const counts = (n: number, bad: number) => [Math.round(n * factor), Math.round(bad * factor)] as const;
    expect(judgeCanary(bothArms(counts(200, 8), counts(200, 4)), even).verdict).not.toBe("continue");
    const half = 1 + (factor - 1) / 2;
    const halfway = bothArms([200 * half, 8 * half], [200 * half, 4 * half].map(Math.floor) as [number, number]);
    expect(judgeCanary(halfway, even).verdict).toBe("continue");
  });

  test("is null where the rates seen decide nothing", () => {
    expect(judgeCanary([], even).forecast).toEqual({ calls: null, minutes: null });
    expect(judgeCanary(bothArms([50, 0], [50, 0]), even).forecast).toEqual({ calls: null, minutes: null });
  });
});

const arm = fc.tuple(fc.integer({ min: 0, max: 300 }), fc.double({ min: 0, max: 1, noNaN: true }));
const population = fc
  .tuple(arm, arm, fc.double({ min: 0.5, max: 2, noNaN: true }))
  .map(([[nc, pc], [nb, pb], factor]) =>
    slower(bothArms([nc, Math.round(nc * pc)], [nb, Math.round(nb * pb)]), factor),
  );
const options = fc.record({
  weight: fc.oneof(fc.constant(null), fc.double({ min: 0.05, max: 0.95, noNaN: true })),
  latencyLimitsMs: fc.constantFrom({ search: 11 }, { search: 100 }),
  maxErrorRate: fc.constantFrom(0.01, 0.2),
  unit: fc.constantFrom("call", "session"),
});

describe("properties", () => {
  test("the order of the calls does not matter, and the verdict is a valid document", () => {
    fc.assert(
      fc.property(population, options, fc.integer({ min: 1, max: 1000 }), (samples, chosen, seed) => {
        const verdict = judgeCanary(samples, chosen);
        const keyed = samples.map((sample, i) => ({ sample, key: (i * 7919 * seed) % 10_007 }));
        const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ sample }) => sample);
        const again = judgeCanary(shuffled, chosen);
        expect(again.verdict).toBe(verdict.verdict);
        expect(again.reasons).toEqual(verdict.reasons);
        expect(CanaryVerdict.parse(JSON.parse(JSON.stringify(verdict)))).toEqual(verdict);
      }),
      { numRuns: 60 },
    );
  });

  test("never promotes without data of both arms", () => {
    fc.assert(
      fc.property(population, options, (samples, chosen) => {
        for (const only of ["canary", "baseline"]) {
          const verdict = judgeCanary(
            samples.filter((s) => s.arm === only),
            chosen,
          );
          expect(verdict.verdict).toBe("continue");
        }
      }),
      { numRuns: 40 },
    );
  });

  test("never promotes a canary whose observed rate of errors is at the margin or above it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 400 }), fc.integer({ min: 1, max: 100 }), (n, bad) => {
        const worse = bothArms([n, Math.min(n, 2 * bad)], [n, Math.floor(Math.min(n, 2 * bad) / 2)]);
        expect(judgeCanary(worse, even).verdict).not.toBe("promote");
      }),
    );
  });

  test("with the arms exchanged, what was rolled back is never rolled back again, nor a harmed canary promoted", () => {
    fc.assert(
      fc.property(population, (samples) => {
        const verdict = judgeCanary(samples, even).verdict;
        const exchanged = judgeCanary(swapArms(samples), even).verdict;
        const { errors } = Object.groupBy(judgeCanary(samples, even).metrics, ({ name }) => name);
        if (verdict === "rollback" && errors?.[0]?.verdict === "rollback") {
          const back = metric(judgeCanary(swapArms(samples), even), "errors");
          expect(back?.verdict).not.toBe("rollback");
        }
        if (verdict === "promote" && exchanged === "promote") {
          // Both promoted: then neither is beyond the accepted margins.
          const latency = metric(judgeCanary(samples, even), "latency")?.effect ?? Number.NaN;
          expect(Math.abs(Math.log(latency))).toBeLessThan(Math.log(1 + CANARY_DEFAULTS.slowdown));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("the unit of the durations changes nothing", () => {
    fc.assert(
      fc.property(population, fc.constantFrom(1e-6, 1e-3, 1000, 1e6), (samples, unit) => {
        const limit = (factor: number) => ({ ...even, latencyLimitsMs: { search: 11 * factor } });
        const scaled = samples.map((s) => ({ ...s, durationMs: s.durationMs * unit }));
        const [before, after] = [judgeCanary(samples, limit(1)), judgeCanary(scaled, limit(unit))];
        expect(after.verdict).toBe(before.verdict);
        expect(after.reasons).toEqual(before.reasons);
      }),
      { numRuns: 40 },
    );
  });

  test("judging the same data again, from stored options, gives the same document", () => {
    fc.assert(
      fc.property(population, options, (samples, chosen) => {
        const stored = JSON.parse(JSON.stringify({ samples, chosen })) as {
          samples: CallSample[];
          chosen: CanaryOptions;
        };
        expect(judgeCanary(stored.samples, stored.chosen)).toEqual(judgeCanary(samples, chosen));
      }),
      { numRuns: 30 },
    );
  });
});
