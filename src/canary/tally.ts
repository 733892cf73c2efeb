/**
 * The calls of a canary as counts, so that a look costs the same after an hour as after a minute. What the judge says of
 * the counts is what it says of the calls, in whatever order they came: a call that comes late makes the intervals be
 * counted again.
 */
import type { Arm, CallSample } from "../model/call.ts";
import type { EventName } from "./arm-count.ts";
import { intervalChain, type IntervalChain } from "./intervals.ts";
import { addDuration, emptyDurations, type OperationDurations } from "./moments.ts";
import type { CanarySettings } from "./options.ts";
import { sessionBook, type SessionBook } from "./session-book.ts";
import type { CountedCalls } from "./shares.ts";

/** What has been counted so far. */
export type Counts = {
  /** Calls of an arm that can be used. */
  readonly calls: Readonly<Record<Arm, number>>;
  /** Records that cannot be used: durations or times that are missing, negative or not finite. */
  readonly unusable: () => number;
  /** Calls that had been counted before, and were not counted again. */
  readonly duplicates: () => number;
  /** Time of the first and of the last call of an arm, ms since the Unix epoch; undefined without a call. */
  readonly range: (arm: Arm) => { readonly firstMs: number; readonly lastMs: number } | undefined;
  /** The calls, or sessions, of a metric. */
  readonly counted: (name: EventName) => CountedCalls;
  /** By operation and by stage between two changes of the split. */
  readonly durations: () => Iterable<OperationDurations>;
  /** The calls themselves, in the order in which they came. */
  readonly samples: () => readonly CallSample[];
  /** How often each operation was called in both arms. */
  readonly operations: () => ReadonlyMap<string, Readonly<Record<Arm, number>>>;
};

/** A growing {@link Counts}. */
export type Tally = { readonly counts: Counts; readonly add: (samples: Iterable<CallSample>) => void };

type State = {
  readonly settings: CanarySettings;
  readonly samples: CallSample[];
  readonly sessions: SessionBook;
  readonly durations: Map<string, OperationDurations>;
  readonly calls: Record<Arm, number>;
  readonly ranges: Map<Arm, { firstMs: number; lastMs: number }>;
  chains: Map<string, IntervalChain>;
  isLate: boolean;
  unusable: number;
  duplicates: number;
};

/** Starts counting. */
export function startTally(settings: CanarySettings): Tally {
  const state: State = {
    settings,
    samples: [],
    sessions: sessionBook(),
    durations: new Map(),
    calls: { baseline: 0, canary: 0 },
    ranges: new Map(),
    chains: new Map(),
    isLate: false,
    unusable: 0,
    duplicates: 0,
  };
  return {
    add: (samples) => {
      for (const sample of samples) addSample(state, sample);
    },
    counts: {
      calls: state.calls,
      unusable: () => state.unusable,
      duplicates: () => state.duplicates,
      range: (arm) => state.ranges.get(arm),
      counted: (name) => countedOf(state, name),
      durations: () => state.durations.values(),
      samples: () => state.samples,
      operations: () => new Map([...currentChains(state)].map(([name, chain]) => [name, callsOf(chain)])),
    },
  };
}

function addSample(state: State, sample: CallSample): void {
  if (!isUsable(sample)) {
    state.unusable += 1;
    return;
  }
  if (!state.sessions.note(sample)) {
    state.duplicates += 1;
    return;
  }
  state.samples.push(sample);
  state.calls[sample.arm] += 1;
  noteTime(state, sample);
  const stratum = `${stageOf(sample, state.settings)} ${sample.operation}`;
  const durations = state.durations.get(stratum) ?? emptyDurations();
  state.durations.set(stratum, durations);
  addDuration(durations, sample);
  if (!state.isLate) addToChain(state, sample);
}

/** How often the split had been changed: arms that had other shares at other times differ by the times. */
function stageOf({ timestamp }: CallSample, { changesMs = [] }: CanarySettings): number {
  let stage = 0;
  for (const at of changesMs) if (at <= timestamp) stage += 1;
  return stage;
}

function isUsable({ timestamp, durationMs }: CallSample): boolean {
  return Number.isFinite(timestamp) && Number.isFinite(durationMs) && durationMs >= 0;
}

function noteTime({ ranges }: State, { arm, timestamp }: CallSample): void {
  const range = ranges.get(arm);
  if (range === undefined) {
    ranges.set(arm, { firstMs: timestamp, lastMs: timestamp });
    return;
  }
  if (timestamp < range.firstMs) range.firstMs = timestamp;
  if (timestamp > range.lastMs) range.lastMs = timestamp;
}

function addToChain(state: State, sample: CallSample): void {
  const { operation, timestamp } = sample;
  const chain = state.chains.get(operation) ?? intervalChain(state.settings);
  state.chains.set(operation, chain);
  state.isLate = timestamp < chain.lastMs();
  if (!state.isLate) chain.add(sample, isSlow(sample, state.settings) === true);
}

/** The chains, counted anew from the calls in order of time if one of them came late. */
function currentChains(state: State): Map<string, IntervalChain> {
  if (!state.isLate) return state.chains;
  state.chains = new Map();
  state.isLate = false;
  for (const sample of state.samples.toSorted((a, b) => a.timestamp - b.timestamp)) addToChain(state, sample);
  return state.chains;
}

/** Whether a call is slower than its operation's limit; undefined without a limit. */
function isSlow({ operation, durationMs }: CallSample, { latencyLimitsMs }: CanarySettings): boolean | undefined {
  const limit = limitOf(operation, latencyLimitsMs);
  return limit === undefined ? undefined : durationMs > limit;
}

function limitOf(operation: string, limits: CanarySettings["latencyLimitsMs"]): number | undefined {
  return limits !== undefined && Object.hasOwn(limits, operation) ? limits[operation] : undefined;
}

function countedOf(state: State, name: EventName): CountedCalls {
  if (state.settings.unit === "session") return countedSessions(state, name);
  const chains = currentChains(state);
  const { latencyLimitsMs } = state.settings;
  const operations =
    name === "errors"
      ? chains
      : new Map([...chains].filter(([operation]) => limitOf(operation, latencyLimitsMs) !== undefined));
  return { operations, isSticky: state.sessions.isSticky() };
}

/** One trial per session and arm, at its first call: bad if any of its calls was. Operations are not told apart. */
function countedSessions({ samples, settings }: State, name: EventName): CountedCalls {
  const trials = new Map<string, CallSample>();
  for (const sample of samples) {
    const bad = name === "errors" ? sample.error : isSlow(sample, settings);
    if (bad === undefined) continue;
    const key = `${sample.arm} ${sample.session}`;
    const known = trials.get(key);
    const first = known === undefined || sample.timestamp < known.timestamp ? sample : known;
    trials.set(key, { ...first, error: bad || known?.error === true });
  }
  const chain = intervalChain(settings);
  const sorted = [...trials.values()].sort((a, b) => a.timestamp - b.timestamp);
  for (const trial of sorted) chain.add(trial, trial.error);
  return { operations: new Map(sorted.length === 0 ? [] : [["", chain]]), isSticky: true };
}

function callsOf(chain: IntervalChain): Record<Arm, number> {
  const { baseline, canary } = chain.total();
  return { baseline: baseline.calls, canary: canary.calls };
}
