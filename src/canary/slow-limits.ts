import type { CallSample } from "../model/call.ts";
import { quantile, sortedAscending } from "../stats/quantile.ts";

/** Per operation, ms: the 95th percentile of a baseline's calls, but never less than what is slow to anybody. */
export function slowLimits(samples: readonly CallSample[], slowMs: number): Record<string, number> {
  const byOperation = Map.groupBy(samples, ({ operation }) => operation);
  const p95 = (calls: readonly CallSample[]): number =>
    quantile(sortedAscending(calls.map(({ durationMs }) => durationMs)), 0.95);
  // A limit of 0 would be none.
  const limit = (calls: readonly CallSample[]): number => Math.max(slowMs, p95(calls), Number.MIN_VALUE);
  return Object.fromEntries([...byOperation].map(([operation, calls]) => [operation, limit(calls)]));
}
