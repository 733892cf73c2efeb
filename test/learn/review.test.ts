import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { explainReview } from "../../src/learn/explain.ts";
import { applyDue, reviewRules, type ReviewSource } from "../../src/learn/review.ts";
import type { Trial } from "../../src/learn/trials.ts";
import { RuleReview } from "../../src/model/learning.ts";
import { Rule } from "../../src/model/outcome.ts";
import { rule } from "./rules.ts";

const NOW = "2026-11-20T00:00:00.000Z";
const LATER = "2027-02-01T00:00:00.000Z";

/** Sessions of a rule, drawn in turn: how many of 50 passed with it and without, evenly over time. */
function sessions(id: string, good: readonly [number, number], change: Partial<Trial> = {}): Trial[] {
  const passed = (i: number, of50: number): boolean => Math.floor(((i + 1) * of50) / 50) > Math.floor((i * of50) / 50);
  return Array.from({ length: 50 }, (_, i) => i).flatMap((i) =>
    [true, false].map((assigned, side) => ({
      rule: id,
      version: 1,
      assigned,
      q: 0.5,
      validated: passed(i, good[side] ?? 0),
      held: undefined,
      costUsd: 0,
      ...change,
    })),
  );
}

const review = (change: Partial<ReviewSource>) =>
  reviewRules({
    rules: [rule()],
    trials: [],
    now: NOW,
    tokenBudget: 1000,
    tokensOf: ({ text }) => text.length,
    ...change,
  });
const only = (change: Partial<ReviewSource>): RuleReview => {
  const [one, ...rest] = review(change);
  if (one === undefined || rest.length > 0) throw new Error("not one review");
  return RuleReview.parse(one);
};

describe("reviewRules", () => {
  test("each rule stands as its state, its time and its sessions say", () => {
    const hard = { findings: [], paths: [] };
    const standing = (change: Partial<Rule>, good?: readonly [number, number], now = NOW) =>
      only({ rules: [rule(change)], trials: good ? sessions("batch-reads", good) : [], now }).standing;
    expect(standing({})).toBe("trial");
    expect(standing({}, [45, 20])).toBe("helps");
    expect(standing({}, [20, 45])).toBe("useless");
    expect(standing({}, [30, 30])).toBe("undecided");
    expect(standing({}, [45, 20], LATER)).toBe("expired");
    expect(standing({ state: "candidate" }, [45, 20])).toBe("candidate");
    expect(standing({ state: "retired" }, [45, 20])).toBe("retired");
    expect(standing({ hard }, [20, 45])).toBe("hard");
  });

  test("sessions of another version are of another rule", () => {
    const one = only({ rules: [rule({ version: 2 })], trials: sessions("batch-reads", [20, 45]) });
    expect(one).toMatchObject({ standing: "trial", version: 2 });
    expect(one.validated).toBeUndefined();
  });

  test("the late outcome is measured beside the early one, from the sessions that have it", () => {
    const trials = sessions("batch-reads", [40, 30]).map((trial, i) => ({
      ...trial,
      held: i % 4 < 2 ? trial.validated : undefined,
    }));
    const { validated, held } = only({ trials });
    expect(validated?.shown).toMatchObject({ trials: 50, successes: 40 });
    expect(held?.shown).toMatchObject({ trials: 25, successes: 20 });
  });

  test("the token budget of a kind of finding keeps what helps, then what is worth most, then what is older", () => {
    const rules = [
      rule({ id: "helps", text: "x".repeat(100) }),
      rule({ id: "newer", text: "y".repeat(100), created: "2026-11-02T00:00:00.000Z" }),
      rule({ id: "older", text: "z".repeat(100) }),
      rule({ id: "elsewhere", text: "w".repeat(100), scope: { ...rule().scope, findings: ["errors"] } }),
    ];
    const trials = sessions("helps", [45, 20]);
    const due = (tokenBudget: number) =>
      review({ rules, trials, tokenBudget }).flatMap(({ rule: id, due: one }) => (one ? [`${id} ${one.why}`] : []));
    expect(due(300)).toEqual([]);
    expect(due(299)).toEqual(["newer budget"]);
    expect(due(150)).toEqual(["newer budget", "older budget"]);
    expect(due(99)).toEqual(["elsewhere budget", "helps budget", "newer budget", "older budget"]);
  });

  test("property: what the budget leaves fits into it, hard rules excepted", () => {
    const some = fc.array(
      fc.record({ length: fc.integer({ min: 1, max: 300 }), isHard: fc.boolean(), errors: fc.boolean() }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(some, fc.nat(600), (drafts, tokenBudget) => {
        const rules = drafts.map(({ length, isHard, errors }, i) =>
          rule({
            id: `r-${i}`,
            text: "x".repeat(length),
            scope: { ...rule().scope, findings: errors ? ["errors", "n_plus_one"] : ["n_plus_one"] },
            ...(isHard ? { hard: { findings: [], paths: [] } } : {}),
          }),
        );
        const reviews = review({ rules, tokenBudget });
        const dropped = new Set(reviews.filter(({ due }) => due).map(({ rule: id }) => id));
        const left = rules.filter(({ id }) => !dropped.has(id));
        const soft = left.filter(({ hard }) => hard === undefined);
        const total = left.reduce((sum, { text }) => sum + text.length, 0);
        if (soft.length > 0) expect(total).toBeLessThanOrEqual(tokenBudget);
        for (const { id, hard } of rules) if (hard) expect(dropped.has(id)).toBe(false);
      }),
    );
  });
});

describe("applyDue", () => {
  test("retiring and renewing change state and time, keep text and version, and write the numbers down", () => {
    const bad = only({ trials: sessions("batch-reads", [20, 45]) });
    const retired = applyDue(rule(), bad, NOW);
    expect(Rule.parse(retired)).toMatchObject({
      state: "retired",
      version: 1,
      text: rule().text,
      retired: { at: NOW, why: expect.stringContaining("effect: P(effect > 0) = 0.00") },
      effect: { trials: 100, delta: bad.validated?.delta },
    });
    const good = only({ trials: sessions("batch-reads", [45, 20]), now: LATER });
    expect(Rule.parse(applyDue(rule(), good, LATER))).toMatchObject({
      state: "active",
      expires: "2027-05-02T00:00:00.000Z",
    });
    expect(applyDue(rule(), only({}), NOW)).toBeUndefined();
  });
});

describe("explainReview", () => {
  test("never a share without its number; says what is due and how much more it takes", () => {
    const trials = sessions("batch-reads", [30, 31]).map((one) => ({ ...one, held: one.validated }));
    const line = explainReview(only({ trials }));
    expect(line).toMatch(
      /^Rule batch-reads \(version 1\) is undecided: 30 of 50 passed validation with it, 31 of 50 without; effect (?:0|−\d) points \(90 % −\d+ to \+\d+\), P\(effect > 0\) = 0\.\d\d, e-values [\d.]+ that it helps and [\d.]+ that it is not worth its tokens\. 30 of 50 were kept with it/,
    );
    expect(line).toMatch(/About \d+ more sessions until it is decided\.$/);
    expect(explainReview(only({ trials: sessions("batch-reads", [10, 45]) }))).toMatch(
      /does not help: .* Due: retire \(P\(effect > 0\) = 0\.000 after 100 sessions, e-values 1 that it helps, over 1000 that it is not worth its tokens\)\.$/,
    );
    expect(explainReview(only({}))).toContain("not measured yet");
  });

  test("every standing has its line", () => {
    for (const standing of RuleReview.shape.standing.options) {
      expect(explainReview({ ...only({}), standing })).toMatch(/^Rule batch-reads \(version 1\) .*\.$/);
    }
  });
});
