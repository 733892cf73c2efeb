/**
 * A/A: the judge on a baseline against itself. Recorded calls are drawn anew by whole sessions, with their times, so that
 * bursts and shared incidents stay what they are; each session goes to an arm at random. What the judge rolls back is
 * false. For false promotions the arm that plays the canary is made as much worse as must not be promoted, no more.
 */
import type { CallSample } from "../model/call.ts";
import { jeffreysInterval } from "../stats/proportion.ts";
import { randomInteger, type Random } from "../stats/random.ts";
import type { AaReport, AaShare, AaWorld } from "./aa-report.ts";
import { watchCanary } from "./judge.ts";
import { canarySettings, type CanaryOptions, type CanarySettings } from "./options.ts";

/** What an A/A needs. `judge`: the options that a real canary has, `weight` included. */
export type AaOptions = {
  readonly judge: CanaryOptions & { readonly weight: number };
  readonly repetitions: number;
  readonly random: Random;
  /** Told after each repetition. */
  readonly progress?: ((done: number) => void) | undefined;
};

type World = AaWorld["world"];

/** Minutes at which a repetition first said something. */
type Said = { rollback?: number; promote?: number };

const LEVEL = 0.95;
const MINUTE_MS = 60_000;

/**
 * Judges the calls against themselves, `repetitions` times in each world, with a look at the end of every minute.
 * @throws WhetstoneError `usage` for options that cannot be meant.
 */
export function judgeAgainstItself(samples: readonly CallSample[], options: AaOptions): AaReport {
  const settings = canarySettings(options.judge);
  const blocks = blocksOf(samples);
  const hours = { ...span(samples), blocks, errorRates: errorRates(samples) };
  const worlds = worldsOf(samples).map((world) => judgeWorld(hours, { world, settings, options }));
  const [equal, ...margins] = worlds;
  if (equal === undefined) throw new RangeError("There is no world.");
  const worst = margins.toSorted((a, b) => b.promote.rate - a.promote.rate)[0];
  return {
    schema: "whetstone.canary-aa/1",
    repetitions: options.repetitions,
    calls: samples.length,
    blocks: blocks.length,
    minutes: (hours.endMs - hours.startMs) / MINUTE_MS,
    looks: looksOf(hours),
    worlds,
    falseRollback: promiseOf(settings.alpha, equal.rollback),
    falsePromotion: worst === undefined ? null : promiseOf(settings.beta, worst.promote),
  };
}

/** A margin of errors needs errors to multiply, a margin of time needs times. */
function worldsOf(samples: readonly CallSample[]): World[] {
  const hasErrors = samples.some(({ error }) => error);
  const hasTimes = samples.some(({ durationMs }) => durationMs > 0);
  return [
    "equal",
    ...(hasErrors ? (["errors_at_margin"] as const) : []),
    ...(hasTimes ? (["time_at_margin"] as const) : []),
  ];
}

/** Calls of one session; each call by itself where sessions are not named. */
function blocksOf(samples: readonly CallSample[]): CallSample[][] {
  let unnamed = 0;
  const keyOf = ({ session }: CallSample): string => (session === "" ? `#${(unnamed += 1)}` : ` ${session}`);
  return [...Map.groupBy(samples, keyOf).values()];
}

type Hours = {
  readonly startMs: number;
  readonly endMs: number;
  readonly blocks: readonly CallSample[][];
  /** Share of errors by operation. */
  readonly errorRates: ReadonlyMap<string, number>;
};

function errorRates(samples: readonly CallSample[]): Map<string, number> {
  const byOperation = Map.groupBy(samples, ({ operation }) => operation);
  return new Map([...byOperation].map(([name, own]) => [name, own.filter(({ error }) => error).length / own.length]));
}

function span(samples: readonly CallSample[]): Pick<Hours, "startMs" | "endMs"> {
  let [startMs, endMs] = [Infinity, -Infinity];
  for (const { timestamp } of samples) [startMs, endMs] = [Math.min(startMs, timestamp), Math.max(endMs, timestamp)];
  return samples.length === 0 ? { startMs: 0, endMs: 0 } : { startMs, endMs };
}

function looksOf({ startMs, endMs }: Pick<Hours, "startMs" | "endMs">): number {
  return Math.floor((endMs - startMs) / MINUTE_MS) + 1;
}

type Setup = { readonly world: World; readonly settings: CanarySettings; readonly options: AaOptions };

function judgeWorld(hours: Hours, setup: Setup): AaWorld {
  const { world, options } = setup;
  const said = Array.from({ length: options.repetitions }, (_, index) => {
    const one = judgeOnce(hours, setup);
    options.progress?.(index + 1);
    return one;
  });
  const share = (holds: (one: Said) => boolean): AaShare => shareOf(said.filter(holds).length, said.length);
  const first = said
    .flatMap(({ rollback = Infinity, promote = Infinity }) => Math.min(rollback, promote))
    .sort((a, b) => a - b);
  const median = first[Math.floor(first.length / 2)] ?? Infinity;
  return {
    world,
    rollback: share(({ rollback }) => rollback !== undefined),
    promote: share(({ promote }) => promote !== undefined),
    undecided: share(({ rollback, promote }) => rollback === undefined && promote === undefined),
    medianMinutes: Number.isFinite(median) ? median : null,
  };
}

function judgeOnce(hours: Hours, { world, settings, options }: Setup): Said {
  const calls = drawCalls(hours, { world, settings, options });
  const watch = watchCanary(options.judge);
  const said: Said = {};
  let from = 0;
  for (let minute = 1; minute <= looksOf(hours); minute += 1) {
    const end = hours.startMs + minute * MINUTE_MS;
    const last = calls.findIndex(({ timestamp }, index) => index >= from && timestamp >= end);
    const to = last === -1 ? calls.length : last;
    watch.add(calls.slice(from, to));
    from = to;
    const { verdict } = watch.decide();
    if (verdict !== "continue") said[verdict] ??= minute;
  }
  return said;
}

/** As many sessions as were recorded, drawn with replacement, each routed to an arm. In order of time. */
function drawCalls(hours: Hours, setup: Setup): CallSample[] {
  const { blocks } = hours;
  const { random, judge } = setup.options;
  const calls: CallSample[] = [];
  for (let index = 0; index < blocks.length; index += 1) {
    const block = blocks[randomInteger(random, blocks.length)] ?? [];
    const arm = random.uniform() < judge.weight ? "canary" : "baseline";
    for (const call of block) {
      const session = call.session === "" ? "" : `${index} ${call.session}`;
      const drawn: CallSample = { ...call, arm, session };
      calls.push(arm === "canary" ? worsen(drawn, hours, setup) : drawn);
    }
  }
  return calls.sort((a, b) => a.timestamp - b.timestamp);
}

/** The same call of a canary that is as much worse as must not be promoted. */
function worsen(call: CallSample, { errorRates: rates }: Hours, { world, settings, options }: Setup): CallSample {
  switch (world) {
    case "equal":
      return call;
    case "time_at_margin":
      return { ...call, durationMs: call.durationMs * (1 + settings.slowdown) };
    case "errors_at_margin": {
      const rate = rates.get(call.operation) ?? 0;
      // So many of the calls without an error must fail for m times the errors.
      const more = (rate * (settings.margin - 1)) / (1 - rate);
      return call.error || options.random.uniform() < more ? { ...call, error: true } : call;
    }
  }
}

function shareOf(count: number, of: number): AaShare {
  return { count, rate: count / of, interval: jeffreysInterval({ successes: count, trials: of }, LEVEL) };
}

function promiseOf(promised: number, measured: AaShare): AaReport["falseRollback"] {
  return { promised, measured, isBroken: measured.interval.low > promised };
}
