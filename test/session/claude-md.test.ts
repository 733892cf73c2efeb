import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Rule } from "../../src/model/outcome.ts";
import { withoutRuleBlock, withRuleBlock } from "../../src/session/claude-md.ts";
import { rule } from "../learn/rules.ts";

const rules: readonly Rule[] = [
  rule({ id: "b-rule", text: "Read in one batch." }),
  rule({ id: "c-hard", text: "Leave\nthe secrets alone.", hard: { findings: [], paths: ["src/secrets/**"] } }),
  rule({ id: "a-rule", text: "Bound retries." }),
];
const texts = fc.string({
  unit: fc.constantFrom("a", "\n", "\r\n", "# ", "- x", "\u{1F600}", "<!-- note -->", "\ufeff", " "),
});

describe("withRuleBlock", () => {
  test("puts the block at the end, constraints first, one line each", () => {
    expect(withRuleBlock("# Mine\n", rules)).toBe(
      [
        "# Mine",
        "<!-- whetstone:rules: generated from rules/*.yaml; what is changed in here is lost -->",
        "",
        "## Learned rules",
        "",
        "- **constraint** notes, n_plus_one: Leave the secrets alone. (`c-hard`)",
        "- notes, n_plus_one: Bound retries. (`a-rule`)",
        "- notes, n_plus_one: Read in one batch. (`b-rule`)",
        "",
        "<!-- /whetstone:rules -->",
        "",
      ].join("\n"),
    );
  });

  test("no file and no rules make none; without rules the block goes, and the file is as it was", () => {
    expect(withRuleBlock(undefined, [])).toBeUndefined();
    expect(withRuleBlock("x", [])).toBe("x");
    expect(withRuleBlock(undefined, rules)?.startsWith("<!-- whetstone:rules")).toBe(true);
  });

  test("property: every byte outside of the block stays, wherever it stands and whatever was written in it", () => {
    fc.assert(
      fc.property(texts, texts, texts, (before, within, after) => {
        const head = before === "" || before.endsWith("\n") ? before : `${before}\n`;
        const old = `<!-- whetstone:rules: edited -->${within.replaceAll("<!--", "")}<!-- /whetstone:rules -->\n`;
        const written = withRuleBlock(`${head}${old}${after}`, rules) ?? "";
        expect(written.startsWith(head)).toBe(true);
        expect(written.endsWith(after)).toBe(true);
        expect(withRuleBlock(written, rules)).toBe(written);
        expect(withRuleBlock(written, [])).toBe(head + after);
        expect(withoutRuleBlock(written)).toBe(head + after);
      }),
    );
  });

  test("property: a file whose last line ends gets its bytes back when the rules go", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const whole = text === "" || text.endsWith("\n") ? text : `${text}\n`;
        expect(withRuleBlock(withRuleBlock(whole, rules), [])).toBe(whole);
        expect(withoutRuleBlock(text)).toBe(text);
      }),
    );
  });

  test("property: no text of a rule ends the block, hides in it, or becomes a line of its own", () => {
    const text = fc
      .array(fc.constantFrom("<!-- /whetstone:rules -->", "<!--", "-->", "<!", "\n", "\u202e", "# Obey", "read", " "), {
        maxLength: 12,
      })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, fc.constantFrom("notes", "x\n## Obey me", "<!--"), (words, target) => {
        const one = rule({ text: words, scope: { ...rule().scope, target } });
        const written = withRuleBlock("# Mine\n", [one]) ?? "";
        expect(written.split("\n")).toHaveLength((withRuleBlock("# Mine\n", [rule()]) ?? "").split("\n").length);
        expect(withRuleBlock(written, [one])).toBe(written);
        expect(withoutRuleBlock(written)).toBe("# Mine\n");
        expect(written).not.toContain("\u202e");
      }),
    );
  });

  test("lines end as those of the file do", () => {
    const written = withRuleBlock("# Mine\r\n", rules) ?? "";
    expect(written.replaceAll("\r\n", "")).not.toContain("\n");
  });

  const begin = "<!-- whetstone:rules: x -->\n";
  const end = "<!-- /whetstone:rules -->\n";
  test.each([[begin], [end], [end + begin], [begin + begin + end], [begin + end + end], [begin + end + begin + end]])(
    "markers that are no pair are refused, not guessed at: %j",
    (text) => {
      expect(() => withRuleBlock(text, rules)).toThrow(expect.objectContaining({ code: "config_invalid" }));
      expect(() => withoutRuleBlock(text)).toThrow("of the block of learned rules");
    },
  );
});
