import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { judgeHeld, type ObservedOperation } from "../../src/learn/held.ts";
import { effect } from "../propose/parts.ts";

const seen = (change: Partial<ObservedOperation> = {}): ObservedOperation => ({
  operation: "search",
  calls: 100,
  errors: 0,
  p50Ms: 40,
  p95Ms: 80,
  ...change,
});
const judge = (before: Partial<ObservedOperation>, after: Partial<ObservedOperation>, effects = [effect]) =>
  judgeHeld({ effects }, { before: [seen(before)], after: [seen(after)] });

describe("judgeHeld", () => {
  test("half of the measured improvement is enough, less is not", () => {
    // Measured: p50 of search halved.
    expect(judge({}, { p50Ms: 20 })).toEqual({
      verdict: "held",
      details: ["p50_ms of search: -50 % in traffic (100 and 100 calls), -50 % when it was measured"],
    });
    expect(judge({}, { p50Ms: 30 }).verdict).toBe("held");
    expect(judge({}, { p50Ms: 30.1 }).verdict).toBe("faded");
    expect(judge({}, { p50Ms: 50 }).verdict).toBe("faded");
  });

  test("too little traffic, or none on one side, proves nothing", () => {
    expect(judge({ calls: 29 }, { p50Ms: 20 }).verdict).toBe("unknown");
    expect(judge({}, { calls: 29, p50Ms: 20 }).verdict).toBe("unknown");
    expect(judge({ operation: "other" }, { p50Ms: 20 })).toMatchObject({
      verdict: "unknown",
      details: ["p50_ms of search: 0 calls before, 100 after, at least 30 each are needed"],
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
    });
  });

  test("rates are compared by difference, other quantiles by their own", () => {
    const interval = { low: -0.15, high: -0.05, level: 0.95 };
    const errors = { ...effect, metric: "error_rate", change: -0.1, changeInterval: interval } as const;
    expect(judge({ errors: 12 }, { errors: 6 }, [errors]).verdict).toBe("held");
    expect(judge({ errors: 12 }, { errors: 8 }, [errors]).verdict).toBe("faded");
    const p95 = { ...effect, metric: "p95_ms" } as const;
    expect(judge({}, { p50Ms: 99, p95Ms: 40 }, [p95]).verdict).toBe("held");
  });

  test("one improvement that faded outweighs another that holds", () => {
    const p95 = { ...effect, metric: "p95_ms" } as const;
    expect(judge({}, { p50Ms: 20, p95Ms: 80 }, [effect, p95]).verdict).toBe("faded");
  });

  test("property: slower traffic never turns a change that faded into one that holds", () => {
    const ms = fc.double({ min: 0.1, max: 1e4, noNaN: true });
    fc.assert(
      fc.property(ms, ms, ms, (before, after, more) => {
        const one = judge({ p50Ms: before }, { p50Ms: after }).verdict;
        const slower = judge({ p50Ms: before }, { p50Ms: after + more }).verdict;
        if (one === "faded") expect(slower).toBe("faded");
      }),
    );
  });
});
