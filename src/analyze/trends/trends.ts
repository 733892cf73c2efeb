import type { Interval } from "../../model/finding.ts";
import { studentQuantile } from "../../stats/clustered.ts";
import { MOST_TREND_VALUES, rankTrend, type RankTrend } from "../../stats/rank-trend.ts";
import { noiseOf, withoutOutliers, withoutShortRuns, type Noise } from "./noise.ts";
import { pelt, runningSums, segmentCost, type Sums } from "./pelt.ts";
import { seasonOf, withoutSeason, type Season } from "./season.ts";

/** A measured value at a time; null where nothing was measured. */
export type TrendPoint = { readonly timeMs: number; readonly value: number | null };

export type TrendOptions = {
  /** Significance of the slope and level 1 − alpha of all intervals; default 0.05. */
  readonly alpha?: number;
  /** Steps after which the series may repeat itself, such as a day; absent: no rhythm is looked for. */
  readonly periodSteps?: number;
  /** `log` for values whose changes are ratios (latencies, all > 0); default `linear`. */
  readonly scale?: "linear" | "log";
};

/** A moment at which the level of a series changed for good. */
export type ChangePoint = {
  /** First time with the new level, ms since the Unix epoch. */
  readonly timeMs: number;
  /** Set of times that the change may have been at. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Levels around it, up to the next change on each side. */
  readonly before: number;
  readonly after: number;
  /** Linear scale: after − before; log scale: after / before − 1. */
  readonly change: number;
  readonly interval: Interval;
};

/** What a series does over time. */
export type Trend = {
  /** `flat`, a straight line, or steps; `unknown` with too few values. */
  readonly shape: "flat" | "line" | "steps" | "unknown";
  /** Values that were measured. */
  readonly values: number;
  /** Change per hour: in the unit of the values (linear), or relative (log). Null with too few values. */
  readonly slopePerHour: number | null;
  readonly interval: Interval | null;
  /** Mann–Kendall with the variance for autocorrelated values, two-sided. */
  readonly p: number | null;
  readonly changePoints: readonly ChangePoint[];
  readonly season: Season | null;
  /** Correlation of neighbouring values that the tests allow for. */
  readonly correlation: number | null;
  /** One line each: what limits the answer. */
  readonly notes: readonly string[];
};

/** Fewer values show neither slope nor change. */
const LEAST_VALUES = 10;

/** A level lasts at least so many values. */
const SHORTEST = 5;

/**
 * Cost of a change in units of ln n · long-run variance. Simulated over autoregressions with φ up to 0.7 and n from 30 to
 * 400: at least one false change in 0 to 6 % of the series, where a penalty that takes values for independent finds one
 * in most; a step of nine standard deviations in the middle of 60 independent values is missed in 1 %.
 */
const PENALTY = 3;

/** 95 % of the location of a change, by inverting its likelihood ratio: (1 − e^(−x/2))² = 0.95 (Eo & Morley 2015). */
const LOCATION_RATIO = -2 * Math.log(1 - Math.sqrt(0.95));

const HOUR_MS = 3_600_000;

/**
 * Trend of a series of points in the order of time: a robust straight line (Theil–Sen, Mann–Kendall), steps (changes of
 * the mean by PELT, on values without outliers), or neither, whichever leaves the least cost; all with the noise of
 * neighbours that resemble each other. A rhythm of `periodSteps` is taken out first where two periods show it; with less
 * than two a note says that a slope may be part of one.
 */
export function analyzeTrends(points: readonly TrendPoint[], options: TrendOptions = {}): Trend {
  const prepared = prepare(points, options);
  if (prepared.values.length < LEAST_VALUES) return unknownTrend(prepared);
  const { values, times, steps, notes, alpha, scale } = prepared;
  const lineOf = (of: readonly number[], inflation: number): RankTrend =>
    rankTrend(
      of.map((value, i) => ({ at: hoursAt(times, i), value })),
      inflation,
      1 - alpha,
    );
  const raw = noiseOf(values);
  const first = lineOf(values, raw.inflation);
  const perStep = (first.slope * hoursAt(times, times.length - 1)) / Math.max(1, (steps.at(-1) ?? 0) - (steps[0] ?? 0));
  const period = options.periodSteps;
  const season = period === undefined ? null : seasonOf({ steps, values }, perStep, period);
  const isSeasonal = season?.state === "present";
  const steady = isSeasonal ? withoutSeason({ steps, values }, perStep, season.periodSteps) : values;
  const noise = isSeasonal ? noiseOf(steady) : raw;
  const line = isSeasonal ? lineOf(steady, noise.inflation) : first;
  // Without noise nothing is an outlier by its size, only by how short it lasts.
  const calm = noise.variance > 0 ? withoutOutliers(steady) : withoutShortRuns(steady, SHORTEST);
  const sums = runningSums(calm);
  const penalty = PENALTY * Math.log(calm.length) * noise.variance * noise.inflation;
  const breaks = penalty > 0 ? pelt(sums, penalty, SHORTEST) : exactBreaks(calm);
  const left = calm.map((value, i) => value - line.slope * hoursAt(times, i));
  const shape = shapeOf({
    sums,
    breaks,
    penalty,
    lineCost: segmentCost(runningSums(left), 0, left.length),
    line,
    alpha,
  });
  const relative = (value: number): number => (scale === "log" ? Math.expm1(value) : value);
  return {
    shape,
    values: values.length,
    slopePerHour: relative(line.slope),
    interval: { low: relative(line.interval.low), high: relative(line.interval.high), level: 1 - alpha },
    p: line.p,
    changePoints: shape === "steps" ? changesAt(breaks, { sums, calm, times, noise, scale, alpha }) : [],
    season,
    correlation: noise.correlation,
    notes: season?.state === "unknown" ? [...notes, SHORT_NOTE] : notes,
  };
}

const hoursAt = (times: readonly number[], i: number): number => ((times[i] ?? 0) - (times[0] ?? 0)) / HOUR_MS;

const SHORT_NOTE = "Less than two periods of data: a slope or step may be part of a rhythm.";

type Prepared = Required<Pick<TrendOptions, "alpha" | "scale">> & {
  readonly values: readonly number[];
  readonly times: readonly number[];
  /** Number of each value's point among all points. */
  readonly steps: readonly number[];
  readonly notes: readonly string[];
};

function prepare(points: readonly TrendPoint[], { alpha = 0.05, scale = "linear" }: TrendOptions): Prepared {
  const usable = points.flatMap(({ timeMs, value }, step) =>
    value !== null && Number.isFinite(value) && (scale === "linear" || value > 0) ? [{ timeMs, value, step }] : [],
  );
  const kept = usable.slice(-MOST_TREND_VALUES);
  const dropped = usable.length - kept.length;
  return {
    alpha,
    scale,
    values: kept.map(({ value }) => (scale === "log" ? Math.log(value) : value)),
    times: kept.map(({ timeMs }) => timeMs),
    steps: kept.map(({ step }) => step),
    notes:
      dropped > 0
        ? [`The oldest ${dropped} of ${usable.length} values are left out; longer steps would keep them.`]
        : [],
  };
}

function unknownTrend({ values, notes }: Prepared): Trend {
  return {
    shape: "unknown",
    values: values.length,
    slopePerHour: null,
    interval: null,
    p: null,
    changePoints: [],
    season: null,
    correlation: null,
    notes: [...notes, `${values.length} values are too few for a trend; ${LEAST_VALUES} are needed.`],
  };
}

/** Without noise every change counts; a series that is never level has none. */
function exactBreaks(values: readonly number[]): readonly number[] {
  const jumps = values.flatMap((value, i) => (i > 0 && value !== values[i - 1] ? [i] : []));
  const ends = [...jumps, values.length];
  return jumps.every((jump, i) => jump >= SHORTEST && (ends[i + 1] ?? 0) - jump >= SHORTEST) ? jumps : [];
}

type Shapes = {
  readonly sums: Sums;
  readonly breaks: readonly number[];
  readonly penalty: number;
  readonly lineCost: number;
  readonly line: RankTrend;
  readonly alpha: number;
};

function shapeOf({ sums, breaks, penalty, lineCost, line, alpha }: Shapes): Trend["shape"] {
  const isSloping = line.p <= alpha && line.slope !== 0;
  if (breaks.length === 0) return isSloping ? "line" : "flat";
  const ends = [...breaks, sums.values.length - 1];
  const stepCost = ends.reduce((sum, end, i) => sum + segmentCost(sums, ends[i - 1] ?? 0, end), 0);
  return isSloping && lineCost + penalty < stepCost + penalty * breaks.length ? "line" : "steps";
}

type Levels = Required<Pick<TrendOptions, "scale" | "alpha">> & {
  readonly sums: Sums;
  readonly calm: readonly number[];
  readonly times: readonly number[];
  readonly noise: Noise;
};

function changesAt(breaks: readonly number[], levels: Levels): ChangePoint[] {
  const bounds = [0, ...breaks, levels.calm.length];
  return breaks.map((at, i) => changeAt({ start: bounds[i] ?? 0, at, end: bounds[i + 2] ?? at }, levels));
}

type Segment = { readonly start: number; readonly at: number; readonly end: number };

function changeAt({ start, at, end }: Segment, { sums, calm, times, noise, scale, alpha }: Levels): ChangePoint {
  const longRun = noise.variance * noise.inflation;
  const cost = (k: number): number => segmentCost(sums, start, k) + segmentCost(sums, k, end);
  const isPossible = (k: number): boolean => cost(k) - cost(at) <= LOCATION_RATIO * longRun;
  const possible = Array.from({ length: end - start - 1 }, (_, i) => start + 1 + i).filter(isPossible);
  const [before, after] = [meanOf(calm.slice(start, at)), meanOf(calm.slice(at, end))];
  const degrees = Math.max(1, (end - start - 2) / noise.inflation);
  const half = studentQuantile(degrees, 1 - alpha) * Math.sqrt(longRun * (1 / (at - start) + 1 / (end - at)));
  const [out, relative] = scale === "log" ? [Math.exp, Math.expm1] : [same, same];
  return {
    timeMs: times[at] ?? Number.NaN,
    fromMs: times[possible[0] ?? at] ?? Number.NaN,
    toMs: times[possible.at(-1) ?? at] ?? Number.NaN,
    before: out(before),
    after: out(after),
    change: relative(after - before),
    interval: { low: relative(after - before - half), high: relative(after - before + half), level: 1 - alpha },
  };
}

const same = (value: number): number => value;

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
