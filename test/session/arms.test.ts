import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Rule } from "../../src/model/outcome.ts";
import { rulesInForce, type RuleDraw } from "../../src/session/arms.ts";
import { rule } from "../learn/rules.ts";

const base: RuleDraw = {
  seed: "r-1",
  target: "notes",
  paths: ["src/**"],
  findings: ["n_plus_one"],
  tools: ["search"],
  rules: [],
  now: "2026-11-20T00:00:00.000Z",
};
const draw = (rules: readonly Rule[], change: Partial<RuleDraw> = {}) => rulesInForce({ ...base, rules, ...change });
const hard = { findings: [], paths: ["src/secrets/**"] };

describe("which rules apply", () => {
  const cases: readonly [string, Partial<Rule>, string][] = [
    ["a candidate", { state: "candidate" }, "state"],
    ["a retired one", { state: "retired" }, "state"],
    ["another target's", { scope: { ...rule().scope, target: "files" } }, "target"],
    ["an expired one", { expires: "2026-11-20T00:00:00Z" }, "expired"],
    ["one for other findings", { scope: { ...rule().scope, findings: ["errors"] } }, "findings"],
    ["one for other tools", { scope: { ...rule().scope, tools: ["read"] } }, "tools"],
    ["one for other paths", { scope: { ...rule().scope, paths: ["lib/**"] } }, "paths"],
    ["one that is too long", { text: "x".repeat(400) }, "budget"],
  ];

  test.each(cases)("%s has no part in it, and it is said why", (_what, change, why) => {
    expect(draw([rule(change)], { tokenBudget: 20 })).toEqual({
      rules: [],
      arms: [],
      leftOut: [{ rule: rule().id, why }],
    });
  });

  test("a rule for a tool, a file or all paths that meet the session's applies", () => {
    const { scope } = rule();
    const scopes: Rule["scope"][] = [
      { ...scope, tools: ["read", "search"] },
      { ...scope, paths: ["src/tools/search.ts"] },
      { ...scope, paths: [] },
      { ...scope, paths: ["**"] },
    ];
    for (const one of scopes) expect(draw([rule({ scope: one })]).arms).toHaveLength(1);
  });
});

describe("the draw", () => {
  const many = Array.from({ length: 400 }, (_, i) => rule({ id: `rule-${i}` }));
  const generous = { tokenBudget: 1e6 };

  test("shows about the share q of the rules, each by itself, and says with which q", () => {
    for (const q of [0.15, 0.5, 0.85]) {
      const { rules, arms } = draw(many, { ...generous, q: new Map(many.map(({ id }) => [id, q])) });
      expect(arms).toHaveLength(400);
      expect(new Set(arms.map((arm) => arm.q))).toEqual(new Set([q]));
      // Five standard deviations; the draw is a hash, the same in every run.
      expect(Math.abs(rules.length / 400 - q)).toBeLessThan(5 * Math.sqrt((q * (1 - q)) / 400));
      expect(rules.map(({ id }) => id).sort()).toEqual(arms.filter(({ assigned }) => assigned).map((arm) => arm.rule));
    }
  });

  test("hangs on run, rule and version, and on nothing else", () => {
    const assigned = (change: Partial<RuleDraw>, version = 1): string =>
      draw(
        many.map((one) => ({ ...one, version })),
        { ...generous, ...change },
      )
        .arms.map((arm) => Number(arm.assigned))
        .join("");
    expect(assigned({ rules: many.toReversed() })).toBe(assigned({}));
    expect(assigned({ now: "2026-11-21T00:00:00Z", tools: ["other", "search"] })).toBe(assigned({}));
    expect(assigned({ seed: "r-2" })).not.toBe(assigned({}));
    expect(assigned({}, 2)).not.toBe(assigned({}));
    // Computed elsewhere: a change of the formula would make old records irreproducible.
    expect(assigned({}).slice(0, 16)).toBe("1110001000001110");
  });

  test("leaves hard rules out of it: they are always shown, first, whatever the budget is", () => {
    const safe = rule({ id: "zz-safe", hard, text: "x".repeat(400) });
    const { rules, arms } = draw([...many, safe], { tokenBudget: 0, q: new Map([["zz-safe", 0]]) });
    expect(rules).toEqual([safe]);
    expect(arms).toEqual([{ rule: "zz-safe", version: 1, assigned: true, q: 1 }]);
  });

  test("the strongest come first, and keep their place when the budget is short", () => {
    const effect = (delta: number) => ({ delta, interval: { low: 0, high: 1, level: 0.95 }, trials: 50 });
    const weak = rule({ id: "weak", effect: effect(0.01) });
    const strong = rule({ id: "strong", effect: effect(0.2) });
    const q = new Map([
      ["weak", 1],
      ["strong", 1],
    ]);
    expect(draw([weak, strong], { q }).rules).toEqual([strong, weak]);
    const short = draw([weak, strong], { q, tokenBudget: 15 });
    expect(short.rules).toEqual([strong]);
    expect(short.leftOut).toEqual([{ rule: "weak", why: "budget" }]);
  });

  test("property: the order of the rules does not matter, and every rule is either drawn or left out", () => {
    const some = fc.array(
      fc.record({
        id: fc.constantFrom("a", "b", "c", "d", "e"),
        state: fc.constantFrom("active" as const, "candidate" as const, "retired" as const),
        isHard: fc.boolean(),
        long: fc.boolean(),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(some, fc.nat(80), fc.string(), (drafts, tokenBudget, seed) => {
        const rules = drafts.map(({ id, state, isHard, long }, i) =>
          rule({ id: `${id}-${i}`, state, ...(isHard ? { hard } : {}), text: long ? "x".repeat(300) : "Short." }),
        );
        const drawn = draw(rules, { tokenBudget, seed });
        expect(draw(rules.toReversed(), { tokenBudget, seed })).toEqual(drawn);
        expect(drawn.arms.length + drawn.leftOut.length).toBe(rules.length);
        for (const one of rules.filter(({ hard: its, state }) => its && state === "active")) {
          expect(drawn.rules).toContain(one);
        }
      }),
    );
  });
});
