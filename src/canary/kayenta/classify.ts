import { mean, sortedAscending } from "../../stats/quantile.ts";
import { randomNormal, type Random } from "../../stats/random.ts";
import { cleanSeries } from "./clean.ts";
import type { KayentaMetric } from "./input.ts";
import { mannWhitneyShift, rankSum, type Pair } from "./mann-whitney.ts";

/** What a metric is found to be. */
export type KayentaClass = "Pass" | "High" | "Low" | "Nodata" | "NodataFailMetric" | "Error";

/** A metric's classification; `critical`: it alone fails the canary. */
export type KayentaResult = { readonly classification: KayentaClass; readonly critical: boolean };

const CONFIDENCE = 0.98;
/** Share of the estimated shift that the interval must clear. */
const TOLERANCE = 0.25;
const NOISE = 1e-5;

/** The arms of a metric after cleaning. */
export function cleanPair(metric: KayentaMetric): Pair {
  return { x: cleanSeries(metric.experiment, metric), y: cleanSeries(metric.control, metric) };
}

/** Classifies one metric by the rules of NetflixACAJudge-v1.0. `random` is drawn from only if both arms are constant. */
export function classifyMetric(metric: KayentaMetric, random: Random): KayentaResult {
  const pair = cleanPair(metric);
  if (pair.x.length === 0 || pair.y.length === 0) return classifyMissing(metric);
  if (isEqual(pair) || new Set([...pair.x, ...pair.y]).size === 1) return uncritical("Pass");
  return compare(withNoise(pair, random), metric);
}

function uncritical(classification: KayentaClass): KayentaResult {
  return { classification, critical: false };
}

function classifyMissing({ nanStrategy, mustHaveData, critical }: KayentaMetric): KayentaResult {
  if (nanStrategy === "replace") return uncritical("Pass");
  if (mustHaveData && !critical) return uncritical("NodataFailMetric");
  return { classification: "Nodata", critical };
}

function isEqual({ x, y }: Pair): boolean {
  const [a, b] = [sortedAscending(x), sortedAscending(y)];
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** Both arms constant: a little normal noise, in proportion to the value, breaks the ties. */
function withNoise({ x, y }: Pair, random: Random): Pair {
  if (new Set(x).size > 1 || new Set(y).size > 1) return { x, y };
  const noisy = (value: number): number => value + value * NOISE * randomNormal(random);
  return { x: x.map(noisy), y: y.map(noisy) };
}

function compare(pair: Pair, metric: KayentaMetric): KayentaResult {
  const shift = mannWhitneyShift(pair, CONFIDENCE);
  if (shift === undefined) return uncritical("Error");
  const { allowedIncrease, allowedDecrease, criticalIncrease, criticalDecrease } = thresholds(metric);
  const effect = effectSize(pair, metric);
  const margin = TOLERANCE * Math.abs(shift.estimate);
  // NaN counts as large enough in either direction.
  if (metric.direction !== "decrease" && shift.lower > margin && !(effect < allowedIncrease)) {
    return { classification: "High", critical: metric.critical && !(effect < criticalIncrease) };
  }
  if (metric.direction !== "increase" && shift.upper < -margin && !(effect > allowedDecrease)) {
    return { classification: "Low", critical: metric.critical && !(effect > criticalDecrease) };
  }
  return uncritical("Pass");
}

function thresholds({
  effectSize: set,
}: KayentaMetric): Record<`${"allowed" | "critical"}${"Increase" | "Decrease"}`, number> {
  const none = set.measure === "cles" ? 0.5 : 1;
  return {
    allowedIncrease: set.allowedIncrease ?? none,
    allowedDecrease: set.allowedDecrease ?? none,
    criticalIncrease: set.criticalIncrease ?? none,
    criticalDecrease: set.criticalDecrease ?? none,
  };
}

/** Ratio of means, NaN when one is 0; or the share of pairs in which the experiment is higher (Vargha & Delaney 2000). */
function effectSize({ x, y }: Pair, { effectSize: { measure } }: KayentaMetric): number {
  if (measure === "cles") return (2 * rankSum({ x, y }) - x.length * (x.length + 1)) / (2 * x.length * y.length);
  const [experiment, control] = [mean(x), mean(y)];
  return experiment === 0 || control === 0 ? Number.NaN : experiment / control;
}
