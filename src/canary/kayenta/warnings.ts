import { quantile, sortedAscending } from "../../stats/quantile.ts";
import { createRandom } from "../../stats/random.ts";
import { classifyMetric, cleanPair } from "./classify.ts";
import type { KayentaInput, KayentaMetric } from "./input.ts";
import { sharedWeight, type Classified, type GroupScore } from "./score.ts";
import { ROOT_TOLERANCE } from "./zeroin.ts";

/** Below this many values per arm the test's error rate is not the one it states, or nothing can be found. */
const FEW = 5;

/** Known weaknesses of Kayenta's rules that may have shaped this verdict: one line each, for people. */
export function kayentaWarnings(
  input: KayentaInput,
  metrics: readonly Classified[],
  groups: readonly GroupScore[],
): string[] {
  const judged = input.metrics.filter(({ muted }) => !muted);
  const perMetric = judged.flatMap((metric, i) =>
    metricWarnings(metric, metrics[i]).map((w) => `${metric.name}: ${w}`),
  );
  return [...perMetric, ...groupWarnings(input, groups)];
}

function metricWarnings(metric: KayentaMetric, result: Classified | undefined): string[] {
  const { x, y } = cleanPair(metric);
  const least = Math.min(x.length, y.length);
  if (least === 0) return [missing(result)];
  const warnings: string[] = [];
  if (result?.classification === "Error") {
    warnings.push("could not be tested because all values are tied; it is not counted, which lets the canary pass.");
  }
  if (least < FEW) {
    warnings.push(
      `only ${least} values in one arm; below ${FEW} the test errs more often than it states or finds nothing.`,
    );
  }
  const other = result && otherInAnotherUnit(metric, result);
  if (other !== undefined) {
    warnings.push(
      `is ${result?.classification} in this unit and ${other.classification} in one ${other.times} times smaller; the test's absolute tolerance of ${ROOT_TOLERANCE} decides.`,
    );
  } else if (isSmall([...x, ...y])) {
    warnings.push(
      `values are small against the test's absolute tolerance of ${ROOT_TOLERANCE}; another unit may turn it.`,
    );
  }
  if (isSparse(x) && isSparse(y))
    warnings.push("more than half of the values are zero in both arms; rare events go unseen.");
  return warnings;
}

function missing(result: Classified | undefined): string {
  if (result?.classification === "Pass") return "an arm has no value at all and passes because NaN is replaced.";
  return result?.critical || result?.classification === "NodataFailMetric"
    ? "an arm has no value at all."
    : "an arm has no value at all; it is not counted, which lets the canary pass unless half of the metrics lack data.";
}

/** Finer units, in which the tolerance matters less and less. */
const FINER = [1e3, 1e6] as const;

type Other = Pick<Classified, "classification"> & { readonly times: string };

/** What the metric would be in the first finer unit that turns it; undefined when none does. */
function otherInAnotherUnit(metric: KayentaMetric, { classification }: Classified): Other | undefined {
  for (const factor of FINER) {
    const scaled = (values: KayentaMetric["control"]) =>
      values.map((value) => (value === null ? null : value * factor));
    const other = classifyMetric(
      { ...metric, control: scaled(metric.control), experiment: scaled(metric.experiment) },
      createRandom("unit"),
    );
    if (other.classification === classification) continue;
    return { classification: other.classification, times: factor.toLocaleString("en-US") };
  }
  return undefined;
}

/** The tolerance is more than 1 % of a typical value. */
function isSmall(values: readonly number[]): boolean {
  const sizes = sortedAscending(values.map(Math.abs).filter((size) => size > 0));
  return sizes.length > 0 && quantile(sizes, 0.5) * 0.01 < ROOT_TOLERANCE;
}

function isSparse(values: readonly number[]): boolean {
  return values.filter((value) => value === 0).length * 2 > values.length;
}

function groupWarnings({ groupWeights }: KayentaInput, groups: readonly GroupScore[]): string[] {
  const warnings = groups
    .filter(({ counted }) => counted === 0)
    .map(({ name }) => `group ${name}: nothing in it was judged; it enters the score as 100.`);
  for (const name of Object.keys(groupWeights)) {
    if (groups.some((group) => group.name === name)) continue;
    warnings.push(`group ${name}: has a weight but no metric; the score cannot reach 100.`);
  }
  if (sharedWeight(groups, groupWeights) < 0)
    warnings.push("the group weights add up to more than 100; the rest counts negative.");
  return warnings;
}
