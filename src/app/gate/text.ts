import { LONGEST_GATE_COMMENT, MOST_REPORTS } from "../../github/gate-port.ts";
import type { CanaryMetric, CanaryVerdict } from "../../model/verdict.ts";
import { formatNumber } from "../../propose/report.ts";
import { cell, markdownTable } from "../page-text.ts";
import type { GateSeen } from "../../canary/gate-count.ts";
import type { GateOpinion } from "../../canary/gate.ts";
import type { GateDecision, GateRecord } from "./record.ts";

/** What a gate says of itself in each of its texts: by it an answer is known again. */
export function gateMark({ id }: Pick<GateRecord, "id">): string {
  return `Gate ${id}`;
}

/** A report while a canary is watched, at most as long as GitHub takes. */
export function reportText(gate: GateRecord, opinion: GateOpinion): string {
  const { reports, deadlineAt } = gate;
  return fitted([
    `**Whetstone watches the canary**: ${opinion.reasons.join(", ")}.`,
    ...evidenceLines(opinion.verdict),
    ...forecastLines(opinion.verdict),
    `It ends at ${deadlineAt} at the latest. Report ${reports + 1} of ${MOST_REPORTS}. ${gateMark(gate)}`,
  ]);
}

/** The comment of an answer, at most as long as GitHub takes. */
export function answerText(gate: GateRecord, decision: GateDecision): string {
  return fitted([
    `**Whetstone ${decision.state} this deployment**: ${decisionLine(decision)}.`,
    ...evidenceLines(decision.verdict),
    ...(gate.proposal === null ? [] : [`Pull request ${gate.proposal.pull}, commit ${gate.sha.slice(0, 12)}.`]),
    gateMark(gate),
  ]);
}

/** Who or what decided, and why, in one line. */
export function decisionLine({ reasons, by }: Pick<GateDecision, "reasons" | "by">): string {
  return by.type === "person" ? `${cell(by.id)} decided (${reasons.join(", ")})` : reasons.join(", ");
}

/** Everything about a look, for the summary of a check run. */
export function lookSummary(gate: GateRecord, verdict: CanaryVerdict | null, seen: GateSeen | undefined): string {
  const parts = [
    `Commit ${gate.sha}, watched since ${gate.startedAt}, until ${gate.deadlineAt} at the latest.`,
    verdict === null ? "This server holds no telemetry: nothing can pass." : metricTable(verdict.metrics),
    verdict === null
      ? ""
      : `Calls: ${verdict.calls.control} of the baseline, ${verdict.calls.experiment} of the canary.`,
    seen === undefined || seen.foreign === 0
      ? ""
      : `${seen.foreign} calls of the canary's arm name another commit as their version and were left out.`,
    seen === undefined || seen.exchanged === 0
      ? ""
      : `${seen.exchanged} calls of the baseline's arm name the canary's commit: the arms are exchanged, and nothing is decided.`,
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function metricTable(metrics: readonly CanaryMetric[]): string {
  const rows = metrics.map(({ name, control, experiment, effect, interval, verdict, reasons }) => [
    cell(name),
    number(control),
    number(experiment),
    effect === null ? "" : `${number(effect)}${range(interval)}`,
    `${verdict} (${reasons.join(", ")})`,
  ]);
  return markdownTable(["metric", "baseline", "canary", "ratio (interval)", "verdict"], rows);
}

function evidenceLines(verdict: CanaryVerdict | null): readonly string[] {
  if (verdict === null) return ["This server holds no telemetry of it."];
  const { control, experiment } = verdict.calls;
  const metrics = verdict.metrics.map(
    ({ name, control: before, experiment: after, effect, interval }) =>
      `- ${cell(name)}: ${number(before)} → ${number(after)}${effect === null ? "" : `, ratio ${number(effect)}${range(interval)}`}`,
  );
  return [`Calls: baseline ${control}, canary ${experiment}.`, ...metrics];
}

function forecastLines(verdict: CanaryVerdict | null): readonly string[] {
  const calls = verdict?.forecast?.calls;
  return calls === undefined || calls === null ? [] : [`About ${calls} further calls at the rates seen so far.`];
}

function number(value: number | null): string {
  return value === null ? "none" : formatNumber(value);
}

function range(interval: CanaryMetric["interval"]): string {
  return interval === null ? "" : ` (${formatNumber(interval.low)} to ${formatNumber(interval.high)})`;
}

/** Lines in the middle give way when a text is too long, the first and the last stay; what was left out is counted. */
function fitted(lines: readonly string[]): string {
  const whole = lines.join("\n");
  if (whole.length <= LONGEST_GATE_COMMENT) return whole;
  for (let kept = lines.length - 2; kept >= 1; kept -= 1) {
    const note = `(${lines.length - 1 - kept} lines left out; the check run has all.)`;
    const text = [...lines.slice(0, kept), note, ...lines.slice(-1)].join("\n");
    if (text.length <= LONGEST_GATE_COMMENT) return text;
  }
  // Ids of gates may be long, for the names of environments that they hold.
  return (lines.at(-1) ?? "").slice(0, LONGEST_GATE_COMMENT);
}
