import type { TargetLook } from "../loop/monitor/monitor.ts";
import type { RegressionRow } from "../model/regression.ts";
import { formatNumber } from "../propose/report.ts";
import { cell, cut, findingTable, MOST_ROWS } from "./summary.ts";

/** Where the summary links to. */
type Links = { readonly url: string; /** Page of the repository's issues. */ readonly issues: string };

/** The job summary of one look: per target what was found, what became worse, and what was told. */
export function monitorSummary(looks: readonly TargetLook[], links: Links): string {
  const parts = looks.map((look) => lookSection(look, links));
  return `## Whetstone: monitoring\n\n${parts.join("\n\n")}\n\nRun: ${links.url}\n`;
}

function lookSection(look: TargetLook, { issues }: Links): string {
  const { target, evidence, alerts, issue, notes, held } = look;
  const { since, until } = evidence.window;
  const rows = alerts.slice(0, MOST_ROWS).map(({ severity, text, traceId }) => {
    const trace = traceId === undefined ? "" : `\`${traceId}\``;
    return `| ${severity} | ${cell(text)} | ${trace} |`;
  });
  const parts = [
    `### ${cell(target)}: ${alerts.length === 0 ? "quiet" : `${alerts.length} alerts`}`,
    `${evidence.traces} traces, ${evidence.spans} spans from ${since} to ${until}. ${issueSentence(issue, issues)}`,
    rows.length === 0
      ? ""
      : `${["| severity | alert | trace |", "|---|---|---|", ...rows].join("\n")}${cut(alerts.length)}`,
    findingTable(evidence),
    regressionTable(look.regressions?.operations.filter(({ verdict }) => verdict !== "pass") ?? []),
    held.length === 0 ? "" : held.map(({ proposal, verdict }) => `- ${cell(proposal)}: ${verdict}`).join("\n"),
    notes.map((note) => `- ${cell(note)}`).join("\n"),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function issueSentence(issue: TargetLook["issue"], issues: string): string {
  if (issue === undefined) return "No issue was kept.";
  if (issue.number === undefined) return "No issue was needed.";
  return `Issue [${issue.number}](${issues}/${issue.number}): ${issue.action}.`;
}

function regressionTable(rows: readonly RegressionRow[]): string {
  if (rows.length === 0) return "";
  const lines = rows
    .slice(0, MOST_ROWS)
    .map(
      ({ operation, metric, before, after, calls, verdict }) =>
        `| ${cell(operation)} | ${metric} | ${formatNumber(before)} | ${formatNumber(after)} | ${calls.before} → ${calls.after} | ${verdict} |`,
    );
  const head = ["| operation | metric | before | now | calls | verdict |", "|---|---|---:|---:|---:|---|"];
  return `#### Against the baseline\n\n${[...head, ...lines].join("\n")}${cut(rows.length)}`;
}
