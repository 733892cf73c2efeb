import { z } from "zod";
import { forecastCapacity as forecastOf } from "../../analyze/forecast/capacity.ts";
import type { ForecastPoint } from "../../analyze/forecast/forecast.ts";
import type { OperationSeries, SeriesPoint } from "../../analyze/series.ts";
import type { TrendPoint } from "../../analyze/trends/trends.ts";
import { formatInstant } from "../../model/time.ts";
import { OperationName, ServiceName, shownWindow, TimeRange, windowOf, WindowShown } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { whyNothing } from "../empty.ts";
import { digits, loadSeries } from "../series.ts";
import { shownText } from "../shown.ts";
import { defineTool, READS } from "../tool.ts";

const STEPS = 336;
const DAY_NS = 86_400_000_000_000n;

const Point = z.strictObject({ at: z.string(), value: z.number(), low: z.number(), high: z.number() });

/** `forecast_capacity`: when a limit is reached. */
export const forecastCapacity = defineTool({
  name: "forecast_capacity",
  title: "When a limit is reached",
  description:
    "Forecasts calls per minute or p95 latency of a service or operation from its history (default: last 14 days) and says when it reaches limit: state reached, expected, possible, not_expected or unknown, with interval and backtest error. The forecast reaches half as far as the history. Plan by earliest.",
  toolset: "analysis",
  effects: READS,
  needs: "aggregates",
  input: z.strictObject({
    service_name: ServiceName,
    operation: OperationName.optional().describe("All operations of the service together when absent (calls only)."),
    metric: z.enum(["calls_per_minute", "p95_ms"]).default("calls_per_minute"),
    limit: z.number().positive().describe("In the metric's unit."),
    history: TimeRange.optional(),
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({
    window: WindowShown,
    metric: z.string(),
    limit: z.number(),
    last: z.number().nullable(),
    state: z.enum(["reached", "expected", "possible", "not_expected", "unknown"]),
    expected: z.string().nullable(),
    earliest: z.string().nullable(),
    latest: z.string().nullable(),
    horizon: z.string().nullable(),
    method: z.string(),
    backtest: z.strictObject({ mase: z.number(), naiveMase: z.number(), coverage: z.number() }).nullable(),
    notes: z.array(z.string()),
    forecast: z.array(Point).describe("Every so many steps, at most 24."),
    ...Envelope,
  }),
  run: async ({ service_name, operation, metric, limit, history, max_tokens }, context) => {
    const window = windowOf(history, context.clock.now(), "-14d");
    const series = await loadSeries(context, { ...window, service: service_name, operation, steps: STEPS });
    const { points: all, stepNs } = metric === "p95_ms" ? latency(series) : calls(series);
    const points = completeSteps(all, stepNs, window.untilNs);
    const periodSteps = stepNs === 0n ? 1 : Math.max(1, Number(DAY_NS / stepNs));
    const found = forecastOf(points, limit, { steps: Math.max(1, Math.floor(points.length / 2)), periodSteps });
    const { method, backtest, notes } = found.forecast;
    const shown = thinned(found.forecast.points);
    return compose({
      maxTokens: max_tokens,
      facts: {
        window: shownWindow(window),
        metric,
        limit,
        last: points.findLast(({ value }) => value !== null)?.value ?? null,
        state: found.state,
        expected: instant(found.expectedMs),
        earliest: instant(found.earliestMs),
        latest: instant(found.latestMs),
        horizon: instant(found.horizonMs),
        method,
        backtest: backtest && {
          mase: digits(backtest.mase),
          naiveMase: digits(backtest.naiveMase),
          coverage: digits(backtest.coverage),
        },
        notes: notes.slice(0, 4).map((note) => shownText(note, 200)),
      },
      lists: { forecast: sectionOf(shown, point) },
      hint: series.length === 0 ? await whyNothing(await context.store("read")) : undefined,
    });
  },
});

type Chosen = { readonly points: readonly TrendPoint[]; readonly stepNs: bigint };

/** The steps that are over: a part of a step would look like a fall. */
function completeSteps(points: readonly TrendPoint[], stepNs: bigint, untilNs: bigint): readonly TrendPoint[] {
  return points.filter(({ timeMs: at }) => BigInt(at) * 1_000_000n + stepNs <= untilNs);
}

const timeMs = ({ startNs }: SeriesPoint): number => Number(startNs / 1_000_000n);

/** Calls per minute of all series together. A call that both sides recorded is counted at its server. */
function calls(series: readonly OperationSeries[]): Chosen {
  const servers = series.filter(({ kind }) => kind === "server" || kind === "consumer");
  const counted = servers.length > 0 ? servers : series;
  const stepNs = counted[0]?.stepNs ?? 0n;
  const minutes = Number(stepNs) / 60e9;
  const points = (counted[0]?.points ?? []).map((first, at) => ({
    timeMs: timeMs(first),
    value: counted.reduce((sum, { points: own }) => sum + (own[at]?.calls ?? 0), 0) / minutes,
  }));
  return { points, stepNs };
}

/** p95 of the operation with most calls. */
function latency(series: readonly OperationSeries[]): Chosen {
  const callsOf = ({ points }: OperationSeries): number => points.reduce((sum, each) => sum + each.calls, 0);
  const [busiest] = series.toSorted((a, b) => callsOf(b) - callsOf(a));
  const points = (busiest?.points ?? []).map((each) => ({ timeMs: timeMs(each), value: each.p95Ms }));
  return { points, stepNs: busiest?.stepNs ?? 0n };
}

function thinned(points: readonly ForecastPoint[]): readonly ForecastPoint[] {
  const every = Math.max(1, Math.ceil(points.length / 24));
  return points.filter((_point, at) => at % every === every - 1 || at === points.length - 1);
}

const instant = (ms: number | null): string | null =>
  ms === null ? null : formatInstant(BigInt(Math.round(ms)) * 1_000_000n);

const point = ({ timeMs: at, value, interval }: ForecastPoint): z.input<typeof Point> => ({
  at: instant(at) ?? "",
  value: digits(value),
  low: digits(interval.low),
  high: digits(interval.high),
});
