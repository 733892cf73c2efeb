import type { CallSample } from "../model/call.ts";
import { quantile, sortedAscending } from "../stats/quantile.ts";

/** Per operation, ms: the 95th percentile of a baseline's calls, but never less than what is slow to anybody. */
export function slowLimits(samples: readonly CallSample[], slowMs: number): Record<string, number> {
  const byOperation = Map.groupBy(samples, ({ operation }) => operation);
  return slowLimitsOf(
    [...byOperation].map(([operation, calls]) => [operation, calls.map(({ durationMs }) => durationMs)]),
    slowMs,
  );
}

/** The same of durations, ms, by operation. */
export function slowLimitsOf(
  durations: Iterable<readonly [operation: string, durationsMs: readonly number[]]>,
  slowMs: number,
): Record<string, number> {
  // A limit of 0 would be none.
  const limit = (own: readonly number[]): number =>
    Math.max(slowMs, quantile(sortedAscending(own), 0.95), Number.MIN_VALUE);
  return Object.fromEntries([...durations].map(([operation, own]) => [operation, limit(own)]));
}
