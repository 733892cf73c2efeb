import type { ReasonCode } from "../model/codes.ts";
import type { Hypothesis } from "../model/proposal.ts";
import type { Effect, StageVerdict, ValidationReport } from "../model/verdict.ts";
import type { ResultDifference } from "./compare.ts";

/** What became of one check command. `exitCode` null: ended by the time limit or a signal. */
export type CheckRun = {
  readonly name: string;
  readonly command: string;
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** End of its output. */
  readonly tail: string;
};

/** Every check must end with 0; the output's end of the failing ones is in the details. */
export function judgeChecks(runs: readonly CheckRun[]): StageVerdict {
  const failed = runs.filter((run) => run.exitCode !== 0);
  if (failed.length === 0) {
    const names = runs.map((run) => run.name).join(", ");
    return {
      verdict: "pass",
      reasons: ["ok"],
      details: [runs.length === 0 ? "No checks are configured." : `Passed: ${names}.`],
    };
  }
  return {
    verdict: "fail",
    reasons: failed.some(({ timedOut }) => timedOut) ? ["timed_out", "check_failed"] : ["check_failed"],
    details: failed.map((run) => {
      const how = run.timedOut ? "took longer than its limit" : `ended with exit code ${run.exitCode ?? "none"}`;
      return `${run.name} (${run.command}) ${how}: ${run.tail.trim().split("\n").slice(-5).join(" | ")}`;
    }),
  };
}

/** What the replay stage judges: everything it needs, so that a dossier can be judged again offline. */
export type ReplayEvidence = {
  readonly differences: readonly ResultDifference[];
  readonly effects: readonly Effect[];
  readonly hypothesis: Hypothesis;
  /** Largest accepted relative slowdown of any tool. */
  readonly slowdown: number;
  /** Result fields left out because they differ between runs of the unchanged code. */
  readonly noiseFields: number;
  readonly calls: number;
  /** Why the changed server could not be played; absent when it could. */
  readonly serverFailure?: string;
};

/** Below this many calls of the hypothesised operation per version no interval says anything. */
const LEAST_CALLS = 10;
/** Differences below this are not felt and not measured well, in ms. */
const LEAST_SLOWDOWN_MS = 1;

/** Results must be equal, no tool slower beyond the margin, and the hypothesis measured with an interval that excludes no effect. */
export function judgeReplay(evidence: ReplayEvidence): StageVerdict {
  const { differences, effects, serverFailure } = evidence;
  if (serverFailure !== undefined) return { verdict: "fail", reasons: ["server_failed"], details: [serverFailure] };
  if (differences.length > 0) return changedResults(differences);
  const slower = effects.filter(
    (effect) =>
      effect.metric === "p50_ms" &&
      effect.changeInterval.low > evidence.slowdown &&
      effect.after - effect.before > LEAST_SLOWDOWN_MS,
  );
  if (slower.length > 0) return { verdict: "fail", reasons: ["replay_slower"], details: slower.map(describeEffect) };
  return judgeHypothesis(evidence);
}

function judgeHypothesis({ effects, hypothesis, noiseFields, calls }: ReplayEvidence): StageVerdict {
  const effect = effects.find(
    ({ operation, metric }) => operation === hypothesis.operation && metric === hypothesis.metric,
  );
  if (!effect || effect.samples < LEAST_CALLS) {
    const had = effect?.samples ?? 0;
    const detail = `${hypothesis.operation} was replayed ${had} times per version; ${LEAST_CALLS} are needed.`;
    return { verdict: "inconclusive", reasons: ["replay_insufficient"], details: [detail] };
  }
  const equal = `${calls} recorded calls gave equal results${noiseFields > 0 ? `, ${noiseFields} fields that vary by themselves left out` : ""}.`;
  // Nothing was claimed: that no result differs and no tool is slower is all that was asked.
  if (hypothesis.expectedChange === 0)
    return { verdict: "pass", reasons: ["ok"], details: [equal, describeEffect(effect)] };
  const sign = hypothesis.direction === "decrease" ? -1 : 1;
  const { low, high } = effect.changeInterval;
  const met = sign > 0 ? low > 0 : high < 0;
  const opposite = sign > 0 ? high < 0 : low > 0;
  const details = [describeEffect(effect), equal];
  if (met) return { verdict: "pass", reasons: ["hypothesis_met"], details };
  if (opposite) return { verdict: "fail", reasons: ["hypothesis_not_met"], details };
  return { verdict: "inconclusive", reasons: ["hypothesis_not_met"], details };
}

function changedResults(differences: readonly ResultDifference[]): StageVerdict {
  const shown = differences.slice(0, 5);
  const newErrors = differences.some(({ path, before }) => path === "$status" && before === "ok");
  const reasons: [ReasonCode, ...ReasonCode[]] = newErrors
    ? ["replay_result_changed", "replay_new_error"]
    : ["replay_result_changed"];
  const details = shown.map((d) => `${d.key} ${d.tool}: ${d.path} was ${d.before}, is ${d.after}.`);
  if (differences.length > shown.length)
    details.push(`${differences.length} calls differ in all; ${shown.length} are shown.`);
  return { verdict: "fail", reasons, details };
}

/** One line: metric, before → after with intervals. */
export function describeEffect(effect: Effect): string {
  const isRate = effect.metric === "error_rate";
  const unit = isRate ? "" : " ms";
  const scale = isRate ? 1 : 100;
  const show = (value: number): string => (isRate ? value.toFixed(3) : value.toFixed(1));
  const percent = (value: number): string =>
    `${value > 0 ? "+" : ""}${(value * scale).toFixed(isRate ? 3 : 0)}${isRate ? "" : " %"}`;
  const { low, high, level } = effect.changeInterval;
  return (
    `${effect.operation} ${effect.metric}: ${show(effect.before)} → ${show(effect.after)}${unit}, ` +
    `change ${percent(effect.change)} (${level * 100} % interval ${percent(low)} to ${percent(high)}, n = ${effect.samples})`
  );
}

/** The verdict over all stages: the first that did not pass, else pass with the last stage's reasons. */
export function concludeValidation(stages: ValidationReport["stages"]): Pick<ValidationReport, "verdict" | "reasons"> {
  const decisive = stages.find((stage) => stage.verdict !== "pass") ?? stages.at(-1);
  if (!decisive) return { verdict: "inconclusive", reasons: ["verdict_missing"] };
  return { verdict: decisive.verdict, reasons: decisive.reasons };
}
