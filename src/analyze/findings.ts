import type { Finding, Severity } from "../model/finding.ts";
import { totalWeight } from "../stats/weighted.ts";
import { callsByOperation, operationKey } from "./calls.ts";
import { detectRetryAmplification, type AmplificationOptions } from "./detect/amplification.ts";
import { detectChattyCalls, type ChattyOptions } from "./detect/chatty.ts";
import { detectColdStarts, type ColdStartOptions } from "./detect/cold-start.ts";
import { detectErrors, type ErrorOptions } from "./detect/errors.ts";
import { detectFanOut, type FanOutOptions } from "./detect/fan-out.ts";
import { detectLockStep, type LockStepOptions } from "./detect/lock-step.ts";
import { detectNPlusOne } from "./detect/n-plus-one.ts";
import { detectPayloadGrowth, type GrowthOptions } from "./detect/payload-growth.ts";
import { detectRetryStorms, type RetryOptions } from "./detect/retry.ts";
import { detectSequentialCalls, type SequentialOptions } from "./detect/sequential.ts";
import { detectSlowOperations, type SlowOptions } from "./detect/slow.ts";
import { compareText } from "./parents.ts";
import type { TraceTree } from "./tree.ts";

/** Thresholds of the detectors; every one has a default, written at the detector. */
export type DetectorOptions = {
  /** Shared by `n_plus_one` and `sequential_calls`, which leaves to the former what it explains. */
  readonly structure?: SequentialOptions;
  readonly errors?: ErrorOptions;
  readonly slow?: SlowOptions;
  readonly retry?: RetryOptions;
  readonly amplification?: AmplificationOptions;
  readonly chatty?: ChattyOptions;
  readonly fanOut?: FanOutOptions;
  readonly lockStep?: LockStepOptions;
  readonly coldStart?: ColdStartOptions;
  readonly growth?: GrowthOptions;
};

const SEVERITY_RANK: Readonly<Record<Severity, number>> = { critical: 0, major: 1, minor: 2, info: 3 };

/** Share of the excess time that another finding has to explain for `slow_operation` to add nothing. */
const EXPLAINED = 0.5;

/**
 * Everything that the detectors find in a population of traces: one finding per kind, service and operation, the one
 * with the greatest impact first (severity, then milliseconds saved over all its calls, then id).
 * The answer does not depend on the order of the traces.
 */
export function findProblems(traces: readonly TraceTree[], options: DetectorOptions = {}): Finding[] {
  const structural = [
    ...detectNPlusOne(traces, options.structure),
    ...detectSequentialCalls(traces, options.structure),
    ...detectRetryStorms(traces, options.retry),
    ...detectRetryAmplification(traces, options.amplification),
    ...detectChattyCalls(traces, options.chatty),
    ...detectFanOut(traces, options.fanOut),
    ...detectLockStep(traces, options.lockStep),
    ...detectColdStarts(traces, options.coldStart),
    ...detectPayloadGrowth(traces, options.growth),
  ];
  const slow = detectSlowOperations(traces, options.slow).filter((finding) => !isExplained(finding, structural));
  return [...structural, ...detectErrors(traces, options.errors), ...slow].sort(byImpact(traces));
}

function isExplained(slow: Finding, structural: readonly Finding[]): boolean {
  const saved = structural
    .filter(({ service, operation }) => service === slow.service && operation === slow.operation)
    .reduce((total, { gainMs }) => total + gainMs, 0);
  return saved > 0 && saved >= EXPLAINED * slow.gainMs;
}

function byImpact(traces: readonly TraceTree[]): (a: Finding, b: Finding) => number {
  const operations = callsByOperation(traces);
  /** Milliseconds saved over all calls, those that were not kept included. */
  const impact = ({ service, operation, gainMs, samples }: Finding): number => {
    const calls = operations.get(operationKey(service, operation)) ?? [];
    return calls.length === 0 ? 0 : gainMs * samples * (totalWeight(calls) / calls.length);
  };
  return (a, b) =>
    SEVERITY_RANK[a.severity] - SEVERITY_RANK[b.severity] || impact(b) - impact(a) || compareText(a.id, b.id);
}
