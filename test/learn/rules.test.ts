import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { learnRules, type Learning } from "../../src/learn/rules.ts";
import { Rule } from "../../src/model/outcome.ts";
import { outcome, outcomes } from "./outcomes.ts";

const base: Learning = {
  outcomes: [],
  existing: [],
  now: "2026-11-20T12:00:00.000Z",
  target: "notes",
  paths: ["src/**"],
};
const learn = (change: Partial<Learning>) => learnRules({ ...base, ...change });
const only = (change: Partial<Learning>): Rule => {
  const { rules } = learn(change);
  if (rules.length !== 1 || rules[0] === undefined) throw new Error(`${rules.length} rules`);
  return rules[0];
};

describe("learnRules", () => {
  test("one outcome makes a candidate that says what is missing", () => {
    const { rules, explanation } = learn({ outcomes: [outcome()] });
    expect(rules).toHaveLength(1);
    expect(rules[0]).toMatchObject({
      id: "effective-fix-n-plus-one-notes",
      version: 1,
      state: "candidate",
      scope: { target: "notes", findings: ["n_plus_one"], paths: ["src/**"] },
      created: "2026-11-20T12:00:00.000Z",
      expires: "2027-02-18T12:00:00.000Z",
    });
    expect(explanation).toEqual([
      "n_plus_one: 1 of 1 proposals kept (95 % interval 15 %–100 %), 1 independent idea. " +
        "New rule effective-fix-n-plus-one-notes is a candidate: 1 more independent outcome needed before a trial.",
    ]);
  });

  test("two independent ideas start a trial; the same idea twice does not", () => {
    const first = outcome();
    expect(only({ outcomes: [first, outcome()] }).state).toBe("active");
    expect(only({ outcomes: [first, outcome({ fingerprint: first.fingerprint })] }).state).toBe("candidate");
  });

  test("new numbers keep id, version, text and creation, and renew the rule", () => {
    const first = outcome();
    const candidate = only({ outcomes: [first] });
    const later = "2026-12-01T00:00:00.000Z";
    const active = only({ outcomes: [first, outcome()], existing: [candidate], now: later });
    expect(active).toMatchObject({ id: candidate.id, version: 1, text: candidate.text, created: candidate.created });
    expect(active).toMatchObject({ state: "active", expires: "2027-03-01T00:00:00.000Z" });
  });

  test("another scope or text is a new version, whose effect is not measured yet", () => {
    const found = [outcome()];
    const effect = { delta: 0.1, interval: { low: 0, high: 0.2, level: 0.95 }, trials: 40 };
    const known = { ...only({ outcomes: found }), effect };
    expect(learn({ outcomes: found, existing: [known] }).rules).toEqual([]);
    expect(only({ outcomes: [...found, outcome()], existing: [known] }).effect).toEqual(effect);
    const moved = only({ outcomes: found, existing: [known], paths: ["lib/**"] });
    expect(moved.version).toBe(2);
    expect(moved.effect).toBeUndefined();
    expect(only({ outcomes: found, existing: [{ ...known, text: "An older wording." }] }).version).toBe(2);
    const both = [known, { ...moved, version: 5 }];
    expect(only({ outcomes: found, existing: both }).version).toBe(6);
  });

  test("what was retired is not learned again", () => {
    const found = [outcome(), outcome()];
    const retired = { ...only({ outcomes: found }), state: "retired" as const };
    const { rules, explanation } = learn({ outcomes: [...found, outcome()], existing: [retired] });
    expect(rules).toEqual([]);
    expect(explanation[0]).toContain("was retired");
  });

  test("near-duplicates are refused: the id with a number, or the same text", () => {
    const found = [outcome()];
    const rule = only({ outcomes: found });
    for (const twin of [
      { ...rule, id: `${rule.id}-2`, text: "Something else." },
      { ...rule, id: "written-by-hand" },
    ]) {
      const { rules, explanation } = learn({ outcomes: found, existing: [twin] });
      expect(rules).toEqual([]);
      expect(explanation[0]).toContain(`${twin.id} says this already`);
    }
    const unrelated = { ...rule, id: "written-by-hand", text: "Something else." };
    expect(learn({ outcomes: found, existing: [unrelated] }).rules).toHaveLength(1);
  });

  test("what contradicts an existing rule is refused, and the rule is named", () => {
    const found = [outcome()];
    const rule = only({ outcomes: found });
    const against = { ...rule, id: "written-by-hand", text: `Do not ${rule.text.toLowerCase()}` };
    const { rules, explanation } = learn({ outcomes: found, existing: [against] });
    expect(rules).toEqual([]);
    expect(explanation[0]).toContain("No rule: it contradicts written-by-hand");
    expect(learn({ outcomes: found, existing: [{ ...against, state: "retired" }] }).rules).toHaveLength(1);
  });

  test("a rule whose trial is over is not prolonged by new evidence of its pattern", () => {
    const first = [outcome(), outcome()];
    const known = only({ outcomes: first });
    const now = "2026-12-01T00:00:00.000Z";
    const more = { outcomes: [...first, outcome()], existing: [known], now };
    expect(only(more).expires).not.toBe(known.expires);
    expect(only({ ...more, settled: new Set([known.id]) }).expires).toBe(known.expires);
  });

  test("the same advice for another target is no duplicate, however its name ends", () => {
    const rule = only({ outcomes: [outcome()] });
    const other = only({ outcomes: [outcome({ target: "notes-2" })], target: "notes-2", existing: [rule] });
    expect(other).toMatchObject({ id: "effective-fix-n-plus-one-notes-2", text: rule.text });
  });

  test("an expired rule stays expired until there is new evidence", () => {
    const found = [outcome(), outcome()];
    const rule = only({ outcomes: found });
    const now = "2027-06-01T00:00:00.000Z";
    const stale = learn({ outcomes: found, existing: [rule], now });
    expect(stale.rules).toEqual([]);
    expect(stale.explanation[0]).toContain(`expired on ${rule.expires}`);
    expect(only({ outcomes: [...found, outcome()], existing: [rule], now }).expires > now).toBe(true);
  });

  test("failures teach by their reason; what nobody can heed is said and teaches nothing", () => {
    const stopped = (reason: "replay_result_changed" | "base_moved") =>
      outcome({ status: "rejected", reasons: [reason] });
    const rule = only({ outcomes: [stopped("replay_result_changed"), stopped("base_moved")] });
    expect(rule.id).toBe("recurring-failure-n-plus-one-replay-result-changed-notes");
    expect(rule.evidence).toMatchObject({ trials: 2, occurrences: 1 });
    const { explanation } = learn({ outcomes: [stopped("base_moved")] });
    expect(explanation[0]).toContain("cannot heed");
  });

  test("an outcome that is neither kept nor stopped teaches nothing yet", () => {
    const { explanation } = learn({ outcomes: [outcome({ status: "proposed", reasons: ["ok"] })] });
    expect(explanation).toEqual([expect.stringMatching(/^1 outcome of notes: none was kept or stopped/)]);
  });

  test("outcomes of other targets, and none at all, teach nothing and say so", () => {
    for (const found of [[], [outcome({ target: "other" })]]) {
      const { rules, explanation } = learn({ outcomes: found });
      expect(rules).toEqual([]);
      expect(explanation[0]).toContain("0 outcomes of notes");
    }
  });
});

test("rules are valid, independent of order, unique by id, and learning again changes nothing", () => {
  fc.assert(
    fc.property(outcomes, outcomes, (earlier, later) => {
      const before = learn({ outcomes: earlier }).rules;
      expect(learn({ outcomes: [...earlier].reverse() })).toEqual(learn({ outcomes: earlier }));
      for (const rule of before) expect(Rule.parse(rule)).toEqual(rule);
      expect(new Set(before.map(({ id }) => id)).size).toBe(before.length);
      const nextDay = "2026-11-21T12:00:00.000Z";
      expect(learn({ outcomes: earlier, existing: before, now: nextDay }).rules).toEqual([]);
      const after = learn({ outcomes: later, existing: before, now: nextDay }).rules;
      const merged = [...new Map([...before, ...after].map((rule) => [rule.id, rule])).values()];
      expect(learn({ outcomes: later, existing: merged, now: nextDay }).rules).toEqual([]);
      for (const rule of [...before, ...after]) {
        expect(rule.state).toBe((rule.evidence?.independent ?? 0) >= 2 ? "active" : "candidate");
        expect(rule.scope.target).toBe("notes");
      }
    }),
    { numRuns: 40 },
  );
});
