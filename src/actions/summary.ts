import type { LoopReport } from "../flow.ts";
import { standingBranch } from "../loop/execute.ts";
import { countOf } from "../model/count-of.ts";
import type { StageResult } from "../model/dossier.ts";
import type { Evidence, Finding } from "../model/finding.ts";
import type { Effect } from "../model/verdict.ts";
import { effectTable, formatNumber } from "../propose/report.ts";
import { forMarkdown } from "../protect/sanitise.ts";
import { effectChart, stageChart } from "./chart.ts";

/** Rows per table; GitHub takes at most 1 MiB of summary per step. */
export const MOST_ROWS = 100;
/** Characters per cell. */
const LONGEST_CELL = 1000;

/** What the summary of a finished run says besides its report. */
export type SummaryFacts = {
  /** The dossier's folder, relative to the workspace. */
  readonly dossier: string;
  /** Page of the run. */
  readonly url: string;
  readonly recordedAnswer: boolean;
};

/** The job summary in Markdown: verdict, stages, before and after, findings, and where everything is. */
export function formatSummary(report: LoopReport, facts: SummaryFacts): string {
  const { outcome, evidence, explanation } = report;
  const parts = [
    `## Whetstone on ${cell(outcome.target)}: ${report.status.replaceAll("_", " ")}`,
    `${verdictSentence(report)}${facts.recordedAnswer ? " The session's answer was recorded; every number here was measured in this run." : ""}`,
    `### Stages\n\n${stageTable(report.stages)}`,
    stageChart(report.stages),
    effectSection(outcome.effects),
    findingSection(evidence),
    explanation.length === 0 ? "" : `### Learned\n\n${explanation.map((line) => `- ${cell(line)}`).join("\n")}`,
    `### Where it is\n\n${places(report, facts)}`,
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** The job summary of one job of a relay: what the stages so far concluded, and what is handed on. */
export function stageSummary(stages: readonly StageResult[], facts: Pick<SummaryFacts, "dossier" | "url">): string {
  const last = stages.at(-1);
  const title = last === undefined ? "nothing was done" : `${cell(last.stage)}: ${cell(last.verdict)}`;
  const parts = [
    `## Whetstone, ${title}`,
    stageTable(stages),
    stageChart(stages),
    `Handed on: ${cell(facts.dossier)}. Run: ${facts.url}`,
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** The job summary of a run that could not finish. */
export function formatFailure(error: { readonly code: string; readonly text: string }, url: string): string {
  return `## Whetstone: error\n\n${cell(error.code)}: ${cell(error.text)}\n\nRun: ${url}\n`;
}

/** The decision in one sentence of plain text: what, why, and at which stage it was stopped. */
export function verdictLine(report: Pick<LoopReport, "status" | "reasons" | "stages" | "evidence">): string {
  const stopped = report.stages.findLast(({ verdict }) => verdict !== "pass");
  const where = stopped ? ` at ${stopped.stage}: ${stopped.summary}` : "";
  const findings = report.evidence?.findings.length ?? 0;
  const found = report.status === "no_change" ? `; ${countOf(findings, "finding")}` : "";
  return `${report.status} (${report.reasons.join(", ")})${where}${found}`;
}

function verdictSentence(report: LoopReport): string {
  return `**Verdict:** ${cell(verdictLine(report))}.`;
}

function stageTable(stages: readonly StageResult[]): string {
  const rows = stages.map(
    ({ stage, verdict, reasons, durationMs, summary }) =>
      `| ${cell(stage)} | ${cell(verdict)} | ${reasons.join(", ")} | ${(durationMs / 1000).toFixed(1)} s | ${cell(summary)} |`,
  );
  return ["| stage | verdict | reasons | time | what was found |", "|---|---|---|---:|---|", ...rows].join("\n");
}

function effectSection(effects: readonly Effect[]): string {
  if (effects.length === 0) return "";
  const shown = effects.slice(0, MOST_ROWS).map((row) => ({ ...row, operation: oneLine(row.operation) }));
  const chart = effectChart(effects);
  const table = `${effectTable(shown)}${cut(effects.length)}`;
  return `### Before and after, on the same recorded calls\n\n${table}${chart === "" ? "" : `\n\n${chart}`}`;
}

function findingSection(evidence: Evidence | undefined): string {
  return evidence ? `### Findings\n\n${findingTable(evidence)}` : "";
}

/** Findings, worst first, and what was left out. */
export function findingTable({ findings, omitted, traces }: Evidence): string {
  if (findings.length === 0) return `None in ${traces} traces.`;
  const rows = findings.slice(0, MOST_ROWS).map(findingRow);
  const head = ["| finding | severity | tool | measured | calls | suggestion |", "|---|---|---|---|---:|---|"];
  const left = omitted.findings === 0 ? "" : `\n\n${omitted.findings} lesser findings were left out of the evidence.`;
  return `${[...head, ...rows].join("\n")}${cut(findings.length)}${left}`;
}

function findingRow(finding: Finding): string {
  const { kind, severity, operation, metric, value, samples, suggestion } = finding;
  return `| ${kind} | ${severity} | ${cell(operation)} | ${cell(metric)} ${formatNumber(value)} | ${samples} | ${cell(suggestion)} |`;
}

function places(report: LoopReport, facts: SummaryFacts): string {
  const branch = standingBranch(report);
  return [
    `- Dossier: ${cell(facts.dossier)} (recompute every verdict with \`whetstone replay\`)`,
    branch === undefined ? "- Branch: none was left" : `- Branch: ${cell(branch)}`,
    `- Cost: ${report.outcome.costUsd.toFixed(2)} USD`,
    `- Run: ${facts.url}`,
  ].join("\n");
}

/** Foreign text as part of one line. */
export function cell(text: string): string {
  return forMarkdown(oneLine(text));
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  const rest = line.length - LONGEST_CELL;
  return rest > 0 ? `${line.slice(0, LONGEST_CELL)} … (${rest} more characters)` : line;
}

/** Says how many rows of a table are not shown. */
export function cut(total: number): string {
  return total > MOST_ROWS ? `\n\n${MOST_ROWS} of ${total} rows shown; all are in the dossier.` : "";
}
