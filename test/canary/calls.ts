import { addDuration, emptyDurations, type OperationDurations } from "../../src/canary/moments.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";

/** Calls of one arm: `bad` of `count` end in an error, spread evenly; every call has its own session. */
export function callsOf(arm: Arm, count: number, bad: number): CallSample[] {
  return Array.from({ length: count }, (_, i) => ({
    timestamp: 1_000 * i,
    operation: "search",
    // Two values, the same in both arms, so that latency has a spread and no shift.
    durationMs: i % 2 === 0 ? 10 : 12,
    error: Math.floor(((i + 1) * bad) / count) > Math.floor((i * bad) / count),
    arm,
    session: `${arm}-${i}`,
  }));
}

/** Both arms: `[calls, errors]` each. */
export function bothArms(canary: readonly [number, number], baseline: readonly [number, number]): CallSample[] {
  return [...callsOf("canary", ...canary), ...callsOf("baseline", ...baseline)];
}

/** The same calls with the arms exchanged. */
export function swapArms(samples: readonly CallSample[]): CallSample[] {
  return samples.map((sample) => ({ ...sample, arm: sample.arm === "canary" ? "baseline" : "canary" }));
}

/** The durations of calls, by operation. */
export function durationsOf(samples: readonly CallSample[]): OperationDurations[] {
  const found = new Map<string, OperationDurations>();
  for (const sample of samples) {
    const durations = found.get(sample.operation) ?? emptyDurations();
    found.set(sample.operation, durations);
    addDuration(durations, sample);
  }
  return [...found.values()];
}
