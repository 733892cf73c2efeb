import { describe, expect, test } from "@jest/globals";
import { formatFailure, formatSummary, verdictLine } from "../../src/actions/summary.ts";
import type { Evidence } from "../../src/model/finding.ts";
import { effect, finding, report } from "./report.ts";

const facts = {
  dossier: ".whetstone/dossiers/d-1",
  url: "https://github.test/o/r/actions/runs/17",
  recordedAnswer: false,
};

function evidence(findings: Evidence["findings"], omitted = 0): Evidence {
  return {
    schema: "whetstone.evidence/1",
    target: "notes",
    traces: 9,
    spans: 90,
    operations: [],
    findings,
    window: { since: "2026-11-20T09:00:00.000Z", until: "2026-11-20T10:00:00.000Z" },
    omitted: { operations: 0, findings: omitted },
  };
}

/** Cells per line of every table of a page; a table whose lines differ renders broken. */
function columnCounts(page: string): number[][] {
  const lines = page.split("\n").map((line) => (line.startsWith("|") ? (line.match(/(?<!\\)\|/g)?.length ?? 0) : 0));
  return lines
    .join(",")
    .split(/,?0,?/)
    .filter((run) => run !== "")
    .map((run) => [...new Set(run.split(",").map(Number))]);
}

describe("formatSummary", () => {
  test("a promoted change: verdict, stages, before and after, findings, what was learned, and where it is", () => {
    const outcome = { ...report("promoted").outcome, effects: [effect("search")] };
    const branch = "whetstone/proposal/notes/abc";
    const page = formatSummary(
      report("promoted", { outcome, branch, evidence: evidence([finding("search")]), explanation: ["rule r1"] }),
      { ...facts, recordedAnswer: true },
    );
    expect(page).toContain("## Whetstone on notes: promoted\n");
    expect(page).toContain("The session's answer was recorded; every number here was measured in this run.");
    expect(page).toContain("| gate | pass | ok | 1.5 s | clean |");
    expect(page).toMatch(/\| search \| p95_ms \| 100 .*\| -50 % /);
    expect(page).toContain("| slow_operation | major | search | duration_ms 121 | 40 | Read files once. |");
    expect(page).toContain("### Learned\n\n- rule r1");
    expect(page).toContain(`- Branch: ${branch}`);
    expect(page).toContain("- Cost: 0.13 USD");
    expect(page).toContain(facts.url);
  });

  test("a withdrawn branch is not shown as one that stands", () => {
    const page = formatSummary(report("rolled_back", { branch: "whetstone/proposal/notes/abc" }), facts);
    expect(page).toContain("## Whetstone on notes: rolled back");
    expect(page).not.toContain("proposal/notes");
    expect(page).not.toContain("recorded; every number");
  });

  test("no finding is said, and so is what the evidence left out", () => {
    expect(formatSummary(report("no_change", { evidence: evidence([]) }), facts)).toContain("None in 9 traces.");
    const cut = formatSummary(report("no_change", { evidence: evidence([finding("search")], 4) }), facts);
    expect(cut).toContain("4 lesser findings were left out");
  });

  test("text from telemetry, models and repositories renders as text, in the cell it belongs to", () => {
    const nasty = "x | y <img src=q> @org/team #1 [a](http://evil.test) `c`\n\n## head";
    const stages = [{ stage: "session", verdict: "fail", reasons: ["ok" as const], durationMs: 1, summary: nasty }];
    const outcome = { ...report("rejected").outcome, target: nasty, effects: [effect(nasty)] };
    const findings = [finding(nasty, { suggestion: nasty, metric: nasty })];
    const page = formatSummary(
      report("rejected", { stages, outcome, evidence: evidence(findings), explanation: [nasty] }),
      { ...facts, dossier: nasty },
    );
    expect(page).not.toMatch(/<img|@org|#1\b|(?<!\\)\]\(|:\/\/evil|^## head/m);
    expect(columnCounts(page).map((counts) => counts.length)).toEqual([1, 1, 1]);
  });

  test("thousands of rows and endless cells stay below GitHub's limit, and what was cut is said", () => {
    const many = Array.from({ length: 3000 }, (_, index) => `tool${index}`);
    const outcome = { ...report("no_change").outcome, effects: many.map(effect) };
    const findings = many.map((name) => finding(name, { suggestion: "s".repeat(5000) }));
    const page = formatSummary(report("no_change", { outcome, evidence: evidence(findings) }), facts);
    expect(Buffer.byteLength(page)).toBeLessThan(1024 * 1024);
    expect(page.match(/100 of 3000 rows shown; all are in the dossier/g)).toHaveLength(2);
    expect(page).toContain("… (4000 more characters)");
  });
});

describe("verdictLine", () => {
  test("names every reason and the stage that stopped the run", () => {
    const stages = [
      { stage: "gate", verdict: "pass", reasons: ["ok" as const], durationMs: 1, summary: "clean" },
      {
        stage: "validate",
        verdict: "fail",
        reasons: ["check_failed" as const],
        durationMs: 1,
        summary: "tests failed",
      },
      { stage: "record", verdict: "pass", reasons: ["recorded" as const], durationMs: 1, summary: "done" },
    ];
    const reasons = ["check_failed", "replay_slower"] as const;
    expect(verdictLine({ status: "rejected", reasons, stages })).toBe(
      "rejected (check_failed, replay_slower) at validate: tests failed",
    );
  });

  test("a run without a change says how much it found", () => {
    const none = { status: "no_change", reasons: ["no_finding"], stages: [] } as const;
    expect(verdictLine(none)).toBe("no_change (no_finding); 0 findings");
    expect(verdictLine({ ...none, evidence: evidence([finding("a")]) })).toContain("; 1 finding");
  });
});

test("formatFailure shows code, message and remedy as text", () => {
  const page = formatFailure({ code: "config_invalid", text: "bad <b>key</b> Mend it." }, "https://github.test/run");
  expect(page).toContain("config_invalid: bad &lt;b>key");
  expect(page).toContain("Run: https://github.test/run");
});
