import { addCount, emptyCount, isPlain, shareOf, type EventName } from "./arm-count.ts";
import { emptyInterval, merged, type IntervalChain, type IntervalCount } from "./intervals.ts";
import type { BadEvents, ShareStage } from "./likelihood.ts";
import type { CanarySettings } from "./options.ts";
import { contradicts } from "./routing.ts";

/** What the calls of a metric are, by operation, and how they were routed. */
export type CountedCalls = {
  readonly operations: ReadonlyMap<string, IntervalChain>;
  /** Whole sessions were routed, not calls. */
  readonly isSticky: boolean;
};

/** Bad events of a metric with the shares to judge them by: over all operations, and of each in the order of their first calls. */
export type Stratified = { readonly all: BadEvents; readonly byOperation: ReadonlyMap<string, BadEvents> };

type Metric = { readonly name: EventName; readonly settings: CanarySettings };

/**
 * Bad events with the shares to judge them by. The routed weight holds where calls were routed one by one at that
 * weight. Where whole sessions were routed, where the numbers of calls contradict the weight, or where it is not known,
 * the shares are those that each operation really had in each interval: given its calls, its bad events fall on the
 * canary at most as widely spread as a binomial (Hoeffding 1963), and arms with another mix of operations do not differ
 * by the mix. Null when no share lies strictly between 0 and 1.
 */
export function badEvents(calls: CountedCalls, { name, settings }: Metric): Stratified | null {
  const total = totalOf(calls);
  const byOperation = [...calls.operations].sort((a, b) => startOf(a[1]) - startOf(b[1]) || (a[0] < b[0] ? -1 : 1));
  if (settings.weight !== null && isRouted(total, calls, settings)) {
    const { weight } = settings;
    if (!isInside(weight)) return null;
    const events = (counts: IntervalCount): BadEvents => ({
      prior: weight,
      stages: [{ ...toStage(counts, name), share: weight }],
    });
    return {
      all: events(total),
      byOperation: new Map(byOperation.map(([key, chain]) => [key, events(chain.total())])),
    };
  }
  const stages = byOperation.map(([key, chain]) => [key, chain.intervals()] as const);
  const all = realised(
    stages.flatMap(([, intervals]) => intervals),
    name,
  );
  if (all === null) return null;
  const own = stages.flatMap(([key, intervals]) => {
    const events = realised(intervals, name);
    return events === null ? [] : [[key, events] as const];
  });
  return { all, byOperation: new Map(own) };
}

function startOf(chain: IntervalChain): number {
  return chain.intervals()[0]?.startMs ?? Infinity;
}

/** The counts of all operations together. */
export function totalOf({ operations }: CountedCalls): IntervalCount {
  let total = emptyInterval(Infinity);
  for (const chain of operations.values()) total = merged(total, chain.total());
  return total;
}

/** Calls of different weights are no draws at the routed weight, and neither are calls of sessions that stay put. */
function isRouted(total: IntervalCount, { isSticky }: CountedCalls, { weight, unit }: CanarySettings): boolean {
  const both = emptyCount();
  addCount(both, total.baseline);
  addCount(both, total.canary);
  return (
    weight !== null &&
    isPlain(both) &&
    !contradicts({ baseline: total.baseline.calls, canary: total.canary.calls }, weight) &&
    (unit === "session" || !isSticky)
  );
}

function realised(intervals: readonly IntervalCount[], name: EventName): BadEvents | null {
  let first: { readonly startMs: number; readonly share: number } | undefined;
  const stages: ShareStage[] = [];
  for (const counts of intervals) {
    const stage = toStage(counts, name);
    stages.push(stage);
    if (!isInside(stage.share) || (first !== undefined && first.startMs <= counts.startMs)) continue;
    first = { startMs: counts.startMs, share: stage.share };
  }
  return first === undefined ? null : { prior: first.share, stages };
}

function toStage({ baseline, canary }: IntervalCount, name: EventName): ShareStage {
  const [b, c] = [shareOf(baseline, name), shareOf(canary, name)];
  const calls = b.calls + c.calls;
  return { share: calls === 0 ? 0 : c.calls / calls, canary: c.bad, baseline: b.bad };
}

function isInside(share: number): boolean {
  return share > 0 && share < 1;
}
