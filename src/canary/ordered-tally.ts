/**
 * The calls of a canary as sums, for calls that come in order of time: nothing is kept of a call but what it adds, and the
 * calls of the last block of minutes, whose drift is not known before it is over. What the judge says of the sums is to
 * the last digit what it says of the calls.
 */
import type { CallSample } from "../model/call.ts";
import { WhetstoneError } from "../model/error.ts";
import { type Drift, driftBlock, driftOfMetric } from "./drift.ts";
import { eventMetrics } from "./events.ts";
import type { IntervalChain } from "./intervals.ts";
import type { CanaryEvidence } from "./judge.ts";
import type { JudgedMetric } from "./metric.ts";
import type { CanarySettings } from "./options.ts";
import { orderedSessions, type OrderedSessions } from "./ordered-sessions.ts";
import { addToChain, chainsOf, copyCore, countInCore, emptyCore, isUsable, operationCalls } from "./tally-core.ts";
import type { TallyCore } from "./tally-core.ts";

/** Growing evidence about calls in order of time. */
export type OrderedTally = {
  readonly evidence: CanaryEvidence;
  /** @throws WhetstoneError `defect` for a call that is earlier than one before it */
  readonly add: (samples: Iterable<CallSample>) => void;
  /** Evidence about the same calls, to which others may be added; good until a further call is added to this one. */
  readonly fork: () => OrderedTally;
};

type MetricName = JudgedMetric["name"];

type State = {
  readonly core: TallyCore;
  readonly sessions: OrderedSessions;
  readonly chains: Map<string, IntervalChain>;
  /** Drift over the blocks that are over. */
  readonly drifts: Map<MetricName, Drift>;
  /** Calls of the block that is not. */
  block: CallSample[];
  lastMs: number;
  unusable: number;
  duplicates: number;
};

/** Starts counting; `settings.unit` is `call`. */
export function startOrderedTally(settings: CanarySettings): OrderedTally {
  return tallyOf({
    core: emptyCore(settings),
    sessions: orderedSessions(settings.weight !== null),
    chains: new Map(),
    drifts: new Map(metricNames(settings).map((name) => [name, { logBetter: 0, logWorse: 0 }])),
    block: [],
    lastMs: -Infinity,
    unusable: 0,
    duplicates: 0,
  });
}

function metricNames(settings: CanarySettings): MetricName[] {
  return [...eventMetrics(settings).map(({ name }) => name), "latency"];
}

function tallyOf(state: State): OrderedTally {
  return {
    evidence: evidenceOf(state),
    add: (samples) => {
      for (const sample of samples) addSample(state, sample);
    },
    fork: () =>
      tallyOf({
        ...state,
        core: copyCore(state.core),
        sessions: state.sessions.fork(),
        chains: new Map([...state.chains].map(([operation, chain]) => [operation, chain.fork()])),
        drifts: new Map(state.drifts),
        block: [...state.block],
      }),
  };
}

function evidenceOf(state: State): CanaryEvidence {
  const { core, sessions, chains } = state;
  return {
    counts: {
      calls: core.calls,
      unusable: () => state.unusable,
      duplicates: () => state.duplicates,
      range: (arm) => core.ranges.get(arm),
      counted: (name) => ({ operations: chainsOf(chains, name, core.settings), isSticky: sessions.isSticky() }),
      durations: () => core.durations.values(),
      operations: () => operationCalls(chains),
    },
    drift: (name) => driftSoFar(state, name),
  };
}

function addSample(state: State, sample: CallSample): void {
  const { core, sessions, chains } = state;
  if (!isUsable(sample)) {
    state.unusable += 1;
    return;
  }
  const { timestamp } = sample;
  if (timestamp < state.lastMs) {
    throw new WhetstoneError("defect", `A call of ${timestamp} ms was counted after one of ${state.lastMs} ms.`);
  }
  if (!sessions.note(sample)) {
    state.duplicates += 1;
    return;
  }
  if (driftBlock(timestamp, core.settings) !== driftBlock(state.lastMs, core.settings)) endBlock(state);
  state.lastMs = timestamp;
  state.block.push(sample);
  countInCore(core, sample);
  addToChain(chains, sample, core.settings);
}

function endBlock(state: State): void {
  for (const name of state.drifts.keys()) state.drifts.set(name, driftSoFar(state, name));
  state.block = [];
}

function driftSoFar({ drifts, block, core }: State, name: MetricName): Drift {
  const { logBetter, logWorse } = drifts.get(name) ?? { logBetter: 0, logWorse: 0 };
  if (block.length === 0) return { logBetter, logWorse };
  const own = driftOfMetric(block, name, core.settings);
  return { logBetter: logBetter + own.logBetter, logWorse: logWorse + own.logWorse };
}
