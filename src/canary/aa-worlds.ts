import type { CallSample } from "../model/call.ts";
import { jeffreysInterval } from "../stats/proportion.ts";
import type { Random } from "../stats/random.ts";
import type { AaReport, AaShare, AaWorld } from "./aa-report.ts";
import { watchCanary } from "./judge.ts";
import type { CanaryOptions, CanarySettings } from "./options.ts";

/** What the arm that plays the canary is made to be. */
export type World = AaWorld["world"];

/** Looks at which the judge first said something, from 1. */
export type Said = { rollback?: number; promote?: number };

const LEVEL = 0.95;
const MINUTE_MS = 60_000;

/** A margin of errors needs errors to multiply, a margin of time needs times. */
export function worldsOf(samples: readonly CallSample[]): World[] {
  const hasErrors = samples.some(({ error }) => error);
  const hasTimes = samples.some(({ durationMs }) => durationMs > 0);
  return [
    "equal",
    ...(hasErrors ? (["errors_at_margin"] as const) : []),
    ...(hasTimes ? (["time_at_margin"] as const) : []),
  ];
}

/** Share of errors by operation. */
export function errorRates(samples: readonly CallSample[]): Map<string, number> {
  const byOperation = Map.groupBy(samples, ({ operation }) => operation);
  return new Map([...byOperation].map(([name, own]) => [name, own.filter(({ error }) => error).length / own.length]));
}

/** How a call of the canary is made worse. */
export type Worsening = {
  readonly world: World;
  readonly settings: CanarySettings;
  readonly rates: ReadonlyMap<string, number>;
  readonly random: Random;
};

/** The same call of a canary that is as much worse as must not be promoted. */
export function worsen(call: CallSample, { world, settings, rates, random }: Worsening): CallSample {
  switch (world) {
    case "equal":
      return call;
    case "time_at_margin":
      return { ...call, durationMs: call.durationMs * (1 + settings.slowdown) };
    case "errors_at_margin": {
      const rate = rates.get(call.operation) ?? 0;
      // So many of the calls without an error must fail for m times the errors.
      const more = (rate * (settings.margin - 1)) / (1 - rate);
      return call.error || random.uniform() < more ? { ...call, error: true } : call;
    }
  }
}

/** A time in which calls were made, ms since the Unix epoch. */
export type Span = { readonly startMs: number; readonly endMs: number };

/** Looks at the end of every minute. */
export function looksOf({ startMs, endMs }: Span): number {
  return Math.floor((endMs - startMs) / MINUTE_MS) + 1;
}

/** What the judge says of calls in order of time, asked at the end of every minute, whatever it had said before. */
export function saidOf(calls: readonly CallSample[], span: Span, judge: CanaryOptions): Said {
  const watch = watchCanary(judge);
  const said: Said = {};
  let from = 0;
  for (let minute = 1; minute <= looksOf(span); minute += 1) {
    const end = span.startMs + minute * MINUTE_MS;
    const last = calls.findIndex(({ timestamp }, index) => index >= from && timestamp >= end);
    const to = last === -1 ? calls.length : last;
    watch.add(calls.slice(from, to));
    from = to;
    const { verdict } = watch.decide();
    if (verdict !== "continue") said[verdict] ??= minute;
  }
  return said;
}

/** A share with its interval (Jeffreys). */
export function aaShare(count: number, of: number): AaShare {
  return { count, rate: count / of, interval: jeffreysInterval({ successes: count, trials: of }, LEVEL) };
}

/** A rate beside what was promised of it: broken when its whole interval lies above. */
export function promiseOf(promised: number, measured: AaShare): AaReport["falseRollback"] {
  return { promised, measured, isBroken: measured.interval.low > promised };
}
