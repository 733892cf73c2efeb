import type { MetricVerdict } from "./metric.ts";

/** A verdict that is further away than this many times the data so far is not forecast. */
const FARTHEST = 1024;

/**
 * How many times the data so far a verdict needs if all rates and means stay exactly as seen: the least factor at which
 * the scaled counts decide, by doubling and then bisection to 2 %. A point forecast, without the chance in the calls to
 * come; null when no factor up to 1,024 decides.
 */
export function furtherFactor(verdictAt: (factor: number) => MetricVerdict): number | null {
  let [open, decided] = [1, 2];
  while (verdictAt(decided) === "continue") {
    if (decided >= FARTHEST) return null;
    [open, decided] = [decided, 2 * decided];
  }
  while (decided - open > 0.02 * open) {
    const middle = (open + decided) / 2;
    if (verdictAt(middle) === "continue") open = middle;
    else decided = middle;
  }
  return decided;
}
