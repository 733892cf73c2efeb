import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { conflictOf, findConflicts } from "../../src/learn/conflicts.ts";
import { ruleText } from "../../src/learn/text.ts";
import { REASON_CODE_LIST } from "../../src/model/codes.ts";
import { FindingKind } from "../../src/model/finding.ts";
import type { Pattern } from "../../src/model/outcome.ts";
import { rule } from "./rules.ts";

const pair = (a: string, b: string) => conflictOf(rule({ id: "a", text: a }), rule({ id: "b", text: b }))?.kind;

describe("conflictOf", () => {
  test.each([
    ["Read files in one batch.", "Never read files in one batch.", "contradiction"],
    ["Cache the index between calls.", "Do not cache the index between calls.", "contradiction"],
    ["Run the queries in parallel.", "Run the queries sequential.", "contradiction"],
    ["Await the calls together.", "Await the calls separately.", "contradiction"],
    ["Avoid global caches.", "Use global caches.", "contradiction"],
    ["Read files in one batch.", "Read all the files in one batch.", "duplicate"],
    ["Reading files: one batch.", "Read the file in one batch!", "duplicate"],
    ["Always retry failed calls with a growing delay.", "Retrying failed calls is forbidden.", "contradiction"],
    ["Start independent calls in parallel.", "Start independent calls one after the other.", "contradiction"],
    ["Start independent calls at the same time.", "Start independent calls in sequence.", "contradiction"],
    ["Keep the order of results.", "The order of results need not be kept.", "contradiction"],
    ["Read files twice.", "Refuse to read files twice.", "contradiction"],
    ["Cache the index between calls.", "Don’t cache the index between calls.", "contradiction"],
    ["Keep the order of results.", "Results keep their order.", "duplicate"],
    ["Fetch all notes in one call.", "Fetch every note in a single call.", "duplicate"],
    ["Hold the lock while reading.", "The lock is held while it reads.", "duplicate"],
    ["Ｒead files in one batch.", "Read files in one batch.", "duplicate"],
    ["Do not hold the lock while reading.", "Read the file once before the loop.", undefined],
    ["Read files in one batch.", "Bound retries with a growing delay.", undefined],
    ["Never write to the log.", "Never read the log file twice.", undefined],
    // The reason of a rule is no rule.
    ["Keep the order of results. Changes were not kept for this.", "Share reads between calls.", undefined],
  ])("%s / %s: %s", (a, b, kind) => {
    expect(pair(a, b)).toBe(kind);
    expect(pair(b, a)).toBe(kind);
  });

  test("only rules that one session may see can conflict", () => {
    const a = rule({ id: "a" });
    const b = rule({ id: "b", text: "Never read files in one batch." });
    expect(conflictOf(a, b)).toMatchObject({ rules: ["a", "b"] });
    expect(conflictOf(a, { ...b, scope: { ...b.scope, target: "files" } })).toBeUndefined();
    expect(conflictOf(a, { ...b, scope: { ...b.scope, findings: ["errors"] } })).toBeUndefined();
    const [search, read] = [["search"], ["read"]].map((tools) => ({ ...a.scope, tools }));
    expect(conflictOf({ ...a, scope: search ?? a.scope }, { ...b, scope: read ?? b.scope })).toBeUndefined();
    expect(conflictOf({ ...a, scope: search ?? a.scope }, b)).toBeDefined();
    expect(conflictOf(a, { ...b, id: "a" })).toBeUndefined();
  });
});

describe("findConflicts", () => {
  test("names each pair once, in order, and leaves retired rules out", () => {
    const rules = ["c", "a", "b"].map((id) => rule({ id }));
    expect(findConflicts(rules).map((one) => one.rules)).toEqual([
      ["a", "b"],
      ["a", "c"],
      ["b", "c"],
    ]);
    expect(findConflicts(rules.map((one) => ({ ...one, state: "retired" as const })))).toEqual([]);
  });

  test("the texts that are learned for one kind of finding do not conflict with each other", () => {
    for (const finding of FindingKind.options) {
      const patterns: Pick<Pattern, "kind" | "finding" | "reason">[] = [
        { kind: "effective_fix", finding, reason: "ok" },
        ...REASON_CODE_LIST.map((reason) => ({ kind: "recurring_failure" as const, finding, reason })),
      ];
      const rules = patterns.flatMap((pattern, i) => {
        const text = ruleText(pattern as Pattern);
        return text === undefined
          ? []
          : [rule({ id: `r-${i}`, text, scope: { ...rule().scope, findings: [finding] } })];
      });
      expect(rules.length).toBeGreaterThan(10);
      expect(findConflicts(rules)).toEqual([]);
    }
  });

  test("property: never fails on any text, and a rule always repeats itself", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "binary" }), fc.lorem(), (a, b) => {
        expect(["duplicate", "contradiction", undefined]).toContain(pair(a, b));
        expect(pair(b, b)).toBe(b.length > 4 ? "duplicate" : pair(b, b));
        expect(pair(b, `Never ${b}`)).toBe("contradiction");
      }),
    );
  });
});
