import type { CanaryOperation } from "../model/verdict.ts";
import { logHarmCeiling, logHarmEValue } from "./e-values.ts";
import type { BadEvents } from "./likelihood.ts";
import type { CanarySettings } from "./options.ts";
import { rateRatio } from "./rate-ratio.ts";

/** Evidence of harm in one operation, as the logarithm of an E-value. */
type OperationHarm = { readonly operation: string; readonly events: BadEvents; readonly harm: number };

/**
 * Harm in single operations, which the sum over all may hide. `events` in the order in which the operations were first
 * called: the k-th has the weight 1 / (k(k + 1)) in the average, which is an E-process whatever the operations have to do
 * with each other and however many come yet. An operation with fewer bad events than the minimum adds nothing but its
 * weight.
 */
export function logOperationsEValue(events: readonly BadEvents[], settings: CanarySettings): number {
  return logAverage(
    events.map((own) => (enough(own, settings) ? harmOf(own, settings) : Math.min(0, harmOf(own, settings)))),
  );
}

/** At most this is {@link logOperationsEValue}, for a tenth of the work where shares change. */
export function logOperationsCeiling(events: readonly BadEvents[], settings: CanarySettings): number {
  return logAverage(events.map((own) => (enough(own, settings) ? logHarmCeiling(own, settings.harmMargin) : 0)));
}

function logAverage(values: readonly number[]): number {
  const logs = values.map((value, index) => value - Math.log((index + 1) * (index + 2)));
  // The weight of operations that are still to come: 1 / (n + 1), at an E-value of 1.
  logs.push(-Math.log(values.length + 1));
  const top = Math.max(...logs);
  return top + Math.log(logs.reduce((sum, value) => sum + Math.exp(value - top), 0));
}

/** Share of alpha that is left for harm in single operations: what the metrics do not spend, half for each of two. */
export function operationsAlpha({ alpha, alphaShares }: CanarySettings): number {
  const { errors, slow_calls: slow, latency } = alphaShares;
  const left = 1 - errors - slow - latency;
  return left > 1e-9 ? (alpha * left) / 2 : 0;
}

/**
 * Each operation with a bad event, worst first. `harmful`: named by e-BH (Wang & Ramdas 2022), so that of the operations
 * named at most a share alpha is named wrongly, whatever they have to do with each other.
 */
export function describeOperations(
  byOperation: ReadonlyMap<string, BadEvents>,
  settings: CanarySettings,
): CanaryOperation[] {
  const harms = [...byOperation]
    .filter(([, events]) => badOf(events) > 0)
    .map(([operation, events]): OperationHarm => ({ operation, events, harm: harmOf(events, settings) }))
    .sort((a, b) => b.harm - a.harm || (a.operation < b.operation ? -1 : 1));
  const sorted = harms.map(({ harm }) => harm);
  const named = namedByEbh(sorted, { hypotheses: byOperation.size, alpha: settings.alpha });
  return harms.map(({ operation, events, harm }, index) => ({
    operation,
    effect: rateRatio(events),
    eValue: Math.min(Math.exp(harm), 1e300),
    harmful: index < named,
  }));
}

/** Of `hypotheses` with these largest ln E, sorted falling: how many e-BH rejects at the false-discovery rate `alpha`. */
export function namedByEbh(
  logs: readonly number[],
  { hypotheses, alpha }: { readonly hypotheses: number; readonly alpha: number },
): number {
  let named = 0;
  for (const [index, log] of logs.entries()) {
    if (log >= Math.log(hypotheses / ((index + 1) * alpha))) named = index + 1;
  }
  return named;
}

function harmOf(events: BadEvents, { harmMargin }: CanarySettings): number {
  return logHarmEValue(events, harmMargin);
}

function enough({ stages }: BadEvents, { minimumBadEvents }: CanarySettings): boolean {
  return stages.reduce((sum, { canary }) => sum + canary, 0) >= minimumBadEvents;
}

function badOf({ stages }: BadEvents): number {
  return stages.reduce((sum, { canary, baseline }) => sum + canary + baseline, 0);
}
