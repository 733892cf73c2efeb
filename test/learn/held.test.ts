import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { judgeHeld, type ObservedOperation } from "../../src/learn/held.ts";
import { addToSketch, sketchBin } from "../../src/stats/sketch.ts";
import { effect } from "../propose/parts.ts";

/** Calls whose durations lie closely around two quantiles, so that a few hundred tell them. */
type Given = { operation?: string; calls?: number; errors?: number; p50Ms?: number; p95Ms?: number };
const seen = ({
  operation = "search",
  calls = 400,
  errors = 0,
  p50Ms = 40,
  p95Ms = 80,
}: Given = {}): ObservedOperation => {
  const durations = new Map<number, number>();
  const slow = Math.round(0.12 * calls);
  const add = (ms: number, count: number) =>
    count > 0 && addToSketch(durations, sketchBin(Math.round(ms * 1e6)), count);
  add(p50Ms, calls - slow);
  add(Math.max(p50Ms, p95Ms), slow);
  return { operation, calls, errors, durations };
};
const judge = (before: Given, after: Given, effects = [effect]) =>
  judgeHeld({ effects }, { before: [seen(before)], after: [seen(after)] });

describe("judgeHeld", () => {
  test("half of the measured improvement is enough, less is not", () => {
    // Measured: p50 of search halved.
    expect(judge({}, { p50Ms: 20 })).toMatchObject({
      verdict: "held",
      details: ["p50_ms of search: -50 % (-50 % to -50 %) in traffic (400 and 400 calls), -50 % when it was measured"],
      observed: [{ operation: "search", metric: "p50_ms", samples: 400, change: expect.closeTo(-0.5, 1) }],
    });
    expect(judge({}, { p50Ms: 29 }).verdict).toBe("held");
    expect(judge({}, { p50Ms: 31.5 }).verdict).toBe("faded");
    expect(judge({}, { p50Ms: 50 }).verdict).toBe("faded");
  });

  test("too little traffic, or none on one side, proves nothing", () => {
    expect(judge({ calls: 29 }, { p50Ms: 20 }).verdict).toBe("unknown");
    expect(judge({}, { calls: 29, p50Ms: 20 }).verdict).toBe("unknown");
    expect(judge({ operation: "other" }, { p50Ms: 20 })).toMatchObject({
      verdict: "unknown",
      details: ["p50_ms of search: 0 calls before, 400 after, at least 30 each are needed"],
      observed: [],
    });
    expect(judge({ p50Ms: 0 }, { p50Ms: 0 }).verdict).toBe("unknown");
    expect(judgeHeld({ effects: [effect] }, { before: [], after: [] }).verdict).toBe("unknown");
  });

  test("only improvements that were measured are looked at: none leaves nothing to hold", () => {
    const unsure = { ...effect, changeInterval: { low: -0.5, high: 0.1, level: 0.95 } };
    const worse = { ...effect, change: 0.2, changeInterval: { low: 0.1, high: 0.3, level: 0.95 } };
    expect(judge({}, { p50Ms: 20 }, [unsure, worse])).toEqual({
      verdict: "unknown",
      details: ["No improvement was measured before."],
      observed: [],
    });
  });

  test("an interval that allows both says neither: few calls that spread widely", () => {
    const wide = (calls: number, scale: number): ObservedOperation => {
      const durations = new Map<number, number>();
      for (let i = 0; i < calls; i += 1) addToSketch(durations, sketchBin(Math.round(scale * 1e6 * 10 ** (i / calls))));
      return { operation: "search", calls, errors: 0, durations };
    };
    const at = (calls: number) =>
      judgeHeld({ effects: [effect] }, { before: [wide(calls, 10)], after: [wide(calls, 6)] });
    const few = at(40);
    expect(few.verdict).toBe("unknown");
    const [low, high] = [few.observed[0]?.changeInterval.low ?? 0, few.observed[0]?.changeInterval.high ?? 0];
    expect([low < -0.4, high > -0.4]).toEqual([true, true]);
    expect(at(4_000).verdict).toBe("held");
  });

  test("rates are compared by difference, other quantiles by their own", () => {
    const interval = { low: -0.15, high: -0.05, level: 0.95 };
    const errors = { ...effect, metric: "error_rate", change: -0.1, changeInterval: interval } as const;
    const rates = (before: number, after: number) => judge({ errors: before }, { errors: after }, [errors]).verdict;
    expect([rates(60, 10), rates(60, 50), rates(60, 20)]).toEqual(["held", "unknown", "held"]);
    expect(judge({ calls: 4_000, errors: 400 }, { calls: 4_000, errors: 360 }, [errors]).verdict).toBe("faded");
    const p95 = { ...effect, metric: "p95_ms" } as const;
    expect(judge({}, { p95Ms: 40 }, [p95]).verdict).toBe("held");
  });

  test("one improvement that faded outweighs another that holds", () => {
    const p95 = { ...effect, metric: "p95_ms" } as const;
    expect(judge({}, { p50Ms: 20, p95Ms: 80 }, [effect, p95]).verdict).toBe("faded");
  });

  test("property: slower traffic never turns a change that faded into one that holds", () => {
    const ms = fc.double({ min: 0.1, max: 1e3, noNaN: true });
    fc.assert(
      fc.property(ms, ms, ms, (before, after, more) => {
        const one = judge({ p50Ms: before }, { p50Ms: after }).verdict;
        const slower = judge({ p50Ms: before }, { p50Ms: after + more }).verdict;
        if (one === "faded") expect(slower).toBe("faded");
      }),
    );
  });
});
