import type { Interval } from "../../model/finding.ts";
import { normalQuantile } from "../../stats/normal.ts";
import { quantile, sortedAscending } from "../../stats/quantile.ts";
import type { TrendPoint } from "../trends/trends.ts";
import { ahead, fit, smooth, type Ahead, type Smoothing, type Values } from "./holt-winters.ts";
import { naive, periodDifferences } from "./naive.ts";

export type ForecastOptions = {
  /** Steps to look ahead. */
  readonly steps: number;
  /** Steps after which the series repeats itself, such as a day; 1 or absent: it does not. */
  readonly periodSteps?: number;
  /** Level of the prediction intervals; default 0.9. */
  readonly level?: number;
};

/** A value that is expected at a time. */
export type ForecastPoint = { readonly timeMs: number; readonly value: number; readonly interval: Interval };

/** How well a method forecast what is known by now. */
export type Backtest = {
  /** Forecasts that were compared, from how many origins. */
  readonly forecasts: number;
  readonly origins: number;
  /** Mean absolute error over that of the one-step seasonal naive forecast (MASE; Hyndman & Koehler 2006). */
  readonly mase: number;
  /** The same of the seasonal naive method over the same forecasts. */
  readonly naiveMase: number;
  /** Share of the values within the raw intervals. */
  readonly coverage: number;
};

export type Forecast = {
  /** `none`: too few values. `naive`: Holt–Winters did not forecast better in the backtest. */
  readonly method: "holt_winters" | "naive" | "none";
  readonly points: readonly ForecastPoint[];
  readonly periodSteps: number;
  readonly parameters: Smoothing | null;
  readonly backtest: Backtest | null;
  /** What the intervals are multiplied by so that they would have held the share that they claim; at least 1. */
  readonly calibration: number;
  /** One line each: what limits the forecast. */
  readonly notes: readonly string[];
};

/** Fewer values show no pattern to go on. */
const LEAST_VALUES = 10;

/** Rolling origins of the backtest. */
const ORIGINS = 8;

/**
 * Forecast of equally spaced points in the order of time (null: not measured) by additive Holt–Winters smoothing with
 * damped trend; the method is chosen, and its intervals are widened, by a backtest: parameters from the values before the
 * first origin, then forecasts from rolling origins over the last quarter. Where the seasonal naive method was as good it
 * is used instead, and the notes say so.
 */
export function forecast(points: readonly TrendPoint[], options: ForecastOptions): Forecast {
  const values = points.map(({ value }) => (value !== null && Number.isFinite(value) ? value : null));
  const { level = 0.9, steps } = options;
  const { m, notes } = periodFor(values, options.periodSteps ?? 1);
  const known = values.filter((value) => value !== null).length;
  if (known < LEAST_VALUES) {
    const why = `${known} values are too few for a forecast; ${LEAST_VALUES} are needed.`;
    return {
      method: "none",
      points: [],
      periodSteps: m,
      parameters: null,
      backtest: null,
      calibration: 1,
      notes: [why],
    };
  }
  const tested = backtestOf(values, { m, steps, level });
  const isBetter = tested !== null && tested.smoothing.report.mase < tested.smoothing.report.naiveMase;
  const chosen = isBetter ? tested.smoothing : tested?.naive;
  const parameters = isBetter ? fit(values, m) : null;
  const raw = parameters === null ? naive(values, steps, m) : smoothed(values, parameters, { steps, m });
  const why = tested === null ? "Too few values for a backtest: seasonal naive, untested." : isBetter ? [] : NOT_BETTER;
  return {
    method: isBetter ? "holt_winters" : "naive",
    points: toPoints(raw, points, { level, calibration: chosen?.calibration ?? 1 }),
    periodSteps: m,
    parameters,
    backtest: chosen?.report ?? null,
    calibration: chosen?.calibration ?? 1,
    notes: notes.concat(why),
  };
}

const NOT_BETTER = "Holt–Winters did not beat the seasonal naive method in the backtest, so that is used.";

function periodFor(values: Values, periodSteps: number): { readonly m: number; readonly notes: readonly string[] } {
  if (periodSteps <= 1) return { m: 1, notes: [] };
  if (values.length >= 2 * periodSteps + LEAST_VALUES) return { m: periodSteps, notes: [] };
  return { m: 1, notes: ["Less than two periods of data: the forecast knows no rhythm."] };
}

function smoothed(values: Values, how: Smoothing, { steps, m }: { steps: number; m: number }): Ahead[] {
  return ahead(smooth(values, how, m), how, { length: values.length, steps, m });
}

type Setting = { readonly m: number; readonly steps: number; readonly level: number };
type Tested = { readonly report: Backtest; readonly calibration: number };
type Miss = { readonly error: number; readonly spread: number };

function backtestOf(values: Values, { m, steps, level }: Setting): { smoothing: Tested; naive: Tested } | null {
  const first = Math.max(2 * m + LEAST_VALUES / 2, Math.floor(values.length * 0.75));
  const horizon = Math.min(steps, values.length - first);
  if (horizon < 1) return null;
  const how = fit(values.slice(0, first), m);
  const last = values.length - horizon;
  const origins = [
    ...new Set(Array.from({ length: ORIGINS }, (_, i) => first + Math.round((i * (last - first)) / (ORIGINS - 1)))),
  ];
  const missesOf = (method: (past: Values) => Ahead[]): Miss[] =>
    origins.flatMap((origin) => misses(values, origin, method(values.slice(0, origin))));
  const own = missesOf((past) => smoothed(past, how, { steps: horizon, m }));
  const plain = missesOf((past) => naive(past, horizon, m));
  const scale = meanSize(periodDifferences(values.slice(0, first), m));
  if (own.length === 0 || !(scale > 0)) return null;
  const maseOf = (of: readonly Miss[]): number => meanSize(of.map(({ error }) => error)) / scale;
  const tested = (of: readonly Miss[]): Tested => ({
    report: {
      forecasts: of.length,
      origins: origins.length,
      mase: maseOf(of),
      naiveMase: maseOf(plain),
      coverage: covered(of, level),
    },
    calibration: calibrationOf(of, level),
  });
  return { smoothing: tested(own), naive: tested(plain) };
}

function misses(values: Values, origin: number, forecasts: readonly Ahead[]): Miss[] {
  return forecasts.flatMap(({ value, spread }, i) => {
    const actual = values[origin + i] ?? null;
    return actual === null ? [] : [{ error: actual - value, spread }];
  });
}

const meanSize = (errors: readonly number[]): number =>
  errors.reduce((sum, error) => sum + Math.abs(error), 0) / Math.max(1, errors.length);

function covered(of: readonly Miss[], level: number): number {
  const reach = normalQuantile((1 + level) / 2);
  return of.filter(({ error, spread }) => Math.abs(error) <= reach * spread).length / of.length;
}

function calibrationOf(of: readonly Miss[], level: number): number {
  const reach = normalQuantile((1 + level) / 2);
  const ratios = of.flatMap(({ error, spread }) => (spread > 0 ? [Math.abs(error) / (reach * spread)] : []));
  return ratios.length === 0 ? 1 : Math.max(1, quantile(sortedAscending(ratios), level));
}

function toPoints(
  raw: readonly Ahead[],
  past: readonly TrendPoint[],
  { level, calibration }: { readonly level: number; readonly calibration: number },
): ForecastPoint[] {
  const [lastMs, beforeMs] = [past.at(-1)?.timeMs ?? 0, past.at(-2)?.timeMs ?? 0];
  const reach = normalQuantile((1 + level) / 2) * calibration;
  return raw.map(({ value, spread }, i) => ({
    timeMs: lastMs + (i + 1) * (lastMs - beforeMs),
    value,
    interval: { low: value - reach * spread, high: value + reach * spread, level },
  }));
}
