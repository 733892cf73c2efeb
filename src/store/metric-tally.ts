import { bucketQuantile, type Bucket } from "../stats/buckets.ts";
import type { Growth } from "./metric-growth.ts";
import type { MetricAggregation } from "./metric-port.ts";
import { shares, stepAt, stepSeconds, type Steps } from "./metric-steps.ts";

/** What the points of one group come to, step by step. */
export type Tally = {
  /** A gain of one of its series. */
  readonly addGrowth: (growth: Growth) => void;
  /** A value that one of its series had at a moment; `isLast`: the last one of that series in the step. */
  readonly addLevel: (timeNs: bigint, value: number, isLast: boolean) => void;
  /** One per step; null without data. */
  readonly values: () => readonly (number | null)[];
};

type Cell = { total: number; weight: number; min: number; max: number; readonly buckets: Map<string, MutableBucket> };
type MutableBucket = { -readonly [Key in keyof Bucket]: Bucket[Key] };

/** An empty {@link Tally}; only what `aggregation` needs is kept. */
export function tallyOf(aggregation: MetricAggregation, steps: Steps): Tally {
  const cells = new Map<number, Cell>();
  const cellAt = (step: number): Cell => {
    const cell = cells.get(step) ?? { total: 0, weight: 0, min: Infinity, max: -Infinity, buckets: new Map() };
    cells.set(step, cell);
    return cell;
  };
  return {
    addGrowth: (growth) => {
      const add = growthAdder(aggregation, growth);
      if (add === undefined) return;
      for (const [step, share] of shares(steps, growth.fromNs, growth.toNs)) add(cellAt(step), share);
    },
    addLevel: (timeNs, value, isLast) => {
      const step = stepAt(steps, timeNs);
      if (step === undefined || (aggregation.kind === "sum" && !isLast)) return;
      const cell = cellAt(step);
      cell.total += value;
      cell.weight += 1;
      widen(cell, value, value);
    },
    values: () =>
      Array.from({ length: steps.count }, (_, step) => {
        const cell = cells.get(step);
        return cell === undefined ? null : valueOf(aggregation, cell, stepSeconds(steps, step));
      }),
  };
}

/** How a growth is added to a step that holds a share of it; undefined when it says nothing of what is asked for. */
function growthAdder(
  aggregation: MetricAggregation,
  growth: Growth,
): ((cell: Cell, share: number) => void) | undefined {
  const { sum, count, buckets } = growth;
  const amount = aggregation.kind === "rate" && growth.isDistribution ? count : sum;
  switch (aggregation.kind) {
    case "rate":
    case "sum":
      if (amount === undefined) return undefined;
      return (cell, share) => void (cell.total += amount * share);
    case "avg":
      if (sum === undefined || count === 0) return undefined;
      return (cell, share) => {
        cell.total += sum * share;
        cell.weight += count * share;
      };
    case "min":
    case "max": {
      const min = growth.min ?? buckets.reduce((least, { lower }) => Math.min(least, lower), Infinity);
      const max = growth.max ?? buckets.reduce((most, { upper }) => Math.max(most, upper), -Infinity);
      return count === 0 || min > max ? undefined : (cell) => widen(cell, min, max);
    }
    case "quantile":
      return (cell, share) => {
        for (const bucket of buckets) addBucket(cell, bucket, share);
      };
  }
}

function widen(cell: Cell, min: number, max: number): void {
  if (min < cell.min) cell.min = min;
  if (max > cell.max) cell.max = max;
}

function addBucket({ buckets }: Cell, { lower, upper, count }: Bucket, share: number): void {
  const key = `${lower}/${upper}`;
  const known = buckets.get(key);
  if (known) known.count += count * share;
  else buckets.set(key, { lower, upper, count: count * share });
}

function valueOf(aggregation: MetricAggregation, cell: Cell, seconds: number): number | null {
  switch (aggregation.kind) {
    case "rate":
      return cell.total / seconds;
    case "sum":
      return cell.total;
    case "avg":
      return cell.weight === 0 ? null : cell.total / cell.weight;
    case "min":
      return cell.min === Infinity ? null : cell.min;
    case "max":
      return cell.max === -Infinity ? null : cell.max;
    case "quantile":
      return bucketQuantile([...cell.buckets.values()], aggregation.quantile) ?? null;
  }
}
