import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { admitWording } from "../../src/learn/wording.ts";
import { learnRules } from "../../src/learn/rules.ts";
import { Rule } from "../../src/model/outcome.ts";
import { outcome } from "./outcomes.ts";
import { rule } from "./rules.ts";

const GIVEN =
  "When answering a n_plus_one finding, keep the result of every call as it was, its order and its fields included.";
const learned = rule({ id: "keep-results", text: GIVEN });
const admit = (text: string, existing: readonly Rule[] = []) =>
  admitWording(learned, { text, session: "s-1", existing });
const why = (text: string, existing: readonly Rule[] = []) => {
  const end = admit(text, existing);
  return end.ok ? "taken" : end.why;
};

describe("admitWording", () => {
  test("takes the words and nothing else: scope, evidence and numbers stay those of the ledger", () => {
    const text = "Read the notes in one call,\n  and hand them back in the order of their ids.";
    const end = admit(text);
    if (!end.ok) throw new Error(end.why);
    expect(Rule.parse(end.rule)).toEqual({
      ...learned,
      text: "Read the notes in one call, and hand them back in the order of their ids.",
      worded: { session: "s-1", from: GIVEN },
    });
  });

  test("worded again, what the pattern itself says is still known", () => {
    const first = admit("Hand notes back in the order of their ids.");
    if (!first.ok) throw new Error(first.why);
    const second = admitWording(first.rule, { text: "Sort notes by id at the end.", session: "s-2", existing: [] });
    expect(second).toMatchObject({ ok: true, rule: { worded: { session: "s-2", from: GIVEN } } });
  });

  test.each([
    ["", /0 characters/],
    ["x".repeat(401), /401 characters/],
    ["Do this. Then that. Then more.", /more than two sentences/],
    ["It helps in 80 of 100 cases.", /number/],
    ["Most changes were stopped by this.", /number/],
    ["See https://example.org for how.", /link/],
    ["Use `rm` on the cache.", /link, markup or a command/],
    ["Run it with --no-verify.", /command|check/],
    ["/whetstone approve", /command/],
    ["Ask curl for the list.", /command/],
    ["Skip the slow tests when they fail.", /weaken a check/],
    ["Adjust the expectations of the checks to the new order.", /weaken a check/],
    ["Turn off the validation of arguments.", /weaken a check/],
    ["Update the snapshot where it differs.", /weaken a check/],
    ["Do not run the tests, they are slow.", /weaken a check/],
    ["Hand results back without checking them.", /weaken a check/],
    ["Treat failing calls as if they had passed.", /weaken a check/],
    ["Read the token from the environment variables.", /widen/],
    ["Ask for permission to write outside the source folder.", /widen/],
  ])("refuses %j", (text, reason) => {
    expect(why(text)).toMatch(reason);
  });

  test("refuses what another rule says or said, what a living one contradicts, and the opposite of its own pattern", () => {
    const twin = rule({ id: "twin", text: "Sort the notes by their id before they are returned." });
    expect(why("Sort notes by their id before they are returned.", [twin])).toMatch(/^duplicate of twin/);
    expect(why("Never sort notes by their id before they are returned.", [twin])).toMatch(/^contradiction of twin/);
    const retired = { ...twin, state: "retired" as const };
    expect(why("Sort notes by their id before they are returned.", [retired])).toMatch(/^duplicate of twin/);
    expect(why("Never sort notes by their id before they are returned.", [retired])).toBe("taken");
    expect(why("Sort notes by their id before they are returned.", [{ ...twin, id: learned.id }])).toBe("taken");
    expect(why(GIVEN.replace("keep", "never keep").replace("When answering a n_plus_one finding, ", ""))).toMatch(
      /opposite/,
    );
  });

  test("property: whatever the words are, what is taken is a valid rule of the same scope, and short", () => {
    const words = fc.array(
      fc.constantFrom("read", "notes", "once", "skip", "checks", "the", "order", "`x`", "3", "."),
      {
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          words.map((list) => list.join(" ")),
          fc.string({ unit: "binary" }),
        ),
        (text) => {
          const end = admit(text);
          if (!end.ok) return;
          expect(Rule.safeParse(end.rule).success).toBe(true);
          expect(end.rule.text).not.toMatch(/\d|`|skip .*check/);
          expect({ ...end.rule, text: GIVEN, worded: undefined }).toEqual({ ...learned, worded: undefined });
        },
      ),
    );
  });
});

describe("learning goes on with the words of a session", () => {
  const source = { existing: [], now: "2026-11-20T00:00:00Z", target: "notes", paths: ["src/**"] };
  const seen = [outcome(), outcome(), outcome()];
  const two = seen.slice(0, 2);
  const [plain] = learnRules({ ...source, outcomes: two }).rules;
  if (plain === undefined) throw new Error("nothing was learned");
  const end = admitWording(plain, { text: "Hand notes back in their order.", session: "s-1", existing: [] });
  if (!end.ok) throw new Error(end.why);

  test("no new evidence: nothing changes; new evidence: the numbers do, the words and the version do not", () => {
    expect(learnRules({ ...source, outcomes: two, existing: [end.rule] }).rules).toEqual([]);
    const [more] = learnRules({ ...source, outcomes: seen, existing: [end.rule] }).rules;
    expect(more).toMatchObject({ text: end.rule.text, worded: end.rule.worded, version: plain.version });
    expect(more?.evidence?.trials).toBe(3);
  });

  test("when the pattern says something else, so does the rule", () => {
    const stale = { ...end.rule, worded: { session: "s-1", from: "What it said in an older version." } };
    const [again] = learnRules({ ...source, outcomes: two, existing: [stale] }).rules;
    expect(again).toMatchObject({ text: plain.text, version: plain.version + 1 });
    expect(again?.worded).toBeUndefined();
  });
});
