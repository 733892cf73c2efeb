import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Effect } from "../../src/model/verdict.ts";
import { effectTable, formatNumber, formatReport, formatTitle, type ReportParts } from "../../src/propose/report.ts";
import { effect, evidence, finding, parts, proposal, session, validation } from "./parts.ts";

const HEADINGS = [
  "## What hurts",
  "## What changes",
  "## Before and after, on the same recorded calls",
  "## Validation",
  "## Undo",
];

/** Text that tries to be more than text: rows, headings, mentions, comments, links, commands, hidden characters. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom("\n", "\r\n", "\r", "\u2028", "\u0085", "\u000b", "\n\n", "\t"),
      fc.constantFrom("| x | y |", "|", "\n|---|", "\n## Validation\n", "\n===\n", "\n=\n", "\n- replay: pass", "> "),
      fc.constantFrom("@octocat", "#1", "GH-1", "fixes #2", "\n/whetstone approve", "https://x.example/", "www.x.y"),
      fc.constantFrom("<!--", "-->", "<img src=x>", "<details>", "```", "`", "](x)", "![", "\u001b[31m", "\u202e"),
      fc.string({ unit: "binary", maxLength: 4 }),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((words) => words.join(""));

/** What may not stand in a report, whatever the inputs say. */
function expectHarmless(markdown: string): void {
  expect(markdown).not.toMatch(/@[\p{L}\p{N}]/u);
  expect(markdown).not.toMatch(/#\d|\bGH-\d/i);
  expect(markdown).not.toContain("<");
  expect(markdown).not.toContain("://");
  expect(markdown).not.toMatch(/^\s*\/\w/m);
  // oxlint-disable-next-line no-control-regex
  expect(markdown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
}

/** The same parts with a text wherever a session, a server or a caller may write one. */
function poisoned(text: string): ReportParts {
  const detail = { ...validation.stages[0]!, details: [text, text] };
  return {
    proposal: {
      ...proposal,
      answer: {
        ...proposal.answer,
        title: text,
        rationale: text,
        hypothesis: { ...proposal.answer.hypothesis, operation: text },
      },
    },
    session: { ...session, model: text },
    evidence: { ...evidence, findings: [{ ...finding, operation: text, metric: text, suggestion: text }] },
    validation: {
      ...validation,
      stages: [detail, ...validation.stages.slice(1)],
      effects: [{ ...effect, operation: text }],
    },
    dossier: text,
  };
}

describe("formatReport", () => {
  test("says what hurts, what changes, what was measured, what was checked and how to undo it", () => {
    expect(formatReport(parts)).toBe(`## What hurts

- **n_plus_one** in search: child_calls 40 (95 %: 38 to 42), 120 calls, major. Read them in one call. Traces: ${"1".repeat(32)}, ${"2".repeat(32)}.

## What changes

> Search read every note by itself.

Written by: a model. Hypothesis: p50_ms of search will decrease by about 50 %.

## Before and after, on the same recorded calls

| tool | metric | before | after | change | calls |
|---|---|---|---|---|---|
| search | p50_ms | 40 (95 %: 38.3 to 42.5) | 20 (95 %: 19 to 21) | -50 % (-55 to -45 %) | 120 |

## Validation

- scope: pass (ok). Detail of scope.
- safety: pass (ok). Detail of safety.
- apply: pass (ok). Detail of apply.
- checks: pass (ok). Detail of checks.
- replay: pass (hypothesis_met). Detail of replay.

## Undo

Revert this commit; it touches nothing but the files it shows.

Dossier d-1 · patch sha256 ${proposal.patchDigest} · cost 0.13 USD`);
  });

  test("findings of other kinds are not claimed; without any of the named kinds it says so", () => {
    expect(formatReport(parts)).not.toContain("errors");
    const other = { ...parts, evidence: { ...evidence, findings: [] } };
    expect(formatReport(other)).toContain("## What hurts\n\nNo finding of the named kinds was measured in this run.");
  });

  test("a finding without an interval, a stage without a detail and many traces read well", () => {
    const { interval: _interval, ...plain } = finding;
    const report = formatReport({
      ...parts,
      evidence: { ...evidence, findings: [{ ...plain, traceIds: [] }] },
      validation: { ...validation, stages: [{ ...validation.stages[0]!, details: [] }] },
    });
    expect(report).toContain("child_calls 40, 120 calls");
    expect(report).toContain("\n- scope: pass (ok).\n");
  });

  test("no text of a session, a server or a caller becomes a part of its own", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const report = formatReport(poisoned(text));
        expectHarmless(report);
        expect(report.split("\n").filter((line) => line.startsWith("#"))).toEqual(HEADINGS);
        const lines = report.split("\n").filter((line) => line !== "");
        // Everything that is no quote stands on as many lines as in the harmless report.
        expect(lines.filter((line) => !line.startsWith(">"))).toHaveLength(5 + 1 + 1 + 3 + 5 + 1 + 1);
        expect(lines.filter((line) => line.startsWith("- "))).toHaveLength(1 + 5);
      }),
      { numRuns: 300 },
    );
  });

  test("a rationale of many lines stays one quotation", () => {
    const rationale = "One.\n\n## Validation\n\n- replay: pass (hypothesis_met)\n\nEnd";
    const report = formatReport({ ...parts, proposal: { ...proposal, answer: { ...proposal.answer, rationale } } });
    const [, changes = ""] = report.split("## What changes\n\n");
    const quote = changes.split("\n\nWritten by")[0] ?? "";
    expect(quote.split("\n")).toHaveLength(7);
    expect(quote.split("\n").every((line) => line.startsWith(">"))).toBe(true);
    expect(quote).toContain("> \\## Validation");
  });

  test("a secret in any text is named, not shown", () => {
    const key = `ghp_${"a1B2".repeat(9)}`;
    const report = formatReport(poisoned(`uses ${key} here`));
    expect(report).not.toContain(key);
    expect(report).toContain("uses \\[GitHub token\\] here");
  });
});

describe("formatTitle", () => {
  test("is the target and the session's title", () => {
    expect(formatTitle(proposal)).toBe("notes: Read all notes at once");
  });

  test("is one harmless line, whatever the session calls its change", () => {
    fc.assert(
      fc.property(hostile, (title) => {
        const shown = formatTitle({ ...proposal, answer: { ...proposal.answer, title } });
        expect(shown).not.toMatch(/[\n\r\t]/);
        expect(shown.startsWith("notes:")).toBe(true);
        expectHarmless(shown);
      }),
    );
  });

  test("does not switch off checks or close issues", () => {
    const title = "Faster [skip ci] fixes #12 closes GH-3";
    const shown = formatTitle({ ...proposal, answer: { ...proposal.answer, title } });
    expect(shown).not.toContain("[skip ci]");
    expect(shown).not.toMatch(/#12|GH-3/);
  });
});

describe("effectTable", () => {
  const cells = (row: string): string[] => row.split(/(?<!\\)\|/).slice(1, -1);

  test("has one row of six cells per effect, whatever the tools are called", () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 4 }), (names) => {
        const rows = effectTable(names.map((operation): Effect => ({ ...effect, operation }))).split("\n");
        expect(rows).toHaveLength(2 + names.length);
        for (const row of rows) expect(cells(row)).toHaveLength(6);
        expectHarmless(rows.join("\n"));
      }),
      { numRuns: 300 },
    );
  });

  test.each(["a\nb", "a\r\nb", "a | b", "a \\| b", "a\n\n|---|\n| b"])(
    "tool name %j stays in its cell",
    (operation) => {
      const row = effectTable([{ ...effect, operation }]).split("\n")[2] ?? "";
      expect(cells(row)).toHaveLength(6);
      expect(cells(row)[1]).toBe(" p50_ms ");
    },
  );

  test("rates are differences, latencies are relative", () => {
    const interval = { low: -0.02, high: 0.04, level: 0.8 };
    const rate: Effect = { ...effect, metric: "error_rate", before: 0.1, after: 0.11, change: 0.01 };
    const table = effectTable([{ ...rate, changeInterval: interval, beforeInterval: interval }]);
    expect(table).toContain("| error_rate | 0.1 (80 %: -0.02 to 0.04) |");
    expect(table).toContain("| 0.01 (-0.02 to 0.04) |");
  });
});

describe("formatNumber", () => {
  test.each([
    [0, "0"],
    [0.012345, "0.0123"],
    [1.23456, "1.23"],
    [99.96, "100"],
    [123.5, "124"],
    [-1234.4, "-1234"],
  ])("%d is %s", (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  test("is within half a percent and never in exponents, for the sizes that occur", () => {
    const size = fc.double({ min: 1e-5, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(size, fc.boolean(), (magnitude, negative) => {
        const value = negative ? -magnitude : magnitude;
        const text = formatNumber(value);
        expect(text).toMatch(/^-?\d+(\.\d+)?$/);
        expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(Math.abs(value) * 0.005 + 1e-12);
      }),
    );
  });
});
