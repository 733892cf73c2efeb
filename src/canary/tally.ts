/**
 * The calls of a canary as counts, so that a look costs the same after an hour as after a minute. What the judge says of
 * the counts is what it says of the calls, in whatever order they came: a call that comes late makes the intervals be
 * counted again.
 */
import type { Arm, CallSample } from "../model/call.ts";
import type { EventName } from "./arm-count.ts";
import { intervalChain, type IntervalChain } from "./intervals.ts";
import type { OperationDurations } from "./moments.ts";
import type { CanarySettings } from "./options.ts";
import { sessionBook, type SessionBook } from "./session-book.ts";
import type { CountedCalls } from "./shares.ts";
import { addToChain, chainsOf, countInCore, emptyCore, isSlow, isUsable, operationCalls } from "./tally-core.ts";
import type { CallRange, TallyCore } from "./tally-core.ts";

/** What has been counted so far. */
export type Counts = {
  /** Calls of an arm that can be used. */
  readonly calls: Readonly<Record<Arm, number>>;
  /** Records that cannot be used: durations or times that are missing, negative or not finite. */
  readonly unusable: () => number;
  /** Calls that had been counted before, and were not counted again. */
  readonly duplicates: () => number;
  /** Time of the first and of the last call of an arm, ms since the Unix epoch; undefined without a call. */
  readonly range: (arm: Arm) => Readonly<CallRange> | undefined;
  /** The calls, or sessions, of a metric. */
  readonly counted: (name: EventName) => CountedCalls;
  /** By operation and by stage between two changes of the split. */
  readonly durations: () => Iterable<OperationDurations>;
  /** How often each operation was called in both arms. */
  readonly operations: () => ReadonlyMap<string, Readonly<Record<Arm, number>>>;
};

/** A growing {@link Counts}. */
export type Tally = {
  readonly counts: Counts;
  readonly add: (samples: Iterable<CallSample>) => void;
  /** The calls themselves, in the order in which they came. */
  readonly samples: () => readonly CallSample[];
};

type State = TallyCore & {
  readonly samples: CallSample[];
  readonly sessions: SessionBook;
  chains: Map<string, IntervalChain>;
  isLate: boolean;
  unusable: number;
  duplicates: number;
};

/** Starts counting. */
export function startTally(settings: CanarySettings): Tally {
  const state: State = {
    ...emptyCore(settings),
    samples: [],
    sessions: sessionBook(),
    chains: new Map(),
    isLate: false,
    unusable: 0,
    duplicates: 0,
  };
  return {
    add: (samples) => {
      for (const sample of samples) addSample(state, sample);
    },
    samples: () => state.samples,
    counts: {
      calls: state.calls,
      unusable: () => state.unusable,
      duplicates: () => state.duplicates,
      range: (arm) => state.ranges.get(arm),
      counted: (name) => countedOf(state, name),
      durations: () => state.durations.values(),
      operations: () => operationCalls(currentChains(state)),
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
  countInCore(state, sample);
  if (!state.isLate) state.isLate = !addToChain(state.chains, sample, state.settings);
}

/** The chains, counted anew from the calls in order of time if one of them came late. */
function currentChains(state: State): Map<string, IntervalChain> {
  if (!state.isLate) return state.chains;
  state.chains = new Map();
  state.isLate = false;
  const sorted = state.samples.toSorted((a, b) => a.timestamp - b.timestamp);
  for (const sample of sorted) addToChain(state.chains, sample, state.settings);
  return state.chains;
}

function countedOf(state: State, name: EventName): CountedCalls {
  if (state.settings.unit === "session") return countedSessions(state, name);
  const operations = chainsOf(currentChains(state), name, state.settings);
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
