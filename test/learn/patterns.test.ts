import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { minePatterns, slug } from "../../src/learn/patterns.ts";
import { Pattern } from "../../src/model/outcome.ts";
import { fingerprint, outcome, outcomes } from "./outcomes.ts";

describe("minePatterns", () => {
  test("an effective fix: changes for a finding that were promoted or held, among all for it", () => {
    const kept = [outcome({ status: "promoted" }), outcome({ status: "held" })];
    const open = outcome({ status: "merged" });
    const [pattern, ...rest] = minePatterns([...kept, open]);
    expect(rest).toEqual([]);
    expect(pattern).toMatchObject({
      id: "effective-fix-n-plus-one",
      kind: "effective_fix",
      reason: "errors_within_margin",
      trials: 3,
      occurrences: 2,
      outcomes: kept.map(({ id }) => id),
      independent: 2,
    });
    // Jeffreys, 2 of 3: quantiles of Beta(2.5, 1.5).
    expect(pattern?.share).toBeCloseTo(2 / 3, 12);
    expect(pattern?.interval.low).toBeCloseTo(0.1767, 3);
    expect(pattern?.interval.high).toBeCloseTo(0.961, 3);
  });

  test("a recurring failure per reason, for rejected, closed and rolled-back proposals only", () => {
    const patterns = minePatterns([
      outcome({ status: "rejected", reasons: ["check_failed", "replay_result_changed"] }),
      outcome({ status: "rolled_back", reasons: ["replay_result_changed"] }),
      outcome({ status: "inconclusive", reasons: ["check_failed"] }),
    ]);
    expect(patterns.map(({ id, occurrences, trials }) => [id, occurrences, trials])).toEqual([
      ["recurring-failure-n-plus-one-check-failed", 1, 3],
      ["recurring-failure-n-plus-one-replay-result-changed", 2, 3],
    ]);
  });

  test("equal ideas are one idea, and a proposal counts once, with its latest outcome", () => {
    const first = outcome({ at: "2026-11-20T10:00:00Z", status: "promoted" });
    const back = { ...first, id: "later", at: "2026-11-20T10:00:00.5Z", status: "rolled_back" as const };
    expect(minePatterns([back, first]).map(({ kind, trials }) => [kind, trials])).toEqual([["recurring_failure", 1]]);
    const again = outcome({ fingerprint: first.fingerprint });
    expect(minePatterns([first, again])[0]).toMatchObject({ occurrences: 2, independent: 1 });
  });

  test("a run without a proposal is no trial", () => {
    const none = outcome({ status: "no_change", fingerprint: fingerprint(0), proposal: "none" });
    expect(minePatterns([none])).toEqual([]);
    expect(minePatterns([none, outcome()])[0]).toMatchObject({ trials: 1 });
    expect(minePatterns([])).toEqual([]);
  });

  test("one proposal that answers two findings counts for both", () => {
    const both = minePatterns([outcome({ findings: ["sequential_calls", "n_plus_one"] })]);
    expect(both.map(({ finding }) => finding)).toEqual(["n_plus_one", "sequential_calls"]);
  });

  test("order does not matter; every pattern is valid, its counts add up, its interval holds its share", () => {
    fc.assert(
      fc.property(outcomes, (found) => {
        const patterns = minePatterns(found);
        expect(minePatterns([...found].reverse())).toEqual(patterns);
        expect(minePatterns([...found, ...found])).toEqual(patterns);
        expect(new Set(patterns.map(({ id }) => id)).size).toBe(patterns.length);
        for (const pattern of patterns) {
          expect(Pattern.parse(pattern)).toEqual(pattern);
          expect(pattern.occurrences).toBe(pattern.outcomes.length);
          expect(pattern.occurrences).toBeLessThanOrEqual(pattern.trials);
          expect(pattern.independent).toBeLessThanOrEqual(pattern.occurrences);
          expect(pattern.interval.low).toBeLessThanOrEqual(pattern.share);
          expect(pattern.interval.high).toBeGreaterThanOrEqual(pattern.share);
        }
      }),
    );
  });
});

test("slug makes ids out of words", () => {
  expect(slug(["n_plus_one", "My Server!"])).toBe("n-plus-one-my-server");
});
