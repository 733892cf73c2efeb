import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { printLoopReport } from "../../src/cli/report.ts";
import type { LoopReport } from "../../src/flow.ts";
import { Outcome } from "../../src/model/outcome.ts";
import type { Effect } from "../../src/model/verdict.ts";
import { outcome } from "../learn/outcomes.ts";
import { effect } from "../propose/parts.ts";
import { bufferIo, holdsControl, HOSTILE } from "./buffer-io.ts";

const stage = (name: string, verdict = "pass", summary = "fine") =>
  ({ stage: name, verdict, reasons: ["ok"], durationMs: 12, summary }) as LoopReport["stages"][number];

function reportOf(change: Partial<LoopReport> = {}): LoopReport {
  return {
    status: "promoted",
    reasons: ["errors_within_margin"],
    stages: [stage("gate"), stage("canary")],
    branch: "whetstone/proposal/notes/ffffffffffff",
    dossier: "/work/.whetstone/dossiers/d-1",
    outcome: outcome({ effects: [effect], costUsd: 0.125 }),
    explanation: ["n_plus_one: 1 of 1 kept."],
    ...change,
  };
}

function printed(report: LoopReport, recordedAnswer = false): string {
  const { io, out, err } = bufferIo();
  printLoopReport(io, report, { root: "/work", recordedAnswer });
  expect(err()).toBe("");
  return out();
}

describe("the end of a loop", () => {
  test("tells stages, effects, verdict, what was learned, dossier and cost", () => {
    const text = printed(reportOf());
    expect(text).toContain(" gate      pass       ok        12 ms\n");
    expect(text).toContain("search    p50_ms    40 (38.3–42.5)    20 (19–21)");
    expect(text).toContain("-50 % (-55 % to -45 %)");
    expect(text).toContain("\nPROMOTE (errors_within_margin)\n");
    expect(text).toContain("Learned: n_plus_one: 1 of 1 kept.\n");
    expect(text).toContain("Dossier: .whetstone/dossiers/d-1 · cost 0.13 USD\n");
  });

  test.each([
    ["promoted", "PROMOTE"],
    ["merged", "MERGED"],
    ["held", "HELD"],
    ["no_change", "NO CHANGE"],
    ["rejected", "REJECTED"],
    ["rolled_back", "ROLLED BACK"],
    ["closed", "CLOSED"],
    ["inconclusive", "INCONCLUSIVE"],
  ] as const)("%s is %s", (status, word) => {
    expect(printed(reportOf({ status }))).toContain(`\n${word} (errors_within_margin)`);
  });

  test("every status has a word", () => {
    for (const status of Outcome.shape.status.options)
      expect(printed(reportOf({ status }))).toMatch(/\n[A-Z][A-Z ]+ \(/);
  });

  test("says at which stage a run ended and why", () => {
    const stages = [stage("gate"), stage("validate", "fail", "checks: tests failed"), stage("record")];
    const text = printed(reportOf({ status: "rejected", stages }));
    expect(text).toContain("REJECTED (errors_within_margin) at validate: checks: tests failed\n");
  });

  test("offers the branch only where it stands, and how to replay always", () => {
    const promoted = printed(reportOf());
    expect(promoted).toContain("git show whetstone/proposal/notes/ffffffffffff");
    expect(promoted).toContain("git merge whetstone/proposal/notes/ffffffffffff");
    const refused = printed(reportOf({ status: "rolled_back" }));
    expect(refused).not.toContain("git ");
    for (const text of [promoted, refused]) expect(text).toContain("whetstone replay .whetstone/dossiers/d-1");
  });

  test("says when the session's answer was recorded, and only then", () => {
    expect(printed(reportOf(), true)).toContain("The session's answer was recorded");
    expect(printed(reportOf(), false)).not.toContain("recorded;");
  });

  test("has no table of effects when nothing was measured", () => {
    expect(printed(reportOf({ outcome: outcome() }))).not.toContain("before (95 %)");
  });

  test("says the level of an interval that few calls could give, and rates as they are", () => {
    const interval = { low: 0.01, high: 0.2, level: 0.8 };
    const rate: Effect = {
      ...effect,
      metric: "error_rate",
      before: 0.1,
      change: 0.05,
      beforeInterval: interval,
      changeInterval: interval,
    };
    const text = printed(reportOf({ outcome: outcome({ effects: [rate] }) }));
    expect(text).toContain("0.1 (0.01–0.2 at 80 %)");
    expect(text).toContain("0.05 (0.01 to 0.2 at 80 %)");
  });

  test("text of servers, models and repositories stays harmless and in its line", () => {
    const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "binary", maxLength: 20 }));
    const harmless = printed(reportOf({ stages: [stage("validate", "fail")] })).split("\n").length;
    fc.assert(
      fc.property(text, (hostile) => {
        const said = printed(
          reportOf({
            stages: [stage("validate", "fail", hostile)],
            outcome: outcome({ effects: [{ ...effect, operation: hostile }] }),
            explanation: [hostile],
            dossier: `/work/${hostile}`,
          }),
        );
        expect(holdsControl(said)).toBe(false);
        expect(said.split("\n")).toHaveLength(harmless);
      }),
    );
  });

  test("is coloured only where standard output is a terminal", () => {
    const piped = bufferIo({ terminal: true, outTerminal: false });
    printLoopReport(piped.io, reportOf(), { root: "/work", recordedAnswer: false });
    expect(piped.out()).not.toContain("\u001b");
    const shown = bufferIo({ outTerminal: true });
    printLoopReport(shown.io, reportOf(), { root: "/work", recordedAnswer: false });
    expect(shown.out()).toContain("\u001b[32mPROMOTE\u001b[39m");
  });
});
