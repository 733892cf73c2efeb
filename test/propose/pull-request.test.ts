import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import MarkdownIt from "markdown-it";
import { outgoingFaults } from "../../src/propose/outgoing.ts";
import { formatPullRequest, parsePullRequest } from "../../src/propose/pull-request.ts";
import { samplePullRequest } from "../../scripts/sample-pull-request.ts";
import { factsOf, hostileText, LINKS, poisoned } from "./facts.ts";
import { effect, finding, parts } from "./parts.ts";

const RULES = { urls: Object.values(LINKS), longest: 65_536 };

describe("title and body", () => {
  test("say what hurts, what changes, what was measured, the risk, the way back and where it comes from", () => {
    const { title, body } = formatPullRequest(factsOf());
    expect(title).toBe("notes: Read all notes at once");
    expect(body.split("\n").filter((line) => line.startsWith("## "))).toEqual([
      "## What hurts",
      "## What changes",
      "## Before and after, on the same recorded calls",
      "## Validation",
      "## Risk: low",
      "## Undo",
      "## Where it comes from",
    ]);
    expect(body).toMatch(
      /^\*\*p50_ms of search: 40 ms → 20 ms on 120 replayed calls; 5 of 5 validation stages passed\.\*\*/,
    );
    expect(body).toContain(
      "| search | p50_ms | 40 (95 %: 38.3 to 42.5) | 20 (95 %: 19 to 21) | -50 % (-55 to -45 %) | 120 |",
    );
    expect(body).toContain(`Traces: ${"1".repeat(32)}, ${"2".repeat(32)}.`);
    expect(body).toContain("1 turns, 0.13 USD");
    expect(body).toContain(`sha256 ${"d".repeat(64)}`);
  });

  test("are read back as they were written", () => {
    const facts = factsOf();
    expect(parsePullRequest(formatPullRequest(facts))).toEqual({ facts, edited: false });
  });

  test("are read back as they were written, whatever the texts in them hold, and send nothing out", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const facts = factsOf(poisoned(text));
        const shown = formatPullRequest(facts);
        expect(parsePullRequest(shown)).toEqual({ facts, edited: false });
        expect(outgoingFaults(shown.body, RULES)).toEqual([]);
        expect(outgoingFaults(shown.title, { urls: [], longest: 256 })).toEqual([]);
        expect(shown.title).not.toContain("\n");
      }),
      { numRuns: 300 },
    );
  });

  test("no text becomes a heading, a row or a comment of its own", () => {
    const markdown = new MarkdownIt({ html: true });
    const shape = (body: string) =>
      markdown
        .parse(body, {})
        .filter(({ type }) => /heading_open|tr_open|html_block|fence|code_block|hr/.test(type))
        .map(({ type, tag }) => `${type} ${tag}`);
    const usual = shape(formatPullRequest(factsOf()).body);
    expect(usual.filter((one) => one.startsWith("html_block"))).toHaveLength(1);
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(shape(formatPullRequest(factsOf(poisoned(text))).body)).toEqual(usual);
      }),
      { numRuns: 200 },
    );
  });

  test("a body that somebody changed is still read, and told to be changed; line breaks of Windows are no change", () => {
    const shown = formatPullRequest(factsOf());
    const edit = (body: string, title = shown.title) => parsePullRequest({ title, body })?.edited;
    expect(edit(shown.body.replaceAll("\n", "\r\n"))).toBe(false);
    expect(edit(shown.body.replace("40 ms → 20 ms", "40 ms → 2 ms"))).toBe(true);
    expect(edit(shown.body.replace("## Risk: low\n", ""))).toBe(true);
    expect(edit(shown.body, "another title")).toBe(true);
  });

  test.each([
    "",
    "## What hurts\n",
    "<!-- whetstone:facts {} -->",
    '<!-- whetstone:facts {"schema":1 -->',
    "<!-- whetstone:facts not json -->",
  ])("a body that is not ours (%j) is not read", (body) => {
    expect(parsePullRequest({ title: "x", body })).toBeUndefined();
  });

  test("stay within GitHub's limit however much there is to say, and say what was left out", () => {
    const text = "<@1>".repeat(1_000);
    const many = poisoned(text);
    const { body } = formatPullRequest(
      factsOf({
        ...many,
        evidence: {
          ...many.evidence,
          findings: Array.from({ length: 50 }, () => ({ ...finding, operation: text, suggestion: text })),
        },
        validation: {
          ...many.validation,
          effects: Array.from({ length: 300 }, () => ({ ...effect, operation: text })),
        },
      }),
    );
    expect(body.length).toBeLessThanOrEqual(65_536);
    expect(body).toMatch(/\d+ more findings are in the artifact\./);
    expect(body).toMatch(/\d+ more rows are in the artifact\./);
    expect(
      parsePullRequest({ title: formatPullRequest(factsOf(many)).title, body })?.facts.omitted.effects,
    ).toBeGreaterThanOrEqual(280);
  });

  test.each(["\u202e", "`", "@a", "<"])(
    "a title of nothing but %j stays within GitHub's limit and is read back",
    (sign) => {
      const facts = factsOf(poisoned(sign.repeat(120)));
      const shown = formatPullRequest(facts);
      expect(shown.title.length).toBeLessThanOrEqual(256);
      expect(outgoingFaults(shown.title, { urls: [], longest: 256 })).toEqual([]);
      expect(parsePullRequest(shown)).toEqual({ facts, edited: false });
    },
  );

  test("hold no secret, neither to see nor hidden", () => {
    const key = `ghp_${"a1B2".repeat(9)}`;
    const { title, body } = formatPullRequest(factsOf(poisoned(`uses ${key} here`)));
    expect(title + body).not.toContain(key);
    expect(body).toContain("GitHub token");
  });

  test("docs/sample-pull-request.md is what they look like", async () => {
    expect(readFileSync("docs/sample-pull-request.md", "utf8")).toBe(await samplePullRequest());
  });
});

describe("the risk", () => {
  const patchOf = (head: string) =>
    factsOf({ ...parts, proposal: { ...parts.proposal, answer: { ...parts.proposal.answer, patch: head } } }).risk;

  test.each([
    ["low", "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n", /2 lines in 1 source files/],
    [
      "medium",
      "diff --git a/a b/a\ndeleted file mode 100644\n--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n",
      /deletes a file/,
    ],
    ["high", "diff --git a/a b/a\nold mode 100644\nnew mode 100755\n", /executable/],
  ])("is %s", (level, patch, why) => {
    const risk = patchOf(patch);
    expect(risk.level).toBe(level);
    expect(risk.because.join()).toMatch(why);
  });
});
