import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { concludeRun, runLoop, type Decision, type LoopStages } from "../../src/flow.ts";
import type { ReasonCode } from "../../src/model/codes.ts";
import type { DetectReport } from "../../src/model/detect.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import type { Evidence } from "../../src/model/finding.ts";
import type { Outcome } from "../../src/model/outcome.ts";
import type { Proposal, SessionRecord } from "../../src/model/proposal.ts";
import type { Stage } from "../../src/model/stage.ts";
import { manualClock } from "../../src/model/time.ts";
import type { CanaryVerdict, ValidationReport } from "../../src/model/verdict.ts";

type Ending = { readonly verdict: "pass" | "fail" | "inconclusive"; readonly reason: ReasonCode };

const PASS: Ending = { verdict: "pass", reason: "ok" };
const DECIDING = ["gate", "capture", "analyze", "session", "detect", "validate", "propose", "canary"] as const;

/** Stages that end as told and keep a list of what was called. */
function scripted(endings: Partial<Record<(typeof DECIDING)[number], Ending>>) {
  const calls: string[] = [];
  let decision: Decision | undefined;
  const end = <T>(name: (typeof DECIDING)[number], value: T): Promise<Stage<T>> => {
    calls.push(name);
    const { verdict, reason } = endings[name] ?? PASS;
    return Promise.resolve({ verdict, reasons: [reason], summary: name, value });
  };
  const proposal = { id: "p-1" } as Proposal;
  const stages: LoopStages = {
    mayGoOn: () => Promise.resolve(),
    gate: () => end("gate", { baseSha: "0".repeat(40) }),
    capture: () => end("capture", { traces: 1, spans: 1 }),
    analyze: () => end("analyze", { findings: [] } as unknown as Evidence),
    session: () =>
      end("session", {
        record: { id: "s" } as SessionRecord,
        ...((endings.session ?? PASS).verdict === "pass" ? { proposal } : {}),
      }),
    detect: () => end("detect", {} as DetectReport),
    validate: () => end("validate", { report: { proposal: "p-1" } as ValidationReport, worktree: "/head" }),
    propose: () => end("propose", { branch: "b" }),
    canary: () => end("canary", { verdict: "promote" } as CanaryVerdict),
    withdraw: () => {
      calls.push("withdraw");
      return Promise.resolve();
    },
    record: (decided) => {
      calls.push("record");
      decision = decided;
      return Promise.resolve({
        verdict: "pass",
        reasons: ["recorded"],
        summary: "",
        value: { outcome: { id: "o" } as Outcome, dossier: "d" },
      });
    },
    learn: () => {
      calls.push("learn");
      return Promise.resolve({
        verdict: "pass",
        reasons: ["nothing_learned"],
        summary: "",
        value: { explanation: [] },
      });
    },
  };
  return { stages, calls, decision: () => decision };
}

const quiet = { started: () => undefined, ended: () => undefined };
const options = { observer: quiet, clock: manualClock() };

describe("runLoop", () => {
  test("a run in which all passes is promoted, in the order of the picture", async () => {
    const { stages, calls } = scripted({});
    const report = await runLoop(stages, options);
    expect(report.status).toBe("promoted");
    expect(calls).toEqual([...DECIDING, "record", "learn"]);
    expect(report.stages.map(({ stage }) => stage)).toEqual(calls);
  });

  test("the first stage that does not pass ends the decision, and every run is recorded", async () => {
    const ending = fc.record({ verdict: fc.constantFrom("fail", "inconclusive"), reason: fc.constant("check_failed") });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...DECIDING), ending, async (stage, end) => {
        const { stages, calls, decision } = scripted({ [stage]: end });
        const report = await runLoop(stages, options);
        const reached = DECIDING.slice(0, DECIDING.indexOf(stage) + 1);
        const rollback = stage === "canary" && end.verdict === "fail";
        expect(calls).toEqual([...reached, ...(rollback ? ["withdraw"] : []), "record", "learn"]);
        expect(report.status).toBe(rollback ? "rolled_back" : end.verdict === "fail" ? "rejected" : "inconclusive");
        expect(decision()?.reasons).toEqual(["check_failed"]);
      }),
    );
  });

  test("a healthy server is no failure", async () => {
    const { stages } = scripted({ analyze: { verdict: "inconclusive", reason: "no_finding" } });
    expect((await runLoop(stages, options)).status).toBe("no_change");
  });

  test("what led to the decision is handed to the record", async () => {
    const { stages, decision } = scripted({ canary: { verdict: "fail", reason: "errors_increased" } });
    await runLoop(stages, options);
    expect(decision()).toMatchObject({
      proposal: { id: "p-1" },
      validation: { proposal: "p-1" },
      branch: "b",
      canary: {},
      session: { id: "s" },
    });
  });

  test.each([
    ["analyze", ["gate", "capture", "analyze", "record", "learn"]],
    ["validate", ["gate", "capture", "analyze", "session", "detect", "validate", "record", "learn"]],
  ] as const)("until %s writes no branch", async (until, expected) => {
    const { stages, calls } = scripted({});
    const report = await runLoop(stages, { ...options, until });
    expect(calls).toEqual(expected);
    expect([report.status, report.reasons]).toEqual(["no_change", [until === "analyze" ? "analysis_only" : "dry_run"]]);
  });

  test("an error is not a verdict: it passes through and nothing is recorded", async () => {
    const { stages, calls } = scripted({});
    const broken = { ...stages, capture: () => Promise.reject(new Error("no server")) };
    await expect(runLoop(broken, options)).rejects.toThrow("no server");
    expect(calls).toEqual(["gate"]);
  });

  describe("the kill switch", () => {
    const stopped = new WhetstoneError("stopped", "The kill switch is set.");
    /** Lets the given number of stages act, then is set. */
    const setAfter = (stages: number) => {
      let asked = 0;
      return () => ((asked += 1) > stages ? Promise.reject(stopped) : Promise.resolve());
    };

    test("at the gate refuses the run, and nothing is called", async () => {
      const { stages, calls } = scripted({});
      await expect(runLoop({ ...stages, mayGoOn: setAfter(0) }, options)).rejects.toBe(stopped);
      expect(calls).toEqual([]);
    });

    test.each([1, 2, 3, 4, 5, 6, 7])(
      "after %i stages keeps every later one from acting, and the run is recorded",
      async (count) => {
        const { stages, calls, decision } = scripted({});
        const report = await runLoop({ ...stages, mayGoOn: setAfter(count) }, options);
        expect(calls).toEqual([...DECIDING.slice(0, count), "record"]);
        expect(report).toMatchObject({ status: "inconclusive", reasons: ["disabled"], explanation: [] });
        expect(report.stages.map(({ stage }) => stage)).toEqual([...DECIDING.slice(0, count + 1), "record", "learn"]);
        expect(report.stages[count]).toMatchObject({ verdict: "inconclusive", reasons: ["disabled"] });
        expect(decision()?.branch).toBe(count === 7 ? "b" : undefined);
      },
    );

    test("that a stage meets in the middle of its work ends the flow there", async () => {
      const { stages, calls } = scripted({});
      const report = await runLoop({ ...stages, propose: () => Promise.reject(stopped) }, options);
      expect(report).toMatchObject({ status: "inconclusive", reasons: ["disabled"] });
      expect(report.branch).toBeUndefined();
      expect(calls).toEqual([...DECIDING.slice(0, 6), "record", "learn"]);
    });

    test("keeps nobody from withdrawing what the canary refused", async () => {
      const { stages, calls } = scripted({ canary: { verdict: "fail", reason: "errors_increased" } });
      await runLoop({ ...stages, mayGoOn: setAfter(8) }, options);
      expect(calls.slice(-2)).toEqual(["withdraw", "record"]);
    });
  });

  test("each stage is announced, timed by the clock and reported", async () => {
    const clock = manualClock();
    const seen: string[] = [];
    const { stages } = scripted({});
    const slow = {
      ...stages,
      gate: async () => {
        clock.advance(12);
        return stages.gate();
      },
    };
    const observer = {
      started: (stage: string) => void seen.push(`>${stage}`),
      ended: ({ stage, durationMs }: { stage: string; durationMs: number }) =>
        void seen.push(`<${stage} ${durationMs}`),
    };
    await runLoop(slow, { clock, observer });
    expect(seen.slice(0, 3)).toEqual([">gate", "<gate 12", ">capture"]);
  });
});

describe("concludeRun", () => {
  const stage = (name: string, verdict: string, reason: ReasonCode) => ({ stage: name, verdict, reasons: [reason] });

  test.each([
    ["a promoted canary", stage("canary", "pass", "errors_within_margin"), "promoted", "errors_within_margin"],
    ["a refused canary", stage("canary", "fail", "errors_increased"), "rolled_back", "errors_increased"],
    ["an undecided canary", stage("canary", "inconclusive", "deadline_reached"), "inconclusive", "deadline_reached"],
    ["a refused change", stage("validate", "fail", "check_failed"), "rejected", "check_failed"],
    ["no finding", stage("analyze", "inconclusive", "no_finding"), "no_change", "no_finding"],
    ["a look only", stage("analyze", "pass", "ok"), "no_change", "analysis_only"],
    ["a validation only", stage("validate", "pass", "hypothesis_met"), "no_change", "dry_run"],
    ["a session without a proposal", stage("session", "pass", "ok"), "inconclusive", "ok"],
    ["a branch without a canary", stage("propose", "pass", "ok"), "proposed", "ok"],
    ["a session that explains", stage("session", "pass", "analysis_only"), "no_change", "analysis_only"],
    ["a verdict that nobody knows", stage("canary", "perhaps", "ok"), "inconclusive", "ok"],
  ])("%s", (_name, last, ...[status, reason]) => {
    expect(concludeRun([stage("gate", "pass", "ok"), last])).toEqual({ status, reasons: [reason] });
  });

  test("no stage, or one without a reason, is never a pass", () => {
    const unknown = { status: "inconclusive", reasons: ["verdict_missing"] };
    expect(concludeRun([])).toEqual(unknown);
    expect(concludeRun([{ stage: "canary", verdict: "pass", reasons: [] }])).toEqual(unknown);
  });

  test("the stages of a run, as they are recorded, lead to its end again", async () => {
    const ending = fc.record({
      verdict: fc.constantFrom("pass", "fail", "inconclusive"),
      reason: fc.constant("check_failed"),
    });
    const until = fc.constantFrom(undefined, "analyze", "validate");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...DECIDING), ending, until, async (name, end, limit) => {
        const { stages, decision } = scripted({ [name]: end });
        const report = await runLoop(stages, { ...options, ...(limit && { until: limit }) });
        const recorded = decision()?.stages ?? [];
        expect(concludeRun(recorded)).toEqual({ status: report.status, reasons: report.reasons });
        expect(recorded.map(({ stage: one }) => one)).not.toContain("record");
      }),
    );
  });

  test("a change that passed without a worktree goes no further", async () => {
    const { stages, calls } = scripted({});
    const validate: LoopStages["validate"] = () =>
      Promise.resolve({ verdict: "pass", reasons: ["ok"], summary: "", value: { report: {} as ValidationReport } });
    await expect(runLoop({ ...stages, validate }, options)).rejects.toMatchObject({ code: "defect" });
    expect(calls).not.toContain("propose");
  });
});
