/** What is counted of calls whatever their order is known to be, apart from sessions and drift. */
import type { Arm, CallSample } from "../model/call.ts";
import type { EventName } from "./arm-count.ts";
import { intervalChain, type IntervalChain } from "./intervals.ts";
import { addDuration, copyDurations, emptyDurations, type OperationDurations } from "./moments.ts";
import type { CanarySettings } from "./options.ts";

/** Time of the first and of the last call of an arm, ms since the Unix epoch. */
export type CallRange = { firstMs: number; lastMs: number };

/** Sums over calls. Chains of intervals stand beside it, since they need the order of time. */
export type TallyCore = {
  readonly settings: CanarySettings;
  readonly durations: Map<string, OperationDurations>;
  readonly calls: Record<Arm, number>;
  readonly ranges: Map<Arm, CallRange>;
};

/** Sums over no call. */
export function emptyCore(settings: CanarySettings): TallyCore {
  return { settings, durations: new Map(), calls: { baseline: 0, canary: 0 }, ranges: new Map() };
}

/** The same sums, which grow apart from the first. */
export function copyCore({ settings, durations, calls, ranges }: TallyCore): TallyCore {
  return {
    settings,
    durations: new Map([...durations].map(([key, own]) => [key, copyDurations(own)])),
    calls: { ...calls },
    ranges: new Map([...ranges].map(([arm, range]) => [arm, { ...range }])),
  };
}

/** Adds one call. */
export function countInCore({ settings, durations, calls, ranges }: TallyCore, sample: CallSample): void {
  calls[sample.arm] += 1;
  noteTime(ranges, sample);
  const stratum = `${stageOf(sample, settings)} ${sample.operation}`;
  const own = durations.get(stratum) ?? emptyDurations();
  durations.set(stratum, own);
  addDuration(own, sample);
}

/** How often the split had been changed: arms that had other shares at other times differ by the times. */
function stageOf({ timestamp }: CallSample, { changesMs = [] }: CanarySettings): number {
  let stage = 0;
  for (const at of changesMs) if (at <= timestamp) stage += 1;
  return stage;
}

function noteTime(ranges: Map<Arm, CallRange>, { arm, timestamp }: CallSample): void {
  const range = ranges.get(arm);
  if (range === undefined) {
    ranges.set(arm, { firstMs: timestamp, lastMs: timestamp });
    return;
  }
  if (timestamp < range.firstMs) range.firstMs = timestamp;
  if (timestamp > range.lastMs) range.lastMs = timestamp;
}

/** Whether a record can be used: its time and duration are finite, its duration is not negative. */
export function isUsable({ timestamp, durationMs }: CallSample): boolean {
  return Number.isFinite(timestamp) && Number.isFinite(durationMs) && durationMs >= 0;
}

/** Whether a call is slower than its operation's limit; undefined without a limit. */
export function isSlow(
  { operation, durationMs }: CallSample,
  { latencyLimitsMs }: CanarySettings,
): boolean | undefined {
  const limit = limitOf(operation, latencyLimitsMs);
  return limit === undefined ? undefined : durationMs > limit;
}

function limitOf(operation: string, limits: CanarySettings["latencyLimitsMs"]): number | undefined {
  return limits !== undefined && Object.hasOwn(limits, operation) ? limits[operation] : undefined;
}

/** Adds a call to the chain of its operation; false, and nothing is added, when it is earlier than the chain's last one. */
export function addToChain(chains: Map<string, IntervalChain>, sample: CallSample, settings: CanarySettings): boolean {
  const { operation, timestamp } = sample;
  const chain = chains.get(operation) ?? intervalChain(settings);
  chains.set(operation, chain);
  if (timestamp < chain.lastMs()) return false;
  chain.add(sample, isSlow(sample, settings) === true);
  return true;
}

/** The chains of the operations that a metric counts: slow calls are those of operations with a limit. */
export function chainsOf(
  chains: ReadonlyMap<string, IntervalChain>,
  name: EventName,
  { latencyLimitsMs }: CanarySettings,
): ReadonlyMap<string, IntervalChain> {
  if (name === "errors") return chains;
  return new Map([...chains].filter(([operation]) => limitOf(operation, latencyLimitsMs) !== undefined));
}

/** How often each operation was called in both arms. */
export function operationCalls(
  chains: ReadonlyMap<string, IntervalChain>,
): ReadonlyMap<string, Readonly<Record<Arm, number>>> {
  return new Map([...chains].map(([name, chain]) => [name, callsOf(chain)]));
}

function callsOf(chain: IntervalChain): Record<Arm, number> {
  const { baseline, canary } = chain.total();
  return { baseline: baseline.calls, canary: canary.calls };
}
