import type { ReasonCode } from "./model/codes.ts";
import type { DetectReport } from "./model/detect.ts";
import type { StageResult } from "./model/dossier.ts";
import { codeOf, messageOf, WhetstoneError } from "./model/error.ts";
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
 *   gate → capture → analyze → session → detect → validate → propose → canary → record → learn
 *
 * The first stage that does not pass ends the decision; `record` and `learn` run whatever was decided, so that no run
 * ends without an outcome. What a stage does stands in its room; what it is made of stands in `wire.ts`.
 */
export type LoopStages = {
  /** Asked before each stage acts. @throws WhetstoneError `stopped` while the kill switch is set */
  readonly mayGoOn: () => Promise<void>;
  /** May this run start, and on which commit? */
  readonly gate: () => Promise<Stage<{ readonly baseSha: CommitSha }>>;
  /** The real server behind the proxy, the workload played, every span stored. */
  readonly capture: () => Promise<Stage<{ readonly traces: number; readonly spans: number }>>;
  /** Spans → findings → evidence. */
  readonly analyze: () => Promise<Stage<Evidence>>;
  /** Evidence → one session → a proposal. */
  readonly session: (
    evidence: Evidence,
  ) => Promise<Stage<{ readonly record: SessionRecord; readonly proposal?: Proposal } | undefined>>;
  /** Form, patch, secrets, injection, hypothesis: before anything of the change is applied. */
  readonly detect: (proposal: Proposal, evidence: Evidence) => Promise<Stage<DetectReport>>;
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

/** How far a run goes: `analyze` looks only, `session` has what was found explained, `validate` writes no branch. */
export type LoopOptions = {
  readonly observer: Observer;
  readonly clock: Clock;
  readonly until?: "analyze" | "session" | "validate";
};

/** Runs the loop. Errors (codes of the stages, `stopped` at the gate) pass through; verdicts are values. */
export async function runLoop(stages: LoopStages, options: LoopOptions): Promise<LoopReport> {
  const { results, timed, run } = openFlow(stages, options);
  const seen = await follow(stages, run, options.until);
  return await concludeFlow(stages, { results, timed, run }, seen);
}

/** Stages one after the other, each timed, told to the observer and put on the list of results. */
export type Flow = {
  /** What the stages so far concluded, those of earlier jobs first. */
  readonly results: readonly StageResult[];
  /** Runs a stage whatever the kill switch says. */
  readonly timed: <S extends Stage<unknown>>(stage: string, work: () => Promise<S>) => Promise<S>;
  /** Runs a stage unless the kill switch is set. */
  readonly run: Runner;
};

/** Begins a flow, or goes on with one whose `earlier` stages ran in other jobs. */
export function openFlow(
  stages: Pick<LoopStages, "mayGoOn">,
  { observer, clock, earlier = [] }: Omit<LoopOptions, "until"> & { readonly earlier?: readonly StageResult[] },
): Flow {
  const results: StageResult[] = [...earlier];
  const timed: Flow["timed"] = async (stage, work) => {
    observer.started(stage);
    const begun = clock.monotonicMs();
    const ended = await work();
    const { verdict, reasons, summary } = ended;
    const result = { verdict, reasons: [...reasons], summary, stage, durationMs: clock.monotonicMs() - begun };
    results.push(result);
    observer.ended(result);
    return ended;
  };
  return { results, timed, run: (stage, work) => timed(stage, () => unlessStopped(stages, { stage, work })) };
}

/** The end of every flow: what was seen is recorded whatever was decided, and learned from. */
export async function concludeFlow(
  stages: Pick<LoopStages, "record" | "learn">,
  { results, timed, run }: Flow,
  seen: Seen,
): Promise<LoopReport> {
  const decision = { ...seen, ...concludeRun(results), stages: [...results] };
  // A run that was stopped is recorded all the same; it learns nothing.
  const { outcome, dossier } = (await timed("record", () => stages.record(decision))).value;
  const learned = await run("learn", () => stages.learn(outcome));
  const explanation = learned.value?.explanation ?? [];
  return { ...decision, stages: results, outcome, dossier, explanation };
}

/** What a stage becomes that was kept from acting, or from its last step. */
type Stopped = Stage<undefined> & { readonly verdict: "inconclusive" };

type Step<T> = { readonly stage: string; readonly work: () => Promise<Stage<T>> };

async function unlessStopped<T>(
  { mayGoOn }: Pick<LoopStages, "mayGoOn">,
  { stage, work }: Step<T>,
): Promise<Stage<T> | Stopped> {
  try {
    await mayGoOn();
    return await work();
  } catch (error) {
    // A run that is stopped at its gate did nothing that could be recorded as an outcome: it is refused, an error.
    if (codeOf(error) !== "stopped" || stage === "gate") throw error;
    return { verdict: "inconclusive", reasons: ["disabled"], summary: messageOf(error), value: undefined };
  }
}

/**
 * What the stages of a run add up to, by the last of them. Pure, so that a dossier can be concluded again. `fail` before
 * the canary is a rejection; a run without a finding is a healthy server, not a failure.
 */
export function concludeRun(
  stages: readonly Pick<StageResult, "stage" | "verdict" | "reasons">[],
): Pick<Decision, "status" | "reasons"> {
  const last = stages.at(-1);
  const [first, ...others] = last?.reasons ?? [];
  if (last === undefined || first === undefined) return { status: "inconclusive", reasons: ["verdict_missing"] };
  const reasons = [first, ...others] as const;
  if (reasons.includes("no_finding")) return { status: "no_change", reasons };
  const atCanary = last.stage === "canary";
  if (last.verdict === "fail") return { status: atCanary ? "rolled_back" : "rejected", reasons };
  if (last.verdict !== "pass") return { status: "inconclusive", reasons };
  if (atCanary) return { status: "promoted", reasons };
  if (last.stage === "propose") return { status: "proposed", reasons };
  if (last.stage === "analyze") return { status: "no_change", reasons: ["analysis_only"] };
  if (last.stage === "session" && first === "analysis_only") return { status: "no_change", reasons };
  return last.stage === "validate"
    ? { status: "no_change", reasons: ["dry_run"] }
    : { status: "inconclusive", reasons };
}

type Runner = <T>(stage: string, work: () => Promise<Stage<T>>) => Promise<Stage<T> | Stopped>;
/** What the stages of a run left, as far as they got. */
export type Seen = Omit<Decision, "status" | "reasons" | "stages">;

/** Stage after stage until one does not pass, or the run is to go no further. */
async function follow(stages: LoopStages, run: Runner, until: LoopOptions["until"]): Promise<Seen> {
  const gate = await run("gate", stages.gate);
  if (gate.verdict !== "pass") return {};
  const capture = await run("capture", stages.capture);
  if (capture.verdict !== "pass") return {};
  const analysis = await run("analyze", stages.analyze);
  const evidence = analysis.value;
  if (evidence === undefined) return {};
  if (analysis.verdict !== "pass" || until === "analyze") return { evidence };
  const session = await run("session", () => stages.session(evidence));
  if (session.value === undefined) return { evidence };
  const { record, proposal } = session.value;
  if (session.verdict !== "pass" || !proposal || until === "session") return { evidence, session: record };
  const detected = await run("detect", () => stages.detect(proposal, evidence));
  if (detected.verdict !== "pass") return { evidence, session: record, proposal };
  const validation = await run("validate", () => stages.validate(proposal));
  if (validation.value === undefined) return { evidence, session: record, proposal };
  const { report, worktree } = validation.value;
  const seen = { evidence, session: record, proposal, validation: report };
  if (validation.verdict !== "pass" || until === "validate") return seen;
  if (worktree === undefined) throw new WhetstoneError("defect", "A change passed validation without a worktree.");
  const opened = await run("propose", () => stages.propose(proposal, report));
  if (opened.verdict !== "pass") return seen;
  const { branch } = opened.value;
  const canary = await run("canary", () => stages.canary(worktree));
  if (canary.value === undefined) return { ...seen, branch };
  if (canary.verdict === "fail") await stages.withdraw();
  return { ...seen, branch, canary: canary.value };
}
