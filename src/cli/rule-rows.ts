import { describeEValue } from "../learn/decide.ts";
import type { LearningMetric, MeasuredEffect, PatternCell, RuleReview } from "../model/learning.ts";
import type { Rule } from "../model/outcome.ts";
import { renderTable } from "./table.ts";

/** A rule with what is known of it. */
export type ListedRule = { readonly rule: Rule; readonly review: RuleReview };

/** Rules as a table: where each stands, and what it is worth, never without the numbers it is from. */
export function ruleTable(listed: readonly ListedRule[]): string {
  const rows = listed.map(({ rule, review }) => [
    rule.id,
    review.due === undefined ? review.standing : `${review.standing}, due: ${review.due.kind}`,
    rule.scope.findings.join(", "),
    ...effectCells(review.validated),
    review.held === undefined ? "not known yet" : (effectCells(review.held)[0] ?? ""),
    String(review.tokens),
    rule.expires.slice(0, 10),
  ]);
  const measured = ["effect", "P(>0)", "with", "without", "shown at 20"];
  const head = ["rule", "standing", "findings", ...measured, "held", "tokens", "expires"];
  return renderTable(head, rows);
}

function effectCells(effect: MeasuredEffect | undefined): string[] {
  if (effect === undefined) return ["not measured yet", "", "", "", ""];
  const { shown, heldOut, delta, interval, helps, evidence } = effect;
  const arm = ({ successes, trials }: MeasuredEffect["shown"]): string => `${successes}/${trials}`;
  return [
    `${points(delta)} (${points(interval.low)} to ${points(interval.high)})`,
    helps.toFixed(2),
    arm(shown),
    arm(heldOut),
    evidence.wastes > evidence.helps
      ? `not worth it ${describeEValue(evidence.wastes)}`
      : `helps ${describeEValue(evidence.helps)}`,
  ];
}

function points(share: number): string {
  return `${share > 0 ? "+" : ""}${Math.round(100 * share)}`;
}

/** Cells of the table of outcomes that people see; the rest is in `--json`. */
const MOST_CELLS = 12;

/** Outcomes by finding, change, folder and reason. */
export function cellTable(cells: readonly PatternCell[]): string {
  const rows = cells
    .slice(0, MOST_CELLS)
    .map(({ finding, change, folder, reason, trials, occurrences, kept, success, costUsd }) => [
      finding,
      change,
      folder === "" ? "(top)" : folder,
      reason,
      `${occurrences}/${trials}`,
      `${kept}/${trials} (${percent(success.low)}–${percent(success.high)})`,
      `$${costUsd.toFixed(2)}`,
    ]);
  const table = renderTable(["finding", "change", "folder", "reason", "ended so", "kept (95 %)", "cost"], rows);
  const more = cells.length - MOST_CELLS;
  return more > 0 ? `${table}${more} more rows in --json.\n` : table;
}

/** The measures of success with their goals. */
export function metricTable(metrics: readonly LearningMetric[]): string {
  const rows = metrics.map(({ name, value, interval, goal, met, detail }) => {
    const isShare = name === "deployment_success" || name === "rollback_frequency";
    const shown = (number: number): string => (isShare ? percent(number) : `${Math.round(10 * number) / 10}`);
    const range = interval === undefined ? "" : ` (${shown(interval.low)}–${shown(interval.high)})`;
    return [
      name.replaceAll("_", " "),
      value === null ? "not known yet" : `${shown(value)}${range}`,
      `${goal.is.replace("_", " ")} ${shown(goal.value)}`,
      met === null ? (value === null ? "" : "too few to tell") : met ? "yes" : "no",
      detail,
    ];
  });
  return renderTable(["measure", "value", "goal", "met", "counted from"], rows);
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
