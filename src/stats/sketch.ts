import { requireDomain } from "./domain.ts";

/**
 * A DDSketch (Masson, Rim, Lee 2019, PVLDB 12(12)) of whole non-negative numbers: how many of them fell into each bin.
 * Bin 0 holds zeros; bin k ≥ 1 holds γ^(k−2) < v ≤ γ^(k−1). Sketches merge exactly: any order and any grouping of the
 * same values give the same sketch.
 */
export type Sketch = ReadonlyMap<number, number>;

/** Greatest relative error of {@link sketchQuantile}. */
export const SKETCH_ERROR = 0.01;

const GAMMA = (1 + SKETCH_ERROR) / (1 - SKETCH_ERROR);
const LOG2_GAMMA = Math.log2(GAMMA);

// Bound once: where a module runs in a context of its own, as in the tests, each look-up of a global is dear.
const { ceil, log2 } = Math;

/** Bin of a whole number from 0 to 2^53 − 1; there are fewer than 2,000 bins. */
export function sketchBin(value: number): number {
  if (value < 1) return 0;
  // A power of γ may come out a rounding error above a whole number; that bin's estimate is as good to 1e-9.
  return ceil(log2(value) / LOG2_GAMMA) + 1;
}

/** The number that stands for a bin: the one with the least relative error to its bounds. */
const binValue = (bin: number): number => (bin === 0 ? 0 : (2 * GAMMA ** (bin - 1)) / (1 + GAMMA));

/** Adds `count` numbers of a bin to a sketch that the caller owns. */
export function addToSketch(sketch: Map<number, number>, bin: number, count = 1): void {
  sketch.set(bin, (sketch.get(bin) ?? 0) + count);
}

/** Adds all of `other` to a sketch that the caller owns. */
export function mergeIntoSketch(sketch: Map<number, number>, other: Sketch): void {
  for (const [bin, count] of other) addToSketch(sketch, bin, count);
}

/** How many numbers a sketch holds. */
export function sketchCount(sketch: Sketch): number {
  let sum = 0;
  for (const count of sketch.values()) sum += count;
  return sum;
}

/**
 * Estimates of the quantiles `ranks` (0 to 1): within {@link SKETCH_ERROR} of the number at rank ⌊q (n − 1)⌋ from 0.
 * @throws WhetstoneError `defect` for an empty sketch or a rank outside of [0, 1]
 */
export function sketchQuantiles(sketch: Sketch, ranks: readonly number[]): readonly number[] {
  const total = sketchCount(sketch);
  requireDomain(total > 0, "An empty sketch has no quantiles.");
  const bins = [...sketch].sort(([a], [b]) => a - b);
  return ranks.map((q) => {
    requireDomain(q >= 0 && q <= 1, `A quantile lies in [0, 1], got ${q}.`);
    const rank = q * (total - 1);
    let below = 0;
    const found = bins.find(([, count]) => (below += count) > rank) ?? bins.at(-1);
    return binValue(found?.[0] ?? 0);
  });
}

/** Sum of the numbers of a sketch, within {@link SKETCH_ERROR}. */
export function sketchSum(sketch: Sketch): number {
  let sum = 0;
  for (const [bin, count] of [...sketch].sort(([a], [b]) => a - b)) sum += count * binValue(bin);
  return sum;
}
