import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Effect, ValidationReport } from "../../src/model/verdict.ts";
import {
  concludeValidation,
  describeEffect,
  judgeChecks,
  judgeReplay,
  type ReplayEvidence,
} from "../../src/validate/judge.ts";

const interval = (low: number, high: number): Effect["changeInterval"] => ({ low, high, level: 0.95 });

function effect(change: [number, number, number], extra: Partial<Effect> = {}): Effect {
  const [low, middle, high] = change;
  return {
    operation: "search",
    metric: "p50_ms",
    before: 40,
    beforeInterval: interval(38, 42),
    after: 40 * (1 + middle),
    afterInterval: interval(1, 2),
    change: middle,
    changeInterval: interval(low, high),
    samples: 100,
    ...extra,
  };
}

function evidence(extra: Partial<ReplayEvidence>): ReplayEvidence {
  return {
    differences: [],
    effects: [effect([-0.8, -0.7, -0.6])],
    hypothesis: { metric: "p50_ms", operation: "search", direction: "decrease", expectedChange: -0.5 },
    slowdown: 0.5,
    noiseFields: 0,
    calls: 200,
    ...extra,
  };
}

describe("judgeReplay", () => {
  test("passes when results are equal and the interval excludes no effect", () => {
    expect(judgeReplay(evidence({}))).toMatchObject({ verdict: "pass", reasons: ["hypothesis_met"] });
  });

  test.each([
    [
      "an interval that includes no effect",
      { effects: [effect([-0.2, -0.1, 0.05])] },
      "inconclusive",
      "hypothesis_not_met",
    ],
    ["an effect the other way round", { effects: [effect([0.1, 0.2, 0.3])] }, "fail", "hypothesis_not_met"],
    ["too few calls", { effects: [effect([-0.8, -0.7, -0.6], { samples: 9 })] }, "inconclusive", "replay_insufficient"],
    [
      "no call of the operation",
      { effects: [effect([-0.8, -0.7, -0.6], { operation: "read" })] },
      "inconclusive",
      "replay_insufficient",
    ],
    [
      "another tool much slower",
      { effects: [effect([-0.8, -0.7, -0.6]), effect([0.6, 1, 2], { operation: "read" })] },
      "fail",
      "replay_slower",
    ],
    [
      "a changed result",
      { differences: [{ key: "s1/1", tool: "search", path: "$.a", before: "1", after: "2" }] },
      "fail",
      "replay_result_changed",
    ],
    ["a server that does not start", { serverFailure: "it ended" }, "fail", "server_failed"],
  ] as const)("%s", (_name, extra, ...[verdict, reason]) => {
    const judged = judgeReplay(evidence(extra as Partial<ReplayEvidence>));
    expect(judged.verdict).toBe(verdict);
    expect(judged.reasons).toContain(reason);
  });

  test("a call that newly fails is named as such; at most five calls are shown, and the rest is counted", () => {
    const differences = Array.from({ length: 8 }, (_, i) => ({
      key: `s/${i}`,
      tool: "t",
      path: "$status",
      before: "ok",
      after: "tool_error",
    }));
    const judged = judgeReplay(evidence({ differences }));
    expect(judged.reasons).toEqual(["replay_result_changed", "replay_new_error"]);
    expect(judged.details).toHaveLength(6);
    expect(judged.details.at(-1)).toContain("8 calls differ");
  });

  test("a change that claims nothing passes where nothing got worse, by calls that suffice", () => {
    const hypothesis = { ...evidence({}).hypothesis, expectedChange: 0 };
    const same = [effect([-0.2, 0, 0.2])];
    expect(judgeReplay(evidence({ hypothesis, effects: same }))).toMatchObject({ verdict: "pass", reasons: ["ok"] });
    const few = [effect([-0.2, 0, 0.2], { samples: 9 })];
    expect(judgeReplay(evidence({ hypothesis, effects: few }))).toMatchObject({ reasons: ["replay_insufficient"] });
    const slower = [effect([0.6, 1, 2])];
    expect(judgeReplay(evidence({ hypothesis, effects: slower }))).toMatchObject({ reasons: ["replay_slower"] });
  });

  test("a slowdown below a millisecond is not felt", () => {
    const tiny = effect([0.6, 1, 2], { operation: "read", before: 0.2, after: 0.4 });
    expect(judgeReplay(evidence({ effects: [effect([-0.8, -0.7, -0.6]), tiny] })).verdict).toBe("pass");
  });

  test("never passes with a difference, a dead server or an interval that holds zero", () => {
    const bound = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(bound, bound, fc.record({ differs: fc.boolean(), dead: fc.boolean() }), (a, b, { differs, dead }) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const judged = judgeReplay(
          evidence({
            effects: [effect([low, (low + high) / 2, high])],
            differences: differs ? [{ key: "s/1", tool: "t", path: "$", before: "1", after: "2" }] : [],
            ...(dead ? { serverFailure: "x" } : {}),
          }),
        );
        if (differs || dead || high >= 0) expect(judged.verdict).not.toBe("pass");
        else expect(judged.verdict).toBe("pass");
      }),
    );
  });
});

describe("judgeChecks", () => {
  const run = (exitCode: number | null, timedOut = false) => ({
    name: "tests",
    command: "npm test",
    exitCode,
    timedOut,
    tail: "1 failed",
  });

  test("passes only when every check ended with 0", () => {
    expect(judgeChecks([run(0), run(0)])).toMatchObject({ verdict: "pass", reasons: ["ok"] });
    expect(judgeChecks([run(0), run(1)])).toMatchObject({ verdict: "fail", reasons: ["check_failed"] });
    expect(judgeChecks([run(null, true)])).toMatchObject({ verdict: "fail", reasons: ["timed_out", "check_failed"] });
    expect(judgeChecks([run(null, true)]).details[0]).toContain("longer than its limit");
  });

  test("says when no checks are configured", () => {
    expect(judgeChecks([]).details).toEqual(["No checks are configured."]);
  });
});

describe("concludeValidation", () => {
  const stage = (verdict: "pass" | "fail" | "inconclusive"): ValidationReport["stages"][number] => ({
    stage: "checks",
    verdict,
    reasons: [verdict === "pass" ? "ok" : "check_failed"],
    details: [],
  });

  test("is the first stage that did not pass, whatever follows", () => {
    const verdicts = fc.array(fc.constantFrom("pass", "fail", "inconclusive"), { minLength: 1 });
    fc.assert(
      fc.property(verdicts, (list) => {
        const first = list.find((verdict) => verdict !== "pass") ?? "pass";
        expect(concludeValidation(list.map(stage)).verdict).toBe(first);
      }),
    );
  });

  test("no stage at all is never a pass", () => {
    expect(concludeValidation([])).toEqual({ verdict: "inconclusive", reasons: ["verdict_missing"] });
  });
});

test("an effect is told with its interval and size", () => {
  expect(describeEffect(effect([-0.8, -0.7, -0.6]))).toBe(
    "search p50_ms: 40.0 → 12.0 ms, change -70 % (95 % interval -80 % to -60 %, n = 100)",
  );
  const rate = effect([-0.02, 0.01, 0.04], { metric: "error_rate", before: 0.02, after: 0.03 });
  expect(describeEffect(rate)).toBe(
    "search error_rate: 0.020 → 0.030, change +0.010 (95 % interval -0.020 to +0.040, n = 100)",
  );
});
