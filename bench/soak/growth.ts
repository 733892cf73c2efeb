/** A reading of a process's resident memory: ms since the start of the run, and bytes. */
export type Sample = { readonly atMs: number; readonly bytes: number };

/** What the samples of one process say. */
export type Growth = {
  /** Median of the later part of the run, bytes. */
  readonly median: number;
  /** Highest of all samples, bytes. */
  readonly peak: number;
  /** What the trend adds over the later part of the run, bytes; negative when it shrinks. */
  readonly added: number;
  /** How long the later part of the run was, ms. */
  readonly overMs: number;
  /** The most that the trend may add, bytes. */
  readonly limit: number;
  /** Whether `added` is within `limit`. */
  readonly isFlat: boolean;
};

/** The first third of a run is start and compilation; heaps grow in it. */
const SETTLED = 1 / 3;

/** What a collector of garbage may move a heap by, whatever its size. */
const SLACK_BYTES = 16 * 1024 * 1024;

/** Growth in proportion that is no leak. */
const SLACK_SHARE = 0.1;

/** {@link growthOf}'s rule, for people. */
export const GROWTH_RULE =
  "Memory: the first third of the run is warm-up and is not judged. The trend is the median of the slopes between all pairs " +
  "of samples of the rest (Theil-Sen); flat is at most a tenth of their median, or 16 MiB if that is more.";

/**
 * Whether memory stays level: the trend (Theil-Sen, the median of the slopes between all pairs, which single peaks do
 * not move) over the last two thirds of the run adds less than a tenth of the median and 16 MiB, whichever is more.
 */
export function growthOf(samples: readonly Sample[]): Growth {
  const until = samples.at(-1)?.atMs ?? 0;
  const later = samples.filter(({ atMs }) => atMs >= until * SETTLED);
  const slopes = later.flatMap((a, at) =>
    later.slice(at + 1).map((b) => (b.atMs > a.atMs ? (b.bytes - a.bytes) / (b.atMs - a.atMs) : 0)),
  );
  const overMs = until - (later[0]?.atMs ?? 0);
  const added = slopes.length === 0 ? 0 : median(slopes) * overMs;
  const middle = median(later.map(({ bytes }) => bytes));
  const peak = Math.max(0, ...samples.map(({ bytes }) => bytes));
  const limit = Math.max(SLACK_BYTES, middle * SLACK_SHARE);
  return { median: middle, peak, added, overMs, limit, isFlat: added <= limit };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
