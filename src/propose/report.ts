import type { Evidence, Finding, Interval } from "../model/finding.ts";
import type { Proposal, SessionRecord } from "../model/proposal.ts";
import type { Effect, ValidationReport } from "../model/verdict.ts";
import { forMarkdown } from "../protect/sanitise.ts";

/** What a reviewer needs to decide without trusting the model. */
export type ReportParts = {
  readonly proposal: Proposal;
  readonly session: SessionRecord;
  readonly evidence: Evidence;
  readonly validation: ValidationReport;
  /** Id of the dossier that holds every input and verdict. */
  readonly dossier: string;
};

/** The title of the proposal: the commit's first line. */
export function formatTitle(proposal: Proposal): string {
  return oneLine(`${proposal.target}: ${proposal.answer.title}`);
}

/** The report in Markdown: what hurts, what changes, what was measured, what was checked, how to undo it. */
export function formatReport(parts: ReportParts): string {
  const { proposal, session, evidence, validation, dossier } = parts;
  const { hypothesis } = proposal.answer;
  const addressed = evidence.findings.filter((finding) => proposal.answer.findings.includes(finding.kind));
  return [
    `## What hurts\n\n${addressed.map(describeFinding).join("\n") || "No finding of the named kinds was measured in this run."}`,
    `## What changes\n\n${quote(proposal.answer.rationale)}\n\nWritten by: ${oneLine(session.model)}. ` +
      `Hypothesis: ${hypothesis.metric} of ${oneLine(hypothesis.operation)} will ${hypothesis.direction} ` +
      `by about ${Math.abs(Math.round(hypothesis.expectedChange * 100))} %.`,
    `## Before and after, on the same recorded calls\n\n${effectTable(validation.effects)}`,
    `## Validation\n\n${validation.stages.map(describeStage).join("\n")}`,
    `## Undo\n\nRevert this commit; it touches nothing but the files it shows.`,
    `Dossier ${oneLine(dossier)} · patch sha256 ${proposal.patchDigest} · cost ${session.usage.costUsd.toFixed(2)} USD`,
  ].join("\n\n");
}

/** One validation stage as a list item. */
export function describeStage({ stage, verdict, reasons, details }: ValidationReport["stages"][number]): string {
  return `- ${stage}: ${verdict} (${reasons.join(", ")}). ${oneLine(details.join(" "))}`.trimEnd();
}

/** One finding as a list item, with up to two traces that show it. */
export function describeFinding(
  finding: Pick<
    Finding,
    "kind" | "operation" | "metric" | "value" | "interval" | "samples" | "severity" | "suggestion" | "traceIds"
  >,
): string {
  const interval = finding.interval ? ` (${formatInterval(finding.interval)})` : "";
  const traces = finding.traceIds.slice(0, 2).join(", ");
  return (
    `- **${finding.kind}** in ${oneLine(finding.operation)}: ${oneLine(finding.metric)} ${formatNumber(finding.value)}${interval}, ` +
    `${finding.samples} calls, ${finding.severity}. ${oneLine(finding.suggestion)} Traces: ${traces}.`
  );
}

/** Before/after table in Markdown. */
export function effectTable(effects: readonly Effect[]): string {
  const rows = effects.map((effect) => {
    const rate = effect.metric === "error_rate";
    const change = rate ? formatNumber(effect.change) : `${Math.round(effect.change * 100)} %`;
    const { low, high } = effect.changeInterval;
    const bounds = rate
      ? `${formatNumber(low)} to ${formatNumber(high)}`
      : `${Math.round(low * 100)} to ${Math.round(high * 100)} %`;
    return `| ${oneLine(effect.operation)} | ${effect.metric} | ${formatNumber(effect.before)} (${formatInterval(effect.beforeInterval)}) | ${formatNumber(effect.after)} (${formatInterval(effect.afterInterval)}) | ${change} (${bounds}) | ${effect.samples} |`;
  });
  return ["| tool | metric | before | after | change | calls |", "|---|---|---|---|---|---|", ...rows].join("\n");
}

/** Text that could close a table row, a list item or a title by a line break stays on its line. */
export function oneLine(text: string): string {
  return forMarkdown(text).replaceAll(/\s+/g, " ").trim();
}

/** What somebody else wrote, marked as such line by line: it cannot pass for a section of the report. */
export function quote(text: string): string {
  return forMarkdown(text)
    .split("\n")
    .map((line) => `> ${line}`.trimEnd())
    .join("\n");
}

function formatInterval({ low, high, level }: Interval): string {
  return `${Math.round(level * 100)} %: ${formatNumber(low)} to ${formatNumber(high)}`;
}

/** Three significant digits, without an exponent for the sizes that occur. */
export function formatNumber(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
