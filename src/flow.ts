import type { ReasonCode } from "./model/codes.ts";
import type { StageResult } from "./model/dossier.ts";
import type { Evidence } from "./model/finding.ts";
import type { CommitSha } from "./model/json.ts";
import type { Outcome } from "./model/outcome.ts";
import type { Proposal, SessionRecord } from "./model/proposal.ts";
import type { Stage } from "./model/stage.ts";
import type { CanaryVerdict, ValidationReport } from "./model/verdict.ts";
import type { Clock } from "./model/time.ts";

/**
 * The loop, one call per stage:
 *
 *   gate → capture → analyze → session → validate → propose → canary → record → learn
 *
 * The first stage that does not pass ends the decision; `record` and `learn` run whatever was decided, so that no run
 * ends without an outcome. What a stage does stands in its room; what it is made of stands in `wire.ts`.
 */
export type LoopStages = {
  /** May this run start, and on which commit? */
  readonly gate: () => Promise<Stage<{ readonly baseSha: CommitSha }>>;
  /** The real server behind the proxy, the workload played, every span stored. */
  readonly capture: () => Promise<Stage<{ readonly traces: number; readonly spans: number }>>;
  /** Spans → findings → evidence. */
  readonly analyze: () => Promise<Stage<Evidence>>;
  /** Evidence → one session → a proposal. */
  readonly session: (
    evidence: Evidence,
  ) => Promise<Stage<{ readonly record: SessionRecord; readonly proposal?: Proposal }>>;
  /** Scope, safety, apply, checks, replay: the change in a worktree of its own. */
  readonly validate: (
    proposal: Proposal,
  ) => Promise<Stage<{ readonly report: ValidationReport; readonly worktree?: string }>>;
  /** A branch with the change and its report. */
  readonly propose: (proposal: Proposal, report: ValidationReport) => Promise<Stage<{ readonly branch: string }>>;
  /** Baseline and canary side by side until the judge decides. */
  readonly canary: (worktree: string) => Promise<Stage<CanaryVerdict>>;
  /** Takes a proposal back that the canary refused. */
  readonly withdraw: () => Promise<void>;
  /** Outcome, dossier and ledger. */
  readonly record: (decision: Decision) => Promise<Stage<{ readonly outcome: Outcome; readonly dossier: string }>>;
  /** Outcomes → patterns → rules. */
  readonly learn: (outcome: Outcome) => Promise<Stage<{ readonly explanation: readonly string[] }>>;
};

/** What was decided and everything that led to it. */
export type Decision = {
  readonly status: Outcome["status"];
  readonly reasons: readonly [ReasonCode, ...ReasonCode[]];
  readonly stages: readonly StageResult[];
  readonly evidence?: Evidence;
  readonly session?: SessionRecord;
  readonly proposal?: Proposal;
  readonly validation?: ValidationReport;
  readonly branch?: string;
  readonly canary?: CanaryVerdict;
};

/** What a finished loop reports. */
export type LoopReport = Decision & {
  readonly dossier: string;
  readonly outcome: Outcome;
  readonly explanation: readonly string[];
};

/** Told when a stage starts and ends. */
export type Observer = {
  readonly started: (stage: string) => void;
  readonly ended: (result: StageResult) => void;
};

/** How far a run goes: `analyze` looks only, `validate` writes no branch. */
export type LoopOptions = {
  readonly observer: Observer;
  readonly clock: Clock;
  readonly until?: "analyze" | "validate";
};

/** Runs the loop. Errors (codes of the stages) pass through; verdicts are values. */
export async function runLoop(stages: LoopStages, options: LoopOptions): Promise<LoopReport> {
  const { observer, clock } = options;
  const results: StageResult[] = [];
  const run: Runner = async (stage, work) => {
    observer.started(stage);
    const begun = clock.monotonicMs();
    const { value, ...head } = await work();
    const result = { ...head, reasons: [...head.reasons], stage, durationMs: clock.monotonicMs() - begun };
    results.push(result);
    observer.ended(result);
    return { ...head, value };
  };
  const decision = { ...(await decide(stages, run, options.until)), stages: results };
  const { outcome, dossier } = (await run("record", () => stages.record(decision))).value;
  const { explanation } = (await run("learn", () => stages.learn(outcome))).value;
  return { ...decision, outcome, dossier, explanation };
}

type Runner = <T>(stage: string, work: () => Promise<Stage<T>>) => Promise<Stage<T>>;
type Undecided = Omit<Decision, "status" | "reasons" | "stages">;

async function decide(stages: LoopStages, run: Runner, until: LoopOptions["until"]): Promise<Omit<Decision, "stages">> {
  const gate = await run("gate", stages.gate);
  if (gate.verdict !== "pass") return stop(gate, {});
  const capture = await run("capture", stages.capture);
  if (capture.verdict !== "pass") return stop(capture, {});
  const analysis = await run("analyze", stages.analyze);
  const evidence = analysis.value;
  if (analysis.verdict !== "pass") return stop(analysis, { evidence });
  if (until === "analyze") return { evidence, status: "no_change", reasons: ["dry_run"] };
  const session = await run("session", () => stages.session(evidence));
  const { record, proposal } = session.value;
  if (session.verdict !== "pass" || !proposal) return stop(session, { evidence, session: record });
  const validation = await run("validate", () => stages.validate(proposal));
  const { report, worktree } = validation.value;
  const seen = { evidence, session: record, proposal, validation: report };
  if (validation.verdict !== "pass" || worktree === undefined) return stop(validation, seen);
  if (until === "validate") return { ...seen, status: "no_change", reasons: ["dry_run"] };
  const opened = await run("propose", () => stages.propose(proposal, report));
  if (opened.verdict !== "pass") return stop(opened, seen);
  const canary = await run("canary", () => stages.canary(worktree));
  const judged = { ...seen, branch: opened.value.branch, canary: canary.value };
  if (canary.verdict === "pass") return { ...judged, status: "promoted", reasons: canary.reasons };
  if (canary.verdict === "inconclusive") return stop(canary, judged);
  await stages.withdraw();
  return { ...judged, status: "rolled_back", reasons: canary.reasons };
}

/** `fail` before the canary is a rejection; a run without a finding is a healthy server, not a failure. */
function stop(stage: Stage<unknown>, seen: Undecided): Omit<Decision, "stages"> {
  const healthy = stage.reasons.includes("no_finding");
  const status = healthy ? "no_change" : stage.verdict === "fail" ? "rejected" : "inconclusive";
  return { ...seen, status, reasons: stage.reasons };
}
