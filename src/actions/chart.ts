import type { StageResult } from "../model/dossier.ts";
import type { Effect } from "../model/verdict.ts";

/** Operations of a chart: more cannot be told apart. */
const MOST_BARS = 12;

/**
 * How long each stage took and which did not pass, as a Gantt chart in Mermaid; "" for fewer than two stages. Failed
 * stages are `crit` (red), undecided ones `active`.
 */
export function stageChart(stages: readonly StageResult[]): string {
  if (stages.length < 2) return "";
  let at = 0;
  // Numbered, because a line that begins with a word of Mermaid's own, such as `click`, is an instruction.
  const tasks = stages.map(({ stage, verdict, durationMs }, index) => {
    const begun = at;
    at += Math.max(1, Math.round(durationMs));
    const tag = { pass: "done", fail: "crit", inconclusive: "active" }[verdict];
    return `  ${index + 1}. ${word(stage)} :${tag}, s${index}, ${begun}, ${at}`;
  });
  return fence(["gantt", "  dateFormat x", "  axisFormat %M:%S", ...tasks]);
}

/**
 * The 95th percentile of each operation before and after, as bars and a line in Mermaid, greatest before first; "" when
 * none was measured.
 */
export function effectChart(effects: readonly Effect[]): string {
  const measured = effects.filter(({ metric }) => metric === "p95_ms").toSorted((a, b) => b.before - a.before);
  const shown = measured.slice(0, MOST_BARS);
  if (shown.length === 0) return "";
  const left = measured.length - shown.length;
  const rest = left === 0 ? "" : ` (${left} more in the table)`;
  const list = (values: readonly (number | string)[]): string => `[${values.join(", ")}]`;
  const number = (value: number): string => value.toFixed(3);
  return fence([
    "xychart-beta",
    `  title "p95 in ms: before (bars) and after (line)${rest}"`,
    `  x-axis ${list(shown.map(({ operation }) => `"${word(operation)}"`))}`,
    `  y-axis "ms"`,
    `  bar ${list(shown.map(({ before }) => number(before)))}`,
    `  line ${list(shown.map(({ after }) => number(after)))}`,
  ]);
}

/** A name as Mermaid takes it anywhere: letters, digits, `_`, `.`, `/` and `-`, not too long. */
function word(text: string): string {
  const plain = text.replaceAll(/[^\w./-]+/g, " ").trim();
  return plain.length > 40 ? `${plain.slice(0, 39)}…` : plain || "unnamed";
}

function fence(lines: readonly string[]): string {
  return `\`\`\`mermaid\n${lines.join("\n")}\n\`\`\``;
}
