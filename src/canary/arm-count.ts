import type { CallSample } from "../model/call.ts";
import type { BadShare } from "./e-values.ts";

/** Which calls are bad: errors, or calls slower than their operation's limit. */
export type EventName = "errors" | "slow_calls";

/** The events of a metric among the calls of a count, and what they stand for. */
type Bad = { events: number; weight: number };

/** Calls of one arm in one interval, as sums that can be added up; sampled calls stand for their weight. */
export type ArmCount = {
  calls: number;
  weight: number;
  squares: number;
  lightest: number;
  heaviest: number;
  readonly errors: Bad;
  readonly slow_calls: Bad;
};

/** A count of nothing. */
export function emptyCount(): ArmCount {
  const nothing = { calls: 0, weight: 0, squares: 0, lightest: Infinity, heaviest: -Infinity };
  return { ...nothing, errors: { events: 0, weight: 0 }, slow_calls: { events: 0, weight: 0 } };
}

/** The same count, which grows apart from the first. */
export function copyCount(count: ArmCount): ArmCount {
  return { ...count, errors: { ...count.errors }, slow_calls: { ...count.slow_calls } };
}

/** Adds one call. */
export function countCall(into: ArmCount, { error, weight = 1 }: CallSample, slow: boolean): void {
  into.calls += 1;
  into.weight += weight;
  into.squares += weight * weight;
  if (weight < into.lightest) into.lightest = weight;
  if (weight > into.heaviest) into.heaviest = weight;
  if (error) countBad(into.errors, weight);
  if (slow) countBad(into.slow_calls, weight);
}

function countBad(into: Bad, weight: number): void {
  into.events += 1;
  into.weight += weight;
}

/** Adds a count to another. */
export function addCount(into: ArmCount, other: ArmCount): void {
  into.calls += other.calls;
  into.weight += other.weight;
  into.squares += other.squares;
  into.lightest = Math.min(into.lightest, other.lightest);
  into.heaviest = Math.max(into.heaviest, other.heaviest);
  for (const name of ["errors", "slow_calls"] as const) {
    into[name].events += other[name].events;
    into[name].weight += other[name].weight;
  }
}

/** Whether all calls stand for the same number, so that they are a plain sample. */
export function isPlain({ lightest, heaviest }: ArmCount): boolean {
  return lightest >= heaviest;
}

/**
 * Calls and bad ones. Where weights differ they are Kish's effective number and the true share of it: the rates are
 * those of all traffic, and the evidence never counts for more than was seen. Where they are equal, sampling changes no
 * share, and what was seen is counted.
 */
export function shareOf(count: ArmCount, name: EventName): BadShare {
  if (isPlain(count)) return { bad: count[name].events, calls: count.calls };
  const calls = count.weight ** 2 / count.squares;
  return { bad: (calls * count[name].weight) / count.weight, calls };
}
