import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { compilePattern, PATTERN_STEPS } from "../../src/specs/pattern.ts";
import { PATTERN_LIMITS } from "../../src/specs/pattern-parse.ts";

/** Patterns of the supported syntax over a small alphabet. */
const pattern: fc.Arbitrary<string> = fc.letrec<{ node: string; atom: string }>((tie) => ({
  atom: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(
      "a",
      "b",
      "1",
      ".",
      "\\d",
      "\\w",
      "\\s",
      "\\D",
      "\\W",
      "\\S",
      "\\.",
      "\\\\",
      "[ab]",
      "[^a]",
      "[a-c1-3]",
      "[\\d_-]",
      "[]a]",
      "[^]]",
      "\\n",
      "^",
      "$",
    ),
    tie("node").map((inner) => `(${inner})`),
    tie("node").map((inner) => `(?:${inner})`),
  ),
  node: fc.oneof(
    { depthSize: "small" },
    fc
      .array(
        fc.tuple(
          tie("atom"),
          fc.constantFrom("", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{2,}", "{0,2}?"),
        ),
        { maxLength: 4 },
      )
      .map((parts) => parts.map(([atom, times]) => (atom === "^" || atom === "$" ? atom : `${atom}${times}`)).join("")),
    fc.tuple(tie("node"), tie("node")).map(([left, right]) => `${left}|${right}`),
  ),
})).node;

/** The same pattern in JavaScript, where `[]a]` means something else. */
const native = (text: string): RegExp =>
  new RegExp(`^(?:${text.replaceAll("[]a]", "[\\]a]").replaceAll("[^]]", "[^\\]]")})$`);

describe("compilePattern", () => {
  test("agrees with JavaScript on every supported pattern and text", () => {
    fc.assert(
      fc.property(
        pattern.filter((text) => text.length <= 40),
        fc.array(
          fc.string({ unit: fc.constantFrom("a", "b", "c", "1", " ", "_", ".", "\\", "]", "\n"), maxLength: 6 }),
        ),
        (text, subjects) => {
          const [own, other] = [compilePattern(text), native(text)];
          // JavaScript lets `.` take what RE2 lets it take but for other line ends, which the alphabet does not hold.
          for (const subject of subjects)
            expect({ text, subject, is: own(subject) }).toEqual({ text, subject, is: other.test(subject) });
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ["abc", "abc", true],
    ["abc", "xabcx", false],
    ["GET /users/[0-9]+", "GET /users/42", true],
    ["(?i)select .*", "SELECT 1", true],
    ["(?i)[a-c]+", "aBC", true],
    ["(?i)[^a]", "A", false],
    ["(?i)[^a]", "b", true],
    ["(?i)\\D", "a", true],
    ["(?i)\\+k", "+K", true],
    ["a{0}", "", true],
    ["", "", true],
    ["", "x", false],
    ["a|", "", true],
    ["{", "{", true],
    ["a{x", "a{x", true],
    ["\\/\\-", "/-", true],
    ["a-b", "a-b", true],
    ["[a-]", "-", true],
    ["[\\]]", "]", true],
    [".", "\n", false],
    ["é+", "éé", true],
  ])("%j on %j is %j", (text, subject, is) => expect(compilePattern(text)(subject)).toBe(is));

  test.each([
    ["(a", "the group is not closed", 0],
    ["a)", "there is no group to close", 1],
    ["[a", "the class is not closed", 0],
    ["*a", "nothing to repeat", 0],
    ["a**", "nothing to repeat", 2],
    ["a{3,2}", "the repetitions run backwards", 1],
    ["a{2000}", "more than 1000 repetitions", 1],
    ["[b-a]", "the range runs backwards", 1],
    ["(?=a)", "look-around", 0],
    ["(?<name>a)", "look-around", 0],
    ["a(?i)b", "look-around", 1],
    ["(a)\\1", "\\1 is not supported", 3],
    ["\\bword", "\\b is not supported", 0],
    ["\\p{L}", "\\p is not supported", 0],
    ["[\\q]", "\\q is not supported here", 1],
    ["a\\", "nothing follows the backslash", 1],
    ["[a\\", "nothing follows the backslash", 2],
    ["(".repeat(60), "groups are nested too deep", 50],
    ["a".repeat(1_001), `longer than ${PATTERN_LIMITS.characters}`, 1_000],
    ["(a{1000}){1000}", `more than ${PATTERN_STEPS} steps`, 0],
  ])("%j is refused with its position", (text, words, offset) => {
    expect(() => compilePattern(text)).toThrow(
      expect.objectContaining({ code: "spec_invalid", message: expect.stringContaining(words), data: { offset } }),
    );
  });

  test.each([
    ["(a+)+", "a".repeat(20_000) + "b"],
    ["(a|a)*", "a".repeat(20_000) + "b"],
    ["(a|aa)+", "a".repeat(20_000) + "b"],
    ["(.*)*x", "a".repeat(20_000)],
    ["a*a*a*a*a*a*a*a*b", "a".repeat(20_000)],
    ["(x+x+)+y", "x".repeat(20_000)],
    ["([a-zA-Z]+)*[0-9]", "q".repeat(20_000)],
    ["(?:a?){500}a{500}", "a".repeat(500)],
  ])("a catastrophe for backtracking is none here: %s", (text, subject) => {
    // Backtracking would need longer than the universe is old; a test that ends has not done so.
    expect(compilePattern(text)(subject)).toBe(text.startsWith("(?:a?)"));
  });

  test("no pattern text makes it throw anything but its own error", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab()[]{}*+?|^$.\\,-0123:=<i".split("")) }), (text) => {
        try {
          compilePattern(text)("ab");
        } catch (error) {
          expect(error).toMatchObject({ code: "spec_invalid" });
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("answers that are remembered are those of the text", () => {
    const matches = compilePattern("a+");
    expect([matches("aa"), matches("b"), matches("aa"), matches("b")]).toEqual([true, false, true, false]);
  });
});
