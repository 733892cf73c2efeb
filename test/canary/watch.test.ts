import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { judgeCanary, watchCanary, type CanaryOptions } from "../../src/canary/judge.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";
import { bothArms } from "./calls.ts";

const call = fc.record({
  timestamp: fc.integer({ min: 0, max: 600_000 }),
  operation: fc.constantFrom("search", "read", "write"),
  durationMs: fc.oneof(fc.double({ min: 0.1, max: 500, noNaN: true }), fc.constant(0)),
  error: fc.boolean(),
  arm: fc.constantFrom<Arm>("baseline", "canary"),
  session: fc.constantFrom("", "a", "b", "c", "d"),
});
const calls = fc.array(
  fc.oneof(
    call,
    fc.tuple(call, fc.integer({ min: 1, max: 5 })).map(([c, weight]) => ({ ...c, weight })),
  ),
  {
    maxLength: 120,
  },
);
const options: fc.Arbitrary<CanaryOptions> = fc.record({
  weight: fc.constantFrom(null, 0.5, 0.1),
  latencyLimitsMs: fc.constantFrom({ search: 100, read: 50 }, {}),
  unit: fc.constantFrom<"call" | "session">("call", "session"),
  maxErrorRate: fc.constant(0.3),
  alphaShares: fc.constantFrom(
    { errors: 0.6, slow_calls: 0.2, latency: 0.1 },
    { errors: 0.8, slow_calls: 0.1, latency: 0.1 },
  ),
});

describe("watchCanary", () => {
  test("says after any bits, in any order, what the judge says of all calls at once", () => {
    fc.assert(
      fc.property(calls, options, fc.infiniteStream(fc.integer({ min: 1, max: 30 })), (samples, chosen, sizes) => {
        const watch = watchCanary(chosen);
        let from = 0;
        while (from < samples.length) {
          const { value: size } = sizes.next();
          watch.add(samples.slice(from, from + size));
          from += size;
          // A look in between changes nothing.
          watch.decide();
        }
        const seen = watch.judge();
        const whole = judgeCanary(
          samples.toSorted((a, b) => a.timestamp - b.timestamp),
          chosen,
        );
        expect(seen.verdict).toBe(whole.verdict);
        expect(seen.reasons).toEqual(whole.reasons);
        expect(seen.calls).toEqual(whole.calls);
        for (const [i, metric] of seen.metrics.entries()) {
          const other = whole.metrics[i];
          expect(metric.verdict).toBe(other?.verdict);
          for (const field of ["control", "experiment", "effect", "eValue"] as const) {
            expect(Math.log1p(metric[field] ?? -0.5)).toBeCloseTo(Math.log1p(other?.[field] ?? -0.5), 6);
          }
        }
        expect(watch.decide()).toEqual({ verdict: seen.verdict, reasons: seen.reasons });
      }),
      { numRuns: 80 },
    );
  });

  test("a call counts once, however often it is told", () => {
    const samples = bothArms([200, 20], [200, 4]);
    const watch = watchCanary({ weight: 0.5 });
    watch.add(samples);
    watch.add(samples.slice(0, 3));
    const once = judgeCanary(samples, { weight: 0.5 });
    expect(watch.judge()).toEqual(once);
    watch.add(samples);
    expect(watch.judge()).toMatchObject({ verdict: "continue", reasons: ["invalid_data"], calls: once.calls });
  });

  test("calls without a session are never taken for each other", () => {
    const samples = bothArms([50, 0], [50, 0]).map((s): CallSample => ({
      ...s,
      session: "",
      timestamp: 1,
      durationMs: 3,
    }));
    expect(judgeCanary(samples, { weight: 0.5 }).calls).toEqual({ control: 50, experiment: 50 });
  });

  test("the look is told the time, not the watch", () => {
    const watch = watchCanary({ weight: 0.5, staleAfterMs: 60_000 });
    watch.add(bothArms([700, 14], [700, 22]));
    const last = 699_000;
    expect(watch.decide({ nowMs: last + 1_000 }).verdict).toBe("promote");
    expect(watch.decide({ nowMs: last + 61_000 })).toEqual({
      verdict: "continue",
      reasons: ["stale_data"],
    });
    expect(watch.decide({ nowMs: last + 1_000 }).verdict).toBe("promote");
  });
});
