import { describe, expect, test } from "@jest/globals";
import { judgeCanary, type CanaryOptions } from "../../src/canary/judge.ts";
import type { CallSample } from "../../src/model/call.ts";
import { bothArms, callsOf, swapArms } from "./calls.ts";

const even: CanaryOptions = { weight: 0.5 };
const good = bothArms([700, 14], [700, 22]);
const harmed = bothArms([300, 60], [300, 3]);
const operation = (samples: readonly CallSample[], name: string): CallSample[] =>
  samples.map((s) => ({ ...s, operation: name, session: `${name}-${s.session}` }));

describe("data that cannot be trusted", () => {
  test("a call from before the canary or from the future shows a clock that jumped", () => {
    const options = { ...even, startedMs: 0, nowMs: 700_000 };
    expect(judgeCanary(good, options).verdict).toBe("promote");
    const [first, ...rest] = good;
    if (first === undefined) throw new Error("unreachable");
    for (const timestamp of [-3_600_000, 4_000_000]) {
      const verdict = judgeCanary([{ ...first, timestamp }, ...rest], options);
      expect(verdict).toMatchObject({ verdict: "continue", reasons: ["invalid_data"] });
    }
  });

  test("arms that were exchanged are told by their numbers of calls", () => {
    const samples = bothArms([100, 2], [900, 22]);
    const weighted = { weight: 0.1, maxErrorRate: 0.5 };
    expect(judgeCanary(samples, weighted).reasons).not.toContain("invalid_data");
    expect(judgeCanary(swapArms(samples), weighted)).toMatchObject({ verdict: "continue", reasons: ["invalid_data"] });
    // At an even split nothing tells them apart, and an unknown weight promises nothing.
    expect(judgeCanary(swapArms(samples), { ...weighted, weight: null }).reasons).not.toContain("invalid_data");
  });

  test("an arm that fell silent promotes nothing; harm that was shown stays shown", () => {
    const late = { ...even, nowMs: 700_000 + 3_600_000 };
    expect(judgeCanary(good, late)).toMatchObject({ verdict: "continue", reasons: ["stale_data"] });
    expect(judgeCanary(harmed, late).verdict).toBe("rollback");
    const silent = good.filter(({ arm, timestamp }) => arm === "baseline" || timestamp < 600_000);
    const soon = { ...even, nowMs: 700_000, staleAfterMs: 60_000 };
    expect(judgeCanary(silent, soon).reasons).toContain("stale_data");
  });

  test("an operation that only one arm was asked for cannot be promoted", () => {
    const fresh = operation(callsOf("canary", 30, 0), "new_tool");
    expect(judgeCanary([...good, ...fresh], even)).toMatchObject({
      verdict: "continue",
      reasons: ["operation_unmatched"],
    });
    // Three calls of one arm may be chance.
    expect(judgeCanary([...good, ...fresh.slice(0, 3)], even).verdict).toBe("promote");
    const broken = operation(callsOf("canary", 30, 30), "new_tool");
    expect(judgeCanary([...good, ...broken], even).verdict).toBe("rollback");
  });
});

describe("the deadline", () => {
  const open = bothArms([50, 1], [50, 1]);

  test("leaves an open verdict to people, or takes the canary back", () => {
    const late = { ...even, deadlineReached: true };
    expect(judgeCanary(open, late)).toMatchObject({ verdict: "continue", reasons: ["undecided", "deadline_reached"] });
    const strict = { ...late, atDeadline: "rollback" } as const;
    expect(judgeCanary(open, strict)).toMatchObject({
      verdict: "rollback",
      reasons: ["undecided", "deadline_reached"],
    });
    expect(judgeCanary(open, { ...strict, deadlineReached: false }).verdict).toBe("continue");
  });

  test.each([
    ["nothing", []],
    ["one arm", callsOf("canary", 500, 0)],
    ["unusable data", good.map((s) => ({ ...s, durationMs: Number.NaN }))],
    ["stale data", good],
  ] satisfies [string, CallSample[]][])("%s never promotes there", (_, samples) => {
    const late = { ...even, maxErrorRate: 0.5, deadlineReached: true, nowMs: 9_999_999 };
    expect(judgeCanary(samples, late).verdict).toBe("continue");
    expect(judgeCanary(samples, { ...late, atDeadline: "rollback" }).verdict).toBe("rollback");
  });

  test("changes no verdict that stands", () => {
    const late = { ...even, deadlineReached: true, atDeadline: "rollback" } as const;
    expect(judgeCanary(good, late).verdict).toBe("promote");
    expect(judgeCanary(harmed, late).reasons).toEqual(["errors_increased"]);
  });
});

describe("sudden disaster", () => {
  test("is rolled back at once, below the minimum exposure", () => {
    const options = { ...even, minimumCalls: 50 };
    const few = (bad: number) => judgeCanary(bothArms([14, bad], [14, 0]), options);
    expect(few(14)).toMatchObject({ verdict: "rollback", reasons: ["errors_increased", "below_minimum_exposure"] });
    // E is 10 thousand above, 31 here: beyond 1/alpha, but the minimum exposure holds.
    expect(few(8).verdict).toBe("continue");
    expect(judgeCanary(bothArms([14, 14], [14, 0]), { ...options, disasterEValue: 1e6 }).verdict).toBe("continue");
  });

  test("needs both arms", () => {
    expect(judgeCanary(callsOf("canary", 40, 40), even)).toMatchObject({
      verdict: "continue",
      reasons: ["no_baseline_traffic"],
    });
  });
});

describe("harm in one operation", () => {
  const busy = [...operation(bothArms([2_000, 100], [2_000, 100]), "search")];
  const broken = operation(bothArms([60, 30], [60, 0]), "export");

  test("is seen where the sum over all operations hides it, and is named", () => {
    const verdict = judgeCanary([...busy, ...broken], even);
    const [errors] = verdict.metrics;
    expect(errors?.eValue).toBeLessThan(1 / 0.03);
    expect(verdict).toMatchObject({ verdict: "rollback", reasons: ["errors_increased"] });
    expect(errors?.operations?.map(({ operation: name, harmful }) => [name, harmful])).toEqual([
      ["export", true],
      ["search", false],
    ]);
  });

  test("is not looked for where alpha is spent on the sums", () => {
    const spent = { errors: 0.6, slow_calls: 0.3, latency: 0.1 };
    expect(judgeCanary([...busy, ...broken], { ...even, alphaShares: spent }).verdict).not.toBe("rollback");
  });

  test("needs the minimum of bad events in that operation", () => {
    const rare = operation(bothArms([60, 2], [6_000, 0]), "export");
    const weighted = { weight: 0.01, minimumBadEvents: 3 };
    const many = operation(bothArms([60, 3], [6_000, 300]), "search");
    expect(judgeCanary([...many, ...rare], weighted).verdict).not.toBe("rollback");
    expect(judgeCanary([...many, ...rare], { ...weighted, minimumBadEvents: 2 }).verdict).toBe("rollback");
  });
});

describe("the forecast in time", () => {
  test("follows the traffic so far", () => {
    const seen = bothArms([200, 8], [200, 4]);
    const { forecast } = judgeCanary(seen, even);
    const perMinute = 400 / (199 / 60);
    expect(forecast?.minutes).toBeCloseTo((forecast?.calls ?? Number.NaN) / perMinute, 1);
    const twice = judgeCanary(
      seen.map((s) => ({ ...s, timestamp: s.timestamp / 2 })),
      even,
    );
    expect(twice.forecast?.minutes).toBeCloseTo((forecast?.minutes ?? Number.NaN) / 2, 6);
    const instant = judgeCanary(
      seen.map((s) => ({ ...s, timestamp: s.timestamp / 1_000 })),
      even,
    );
    expect(instant.forecast?.minutes).toBeNull();
  });
});
