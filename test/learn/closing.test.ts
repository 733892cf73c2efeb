import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CLOSING_LABELS, closingNote } from "../../src/learn/closing.ts";
import { minePatterns } from "../../src/learn/patterns.ts";
import { learnRules } from "../../src/learn/rules.ts";
import { isHeedable } from "../../src/learn/text.ts";
import { Outcome } from "../../src/model/outcome.ts";
import { fingerprint, outcome } from "./outcomes.ts";

const proposal = { paths: ["src/cache.ts"] };
const reasons = (text: string, labels: readonly string[] = []) => closingNote({ labels, text }, proposal).reasons;

describe("a reason label", () => {
  test.each(Object.entries(CLOSING_LABELS))("%s teaches %s, whatever else is written", (label, reason) => {
    const text = "It is too large and slower, and the tests are red.";
    expect(closingNote({ labels: ["whetstone", label], text }, proposal)).toEqual({
      status: "closed",
      reasons: [reason],
      note: text,
    });
    expect(closingNote({ labels: [label.toUpperCase().replace(": ", ":")] }, proposal).reasons).toEqual([reason]);
    // Otherwise nothing would follow from it.
    expect(isHeedable(reason)).toBe(true);
  });

  test("several of them all count, in one order", () => {
    const labels = ["whetstone: too large", "whetstone: slower"];
    expect(reasons("", labels)).toEqual(["latency_increased", "size_exceeded"]);
    expect(reasons("", labels.toReversed())).toEqual(reasons("", labels));
  });
});

describe("words", () => {
  test.each([
    ["This changes the order of the entries.", ["replay_result_changed"]],
    ["Tests are failing on Windows; and it is far too big.", ["check_failed", "size_exceeded"]],
    ["Please do not touch src/cache.ts, it is generated code.", ["path_forbidden"]],
    ["Leave src/cache.ts alone", ["path_forbidden"]],
    ["No effect that I can see", ["hypothesis_not_met"]],
    ["Two requests race for the map.", ["errors_increased"]],
    ["Use another approach", ["fingerprint_rejected"]],
    ["It is not too large, but slower.", ["latency_increased"]],
    ["Not now, we are in a freeze.", ["decided_by_person"]],
    ["", ["decided_by_person"]],
    ["Leave src/other.ts alone", ["decided_by_person"]],
  ])("%s", (text, expected) => {
    expect(reasons(text)).toEqual(expected);
  });

  test("are kept as a note, on one line, cut with a sign", () => {
    expect(closingNote({ labels: [], text: "  Not now.\n\n Later.  " }, proposal).note).toBe("Not now. Later.");
    expect(closingNote({ labels: [] }, proposal)).toEqual({ status: "closed", reasons: ["decided_by_person"] });
    const long = closingNote({ labels: [], text: "x".repeat(501) }, proposal).note;
    expect([long?.length, long?.endsWith("…")]).toEqual([500, true]);
    expect(closingNote({ labels: [], text: "x".repeat(500) }, proposal).note).toHaveLength(500);
  });
});

describe("what an outcome makes of it", () => {
  const closed = (n: number, text: string): Outcome => ({
    ...outcome({ id: `o-${n}`, proposal: `p-${n}`, fingerprint: fingerprint(n) }),
    ...closingNote({ labels: [], text }, proposal),
  });

  test("two closings for the same reason become a rule in trial", () => {
    const outcomes = [closed(1, "too large"), closed(2, "This is way too big.")];
    expect(minePatterns(outcomes)).toMatchObject([
      { kind: "recurring_failure", reason: "size_exceeded", independent: 2 },
    ]);
    const { rules } = learnRules({
      outcomes,
      existing: [],
      now: "2026-11-20T00:00:00Z",
      target: "notes",
      paths: ["src/**"],
    });
    expect(rules).toMatchObject([{ state: "active", text: expect.stringContaining("as little as the finding needs") }]);
  });

  test("property: any words give a valid outcome, the same each time", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { maxLength: 3 }),
        fc.string({ unit: "binary", maxLength: 700 }),
        (labels, text) => {
          const note = closingNote({ labels, text }, proposal);
          expect(closingNote({ labels: labels.toReversed(), text }, proposal)).toEqual(note);
          expect(Outcome.safeParse({ ...outcome(), ...note }).success).toBe(true);
        },
      ),
    );
  });
});
