import { relative } from "node:path";
import { type Called, howCalled } from "./called.ts";
import type { LoopReport } from "../flow.ts";
import type { Finding } from "../model/finding.ts";
import type { Effect } from "../model/verdict.ts";
import { formatNumber } from "../propose/report.ts";
import type { Io } from "./io.ts";
import { formatMs, oneLine, paintOut, renderTable } from "./table.ts";

/** The end of a loop for people: stages, before and after, verdict, and what to do next. */
export function printLoopReport(
  io: Io,
  report: LoopReport,
  context: { readonly root: string; readonly recordedAnswer: boolean },
): void {
  const rows = report.stages.map(({ stage, verdict, reasons, durationMs }) => [
    stage,
    verdict,
    reasons.join(", "),
    formatMs(durationMs),
  ]);
  io.out(`\n${renderTable(["stage", "verdict", "reason", "time"], rows)}`);
  if (report.outcome.effects.length > 0) io.out(`\n${effectsTable(report.outcome.effects)}`);
  const called = howCalled(context.root);
  if (report.proposal === undefined) io.out(findingsList(report.evidence?.findings ?? [], called));
  io.out(`\n${verdictLine(io, report)}\n`);
  if (context.recordedAnswer)
    io.out("The session's answer was recorded; every number above was measured in this run.\n");
  for (const line of report.explanation) io.out(`Learned: ${oneLine(line)}\n`);
  const dossier = oneLine(relative(io.cwd, report.dossier) || report.dossier);
  io.out(`Dossier: ${dossier} · cost ${report.outcome.costUsd.toFixed(2)} USD\n\nNext:\n`);
  for (const line of nextSteps(report, dossier, called)) io.out(`  ${line}\n`);
}

/** What was found, worst first, for runs that end before a proposal. */
function findingsList(findings: readonly Finding[], { command }: Called): string {
  const lines = findings.map((finding, index) => {
    const head = `${index + 1}. ${finding.severity} ${finding.kind} in ${finding.operation}: ${finding.metric} ${formatNumber(finding.value)}`;
    return `${oneLine(head)}\n   ${oneLine(finding.suggestion)}\n   ${command} traces show ${finding.traceIds[0] ?? ""}\n`;
  });
  return lines.length === 0 ? "" : `\nFindings, worst first:\n${lines.join("")}`;
}

function effectsTable(effects: readonly Effect[]): string {
  const rows = effects.map((effect) => {
    const rate = effect.metric === "error_rate";
    const show = (value: number): string => (rate ? formatNumber(value) : `${Math.round(value * 100)} %`);
    const { changeInterval: change, beforeInterval: before, afterInterval: after } = effect;
    return [
      effect.operation,
      effect.metric,
      `${formatNumber(effect.before)} (${formatNumber(before.low)}–${formatNumber(before.high)}${atLevel(before)})`,
      `${formatNumber(effect.after)} (${formatNumber(after.low)}–${formatNumber(after.high)}${atLevel(after)})`,
      `${show(effect.change)} (${show(change.low)} to ${show(change.high)}${atLevel(change)})`,
      String(effect.samples),
    ];
  });
  return renderTable(["tool", "metric", "before (95 %)", "after (95 %)", "change (95 %)", "calls"], rows);
}

/** Few calls cannot give a 95 % interval; the level that they do give is said. */
function atLevel({ level }: Effect["changeInterval"]): string {
  return level >= 0.95 ? "" : ` at ${Math.round(level * 100)} %`;
}

function verdictLine(io: Io, report: LoopReport): string {
  const words: Readonly<Record<LoopReport["status"], readonly [Parameters<typeof paintOut>[1], string]>> = {
    promoted: ["green", "PROMOTE"],
    proposed: ["green", "PROPOSED"],
    merged: ["green", "MERGED"],
    held: ["green", "HELD"],
    no_change: ["green", "NO CHANGE"],
    rejected: ["red", "REJECTED"],
    rolled_back: ["red", "ROLLED BACK"],
    closed: ["red", "CLOSED"],
    faded: ["red", "FADED"],
    inconclusive: ["yellow", "INCONCLUSIVE"],
  };
  const [style, word] = words[report.status];
  const last = report.stages.findLast(({ verdict }) => verdict !== "pass");
  const why = last ? ` at ${last.stage}: ${oneLine(last.summary)}` : "";
  return `${paintOut(io, style, word)} (${report.reasons.join(", ")})${why}`;
}

function nextSteps(report: LoopReport, dossier: string, { command, ownClone }: Called): string[] {
  const steps = [`${command} replay ${dossier}    recompute every verdict offline`];
  if (report.status === "promoted" && report.branch !== undefined) {
    steps.unshift(`git show ${report.branch}    the change with its report`, `git merge ${report.branch}    take it`);
  }
  if (ownClone) steps.push('README, "On your own server"    set it up for the MCP server that you maintain');
  return steps;
}
