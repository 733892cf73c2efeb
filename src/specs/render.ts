import { plainText } from "../analyze/terminal-text.ts";
import { ISSUE_LISTS, type IssueList } from "./issue.ts";
import type { CheckResult, Issue } from "./result.ts";

/** How words are coloured; the identity where there is no terminal. */
export type Paint = (style: "green" | "red" | "yellow" | "bold" | "dim", text: string) => string;
const UNPAINTED: Paint = (_style, text) => text;

const TITLES: Readonly<Record<IssueList, string>> = {
  missing_spans: "Missing spans",
  unexpected_spans: "Unexpected spans",
  structure_issues: "Order and rates",
  performance_issues: "Time and totals",
  attribute_issues: "Attributes",
  error_issues: "Errors",
};
/** Entries of each list that a person reads; the rest is counted, and in the JSON. */
const MOST_LINES = 12;
const VERDICTS = { pass: ["green", "PASS"], fail: ["red", "FAIL"], inconclusive: ["yellow", "INCONCLUSIVE"] } as const;

/** A check's answer as lines for people: verdict, what is wrong list by list with clause and spans, what to do. */
export function renderCheck(result: CheckResult, paint: Paint = UNPAINTED): string[] {
  const [style, word] = VERDICTS[result.verdict];
  const { name, version } = result.spec;
  const of = `${plainText(name)}${version === undefined ? "" : ` version ${version}`}`;
  const lines = [`${paint(style, word)} ${paint("bold", of)}: ${result.reason}`];
  for (const list of ISSUE_LISTS) lines.push(...listLines(list, result, paint));
  const allowed =
    result.unexpected_spans.filter(({ violation }) => !violation).length + (result.omitted["unexpected_spans"] ?? 0);
  if (allowed > 0) lines.push("", paint("dim", `${allowed} additional spans or subtrees, which are allowed.`));
  lines.push(...numberLines(result, paint));
  if (result.suggestions.length > 0) {
    lines.push("", paint("bold", "What to do"));
    for (const [i, suggestion] of result.suggestions.slice(0, MOST_LINES).entries())
      lines.push(`${i + 1}. ${suggestion}`);
  }
  const { notes, skipped } = result.evidence;
  for (const clause of skipped)
    lines.push(paint("dim", `not applied: ${plainText(clause)} (its condition did not hold)`));
  for (const note of notes) lines.push(paint("dim", `note: ${note}`));
  return lines;
}

function listLines(list: IssueList, result: CheckResult, paint: Paint): string[] {
  const issues = result[list].filter(({ violation }) => violation);
  if (issues.length === 0) return [];
  const lines = ["", paint("bold", TITLES[list])];
  for (const issue of issues.slice(0, MOST_LINES)) lines.push(...issueLines(issue, paint));
  const rest = issues.length - MOST_LINES + (result.omitted[list] ?? 0);
  if (rest > 0) lines.push(`  and ${rest} more; --json shows them`);
  return lines;
}

function issueLines(
  { message, clause, expected, actual, trace_id: trace, span_ids: spans, nearest }: Issue,
  paint: Paint,
): string[] {
  const where = [
    `clause ${clause}`,
    ...(trace === undefined ? [] : [`trace ${trace}`]),
    ...(spans.length === 0 ? [] : [`span ${spans.slice(0, 3).join(", ")}${spans.length > 3 ? ", …" : ""}`]),
    ...(nearest === undefined ? [] : [`nearest span ${nearest.span_id}`]),
  ];
  const values = `expected ${short(expected)}, actual ${short(actual)}`;
  return [
    `  ${paint("red", "✗")} ${plainText(message)}`,
    paint("dim", `      ${values}`),
    paint("dim", `      ${plainText(where.join("; "))}`),
  ];
}

function short(value: Issue["expected"]): string {
  const text = plainText(JSON.stringify(value));
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}

function numberLines({ evidence }: CheckResult, paint: Paint): string[] {
  if (evidence.population.length === 0) return [];
  const lines = evidence.population.map(({ clause, value, samples, limit, verdict }) => {
    const [style, word] = VERDICTS[verdict];
    const shown = value === null ? "none" : String(Number(value.toPrecision(4)));
    return `  ${paint(style, word.toLowerCase())} ${plainText(clause)}: ${shown} of ${samples} values, limit ${short(limit)}`;
  });
  return ["", paint("bold", "Over all traces"), ...lines];
}
