import type { Arm, CallSample } from "../model/call.ts";
import { addCount, copyCount, countCall, emptyCount, type ArmCount } from "./arm-count.ts";

/** Calls of both arms in one interval. */
export type IntervalCount = { readonly startMs: number } & Readonly<Record<Arm, ArmCount>>;

/** Counts of one operation, interval by interval. */
export type IntervalChain = {
  /** Adds a call that is no earlier than all before it. */
  readonly add: (sample: CallSample, slow: boolean) => void;
  /**
   * Consecutive intervals, each prolonged until both arms have a call in it. A rest that only one arm served belongs
   * to the interval before it, so that no call is lost.
   */
  readonly intervals: () => readonly IntervalCount[];
  /** All intervals together. */
  readonly total: () => IntervalCount;
  readonly lastMs: () => number;
  /** A chain with the same calls, which grows apart from this one. */
  readonly fork: () => IntervalChain;
};

/** When intervals end: after so long, and where the split was changed. */
export type IntervalEnds = { readonly intervalMs: number; readonly changesMs?: readonly number[] };

/** What a chain holds; closed intervals do not change any more. */
type Links = {
  readonly closed: IntervalCount[];
  readonly total: IntervalCount;
  readonly open: IntervalCount | undefined;
  readonly last: number;
};

/** Starts a chain of intervals. Calls of one instant never fall into two intervals. */
export function intervalChain(ends: IntervalEnds): IntervalChain {
  return chainFrom({ closed: [], total: emptyInterval(0), open: undefined, last: -Infinity }, ends);
}

function chainFrom(links: Links, { intervalMs, changesMs = [] }: IntervalEnds): IntervalChain {
  const { closed, total } = links;
  let { open, last } = links;
  return {
    add: (sample, slow) => {
      const { timestamp, arm } = sample;
      if (open !== undefined && timestamp > last && isShared(open)) {
        const isOver = timestamp - open.startMs >= intervalMs || changesMs.some((at) => at > last && at <= timestamp);
        if (isOver) {
          closed.push(open);
          open = undefined;
        }
      }
      open ??= emptyInterval(timestamp);
      last = timestamp;
      countCall(open[arm], sample, slow);
      countCall(total[arm], sample, slow);
    },
    intervals: () => {
      if (open === undefined) return closed;
      const before = closed.at(-1);
      if (isShared(open) || before === undefined) return [...closed, open];
      return [...closed.slice(0, -1), merged(before, open)];
    },
    total: () => total,
    lastMs: () => last,
    fork: () => {
      const grown = open === undefined ? undefined : copyInterval(open);
      return chainFrom(
        { closed: [...closed], total: copyInterval(total), open: grown, last },
        { intervalMs, changesMs },
      );
    },
  };
}

function copyInterval({ startMs, baseline, canary }: IntervalCount): IntervalCount {
  return { startMs, baseline: copyCount(baseline), canary: copyCount(canary) };
}

/** Both counts as one. */
export function merged(first: IntervalCount, second: IntervalCount): IntervalCount {
  const both = emptyInterval(Math.min(first.startMs, second.startMs));
  for (const part of [first, second]) {
    addCount(both.baseline, part.baseline);
    addCount(both.canary, part.canary);
  }
  return both;
}

/** An interval without a call. */
export function emptyInterval(startMs: number): IntervalCount {
  return { startMs, baseline: emptyCount(), canary: emptyCount() };
}

function isShared({ baseline, canary }: IntervalCount): boolean {
  return baseline.calls > 0 && canary.calls > 0;
}
