import type { TrendPoint } from "../trends/trends.ts";
import { forecast, type Forecast, type ForecastOptions } from "./forecast.ts";

/** When a limit is reached. Times are ms since the Unix epoch. */
export type CapacityForecast = {
  readonly limit: number;
  /**
   * `reached`: the last value is there already. `expected`: the forecast gets there. `possible`: only the upper end of the
   * interval does. `not_expected`: not even that within the horizon. `unknown`: no forecast.
   */
  readonly state: "reached" | "expected" | "possible" | "not_expected" | "unknown";
  /** First step at which the forecast is at the limit; null when it is not within the horizon. */
  readonly expectedMs: number | null;
  /** The same of the upper end of the interval: earlier would surprise. */
  readonly earliestMs: number | null;
  /** The same of its lower end: later would surprise. */
  readonly latestMs: number | null;
  /** Where the forecast ends; null without one. */
  readonly horizonMs: number | null;
  readonly forecast: Forecast;
};

/**
 * When a growing series, such as calls per minute or bytes on disk, reaches `limit`. The damped trend levels off, so far
 * dates lean to the late side; `earliestMs` is what to plan by.
 */
export function forecastCapacity(
  points: readonly TrendPoint[],
  limit: number,
  options: ForecastOptions,
): CapacityForecast {
  const found = forecast(points, options);
  const firstAt = (value: (point: Forecast["points"][number]) => number): number | null =>
    found.points.find((point) => value(point) >= limit)?.timeMs ?? null;
  const expectedMs = firstAt(({ value }) => value);
  const earliestMs = firstAt(({ interval }) => interval.high);
  const last = points.findLast(({ value }) => value !== null);
  const isReached = (last?.value ?? Number.NEGATIVE_INFINITY) >= limit;
  return {
    limit,
    state: isReached ? "reached" : stateOf(found, expectedMs, earliestMs),
    expectedMs,
    earliestMs,
    latestMs: firstAt(({ interval }) => interval.low),
    horizonMs: found.points.at(-1)?.timeMs ?? null,
    forecast: found,
  };
}

function stateOf(
  { method }: Forecast,
  expectedMs: number | null,
  earliestMs: number | null,
): Exclude<CapacityForecast["state"], "reached"> {
  if (method === "none") return "unknown";
  if (expectedMs !== null) return "expected";
  return earliestMs === null ? "not_expected" : "possible";
}
