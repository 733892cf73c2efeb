import type { LearningMetric } from "../model/learning.ts";
import type { Outcome, Rule } from "../model/outcome.ts";
import { formatInstant, parseInstant } from "../model/time.ts";
import { jeffreysInterval } from "../stats/proportion.ts";
import { minePatterns } from "./patterns.ts";
import { latestPerDossier } from "./trials.ts";

/** How far back knowledge is compared with. */
const GROWTH_DAYS = 30n;
const LEVEL = 0.95;

/** What success is counted from. */
export type MetricSource = {
  readonly outcomes: readonly Outcome[];
  /** Every rule in its latest version, in any state. */
  readonly rules: readonly Rule[];
  /** RFC 3339. */
  readonly now: string;
};

/** The measures of success of the loop, with the goals that they were given when it was designed. */
export function successMetrics({ outcomes, rules, now }: MetricSource): LearningMetric[] {
  const ends = [...latestPerDossier(outcomes).values()];
  const count = (...statuses: Outcome["status"][]): number =>
    ends.filter(({ status }) => statuses.includes(status)).length;
  const patterns = minePatterns(outcomes).length;
  const versions = rules.reduce((sum, { version }) => sum + version - 1, 0);
  const retired = rules.filter(({ state }) => state === "retired").length;
  const kept = count("promoted", "held");
  // Deployed without a rollback, though its gain did not last.
  const deployed = kept + count("faded");
  const back = count("rolled_back");
  return [
    above("patterns", 50, { value: patterns, detail: `${patterns} regularities over ${outcomes.length} outcomes` }),
    above("rules_refined", 20, {
      value: versions + retired,
      detail: `${versions} new versions, ${retired} retired, of ${rules.length} rules`,
    }),
    above("successful_optimisations", 100, {
      value: kept,
      detail: `${count("held")} held, ${count("promoted")} promoted, ${count("faded")} faded since`,
    }),
    growth({ outcomes, rules, now }),
    share("deployment_success", { part: deployed, whole: deployed + back, goal: { is: "above", value: 0.95 } }),
    share("rollback_frequency", { part: back, whole: deployed + back, goal: { is: "below", value: 0.05 } }),
  ];
}

function above(
  name: LearningMetric["name"],
  least: number,
  { value, detail }: Pick<LearningMetric, "detail"> & { readonly value: number },
): LearningMetric {
  return { name, value, goal: { is: "above", value: least }, met: value > least, detail };
}

/** Patterns and rules today against those of 30 days ago, mined again from what was on record then. */
function growth({ outcomes, rules, now }: MetricSource): LearningMetric {
  const then = parseInstant(now, 0n) - GROWTH_DAYS * 86_400n * 1_000_000_000n;
  const isOld = (at: string): boolean => parseInstant(at, 0n) <= then;
  const known = minePatterns(outcomes).length + rules.length;
  const before =
    minePatterns(outcomes.filter(({ at }) => isOld(at))).length + rules.filter(({ created }) => isOld(created)).length;
  const goal = { is: "at_least", value: 2 } as const;
  const detail = `${known} patterns and rules now, ${before} on ${formatInstant(then).slice(0, 10)}`;
  if (before === 0) return { name: "knowledge_growth", value: null, goal, met: null, detail };
  return { name: "knowledge_growth", value: known / before, goal, met: known / before >= 2, detail };
}

type Share = { readonly part: number; readonly whole: number; readonly goal: LearningMetric["goal"] };

/** Of the changes that reached a canary. */
function share(name: LearningMetric["name"], { part, whole, goal }: Share): LearningMetric {
  const detail = `${part} of ${whole} changes that reached a canary`;
  if (whole === 0) return { name, value: null, goal, met: null, detail };
  const value = part / whole;
  const interval = jeffreysInterval({ successes: part, trials: whole }, LEVEL);
  // A share of a few says nothing of a goal that its interval holds.
  const isOpen = interval.low < goal.value && goal.value < interval.high;
  const met = isOpen ? null : goal.is === "below" ? value < goal.value : value > goal.value;
  return { name, value, interval, goal, met, detail };
}
