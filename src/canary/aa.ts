/**
 * A/A: the judge on a baseline against itself. Recorded calls are drawn anew by whole sessions, with their times, so that
 * bursts and shared incidents stay what they are; each session goes to an arm at random. What the judge rolls back is
 * false. For false promotions the arm that plays the canary is made as much worse as must not be promoted, no more.
 */
import type { CallSample } from "../model/call.ts";
import { randomInteger, type Random } from "../stats/random.ts";
import type { AaReport, AaShare, AaWorld } from "./aa-report.ts";
import {
  aaShare,
  errorRates,
  looksOf,
  promiseOf,
  saidOf,
  worldsOf,
  worsen,
  type Said,
  type World,
} from "./aa-worlds.ts";
import { canarySettings, type CanaryOptions, type CanarySettings } from "./options.ts";

/** What an A/A needs. `judge`: the options that a real canary has, `weight` included. */
export type AaOptions = {
  readonly judge: CanaryOptions & { readonly weight: number };
  readonly repetitions: number;
  readonly random: Random;
  /** Told after each repetition. */
  readonly progress?: ((done: number) => void) | undefined;
};

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

function span(samples: readonly CallSample[]): Pick<Hours, "startMs" | "endMs"> {
  let [startMs, endMs] = [Infinity, -Infinity];
  for (const { timestamp } of samples) [startMs, endMs] = [Math.min(startMs, timestamp), Math.max(endMs, timestamp)];
  return samples.length === 0 ? { startMs: 0, endMs: 0 } : { startMs, endMs };
}

type Setup = { readonly world: World; readonly settings: CanarySettings; readonly options: AaOptions };

function judgeWorld(hours: Hours, setup: Setup): AaWorld {
  const { world, options } = setup;
  const said = Array.from({ length: options.repetitions }, (_, index) => {
    const one = saidOf(drawCalls(hours, setup), hours, options.judge);
    options.progress?.(index + 1);
    return one;
  });
  const share = (holds: (one: Said) => boolean): AaShare => aaShare(said.filter(holds).length, said.length);
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

/** As many sessions as were recorded, drawn with replacement, each routed to an arm. In order of time. */
function drawCalls(hours: Hours, setup: Setup): CallSample[] {
  const { blocks } = hours;
  const { random, judge } = setup.options;
  const worsening = { ...setup, rates: hours.errorRates, random };
  const calls: CallSample[] = [];
  for (let index = 0; index < blocks.length; index += 1) {
    const block = blocks[randomInteger(random, blocks.length)] ?? [];
    const arm = random.uniform() < judge.weight ? "canary" : "baseline";
    for (const call of block) {
      const session = call.session === "" ? "" : `${index} ${call.session}`;
      const drawn: CallSample = { ...call, arm, session };
      calls.push(arm === "canary" ? worsen(drawn, worsening) : drawn);
    }
  }
  return calls.sort((a, b) => a.timestamp - b.timestamp);
}
