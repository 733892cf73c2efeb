import type { CanarySettings } from "../config/schema.ts";
import type { CallSample } from "../model/call.ts";
import { WhetstoneError } from "../model/error.ts";
import type { CanaryVerdict } from "../model/verdict.ts";
import { judgeCanary, judgeCounts } from "./judge.ts";
import { canarySettings, type CanaryOptions } from "./options.ts";
import { startOrderedTally } from "./ordered-tally.ts";
import { slowLimitsOf } from "./slow-limits.ts";
import { limitOptions } from "./window.ts";

/** Some calls that a gate judges, and those that it must not; a gate's calls come as pages of them, in order of time. */
export type GateCalls = {
  /** Calls from before the gate, for the limits. */
  readonly before: readonly CallSample[];
  readonly calls: readonly CallSample[];
  /** Calls of the canary's arm that name another commit as their version: another canary's. They are left out. */
  readonly foreign: number;
  /** Calls of the baseline's arm that name the canary's commit: the arms are exchanged, so nothing can be told. */
  readonly exchanged: number;
};

/** What a gate saw at a look. */
export type GateSeen = Pick<GateCalls, "foreign" | "exchanged"> & {
  /** What the judge says of the calls; of exchanged arms it decides nothing. */
  readonly verdict: CanaryVerdict;
};

/** By what the calls of a gate are judged. Plain data. */
export type GateRules = {
  readonly settings: CanarySettings;
  readonly look: Pick<CanaryOptions, "weight" | "minimumCalls" | "startedMs">;
};

/** A gate's calls as sums. */
export type GateCount = {
  /** Adds a page; what came before the gate stands in the first ones. @throws WhetstoneError `defect` out of order */
  readonly add: (page: GateCalls) => void;
  /** The same sums, to which others may be added; good until a further page is added to these. */
  readonly fork: () => GateCount;
  /** The verdict on all calls so far. `nowMs`: since the Unix epoch. @throws WhetstoneError `usage` */
  readonly look: (nowMs: number) => GateSeen;
};

/** Calls in order of time, and what the judge says of them. */
type JudgedCalls = {
  readonly add: (calls: readonly CallSample[]) => void;
  readonly fork: () => JudgedCalls;
  readonly judge: (nowMs: number) => CanaryVerdict;
};

type State = {
  readonly rules: GateRules;
  /** Durations of the baseline before the gate, ms, by operation. */
  readonly before: Map<string, number[]>;
  /** Undefined until the first call of the gate: by then what came before it is complete. */
  judged: JudgedCalls | undefined;
  foreign: number;
  exchanged: number;
};

/**
 * Starts to count the calls of a gate. Where each call counts, nothing is kept of a call but what it adds; where sessions
 * count once, the calls are kept, for a session may go on for as long as the gate.
 */
export function startGateCount(rules: GateRules): GateCount {
  return countFrom({ rules, before: new Map(), judged: undefined, foreign: 0, exchanged: 0 });
}

function countFrom(state: State): GateCount {
  return {
    add: (page) => addPage(state, page),
    fork: () =>
      countFrom({
        ...state,
        before: state.judged === undefined ? copied(state.before) : state.before,
        judged: state.judged?.fork(),
      }),
    look: (nowMs) => {
      const { foreign, exchanged } = state;
      const verdict = (state.judged ?? startJudged(state)).judge(nowMs);
      return { verdict: exchanged === 0 ? verdict : undecided(verdict), foreign, exchanged };
    },
  };
}

/** Exchanged arms show nothing, in neither direction. */
function undecided(verdict: CanaryVerdict): CanaryVerdict {
  return { ...verdict, verdict: "continue", reasons: ["invalid_data", ...verdict.reasons] };
}

function copied(durations: ReadonlyMap<string, number[]>): Map<string, number[]> {
  return new Map([...durations].map(([operation, own]) => [operation, [...own]]));
}

function addPage(state: State, { before, calls, foreign, exchanged }: GateCalls): void {
  if (before.length > 0 && state.judged !== undefined) {
    throw new WhetstoneError("defect", "A call from before the gate was counted after one of the gate.");
  }
  noteBefore(state, before);
  state.foreign += foreign;
  state.exchanged += exchanged;
  if (calls.length === 0) return;
  state.judged ??= startJudged(state);
  state.judged.add(calls);
}

function noteBefore({ before }: State, calls: readonly CallSample[]): void {
  for (const { arm, operation, durationMs } of calls) {
    if (arm !== "baseline") continue;
    const known = before.get(operation);
    if (known === undefined) before.set(operation, [durationMs]);
    else known.push(durationMs);
  }
}

function startJudged({ rules: { settings, look }, before }: State): JudgedCalls {
  const limits = before.size === 0 ? undefined : slowLimitsOf(before, settings.slowMs);
  const options = { ...limitOptions(settings, limits), ...look };
  return options.unit === "session"
    ? keptCalls([], options)
    : summedCalls(startOrderedTally(canarySettings(options)), options);
}

function summedCalls(tally: ReturnType<typeof startOrderedTally>, options: CanaryOptions): JudgedCalls {
  return {
    add: tally.add,
    fork: () => summedCalls(tally.fork(), options),
    judge: (nowMs) => judgeCounts(tally.evidence, canarySettings({ ...options, nowMs })),
  };
}

function keptCalls(kept: CallSample[], options: CanaryOptions): JudgedCalls {
  return {
    add: (calls) => {
      for (const call of calls) kept.push(call);
    },
    fork: () => keptCalls([...kept], options),
    judge: (nowMs) => judgeCanary(kept, { ...options, nowMs }),
  };
}
