/** Two numbers are equal when |a − b| ≤ absolute + relative · max(|a|, |b|). */
export type Tolerance = { readonly relative: number; readonly absolute: number };

/** Tolerances by what they are for. Latencies in ms, error rates and shares as shares, calls as calls. */
export type Tolerances = {
  readonly latency: Tolerance;
  readonly errorRate: Tolerance;
  readonly calls: Tolerance;
};

export type RegressionOptions = {
  /** Greatest probability of one or more false failures; intervals have the level 1 − alpha. */
  readonly alpha: number;
  /** Traces with an operation that both sets must have before it is judged. */
  readonly minTraces: number;
  /** An operation in a smaller share of the traces of both sets is rare: it may fail, but not keep the whole from passing. */
  readonly rareShare: number;
  /** A change within is no regression, however sure it is. */
  readonly tolerance: Tolerances;
  /** What a pass rules out at the level of the intervals: a worsening beyond this. */
  readonly ruledOut: Tolerances;
  /** Change of the share of calls in which a relation holds that is no structural change. */
  readonly shareTolerance: number;
  /** Whether structural changes fail the comparison or are reported only. */
  readonly structure: "judge" | "report";
};

/** Durations as in Tempo's trace diff (20 % and 1 ms); the rest is chosen to match. */
export const REGRESSION_DEFAULTS: RegressionOptions = {
  alpha: 0.05,
  minTraces: 10,
  rareShare: 0.05,
  tolerance: {
    latency: { relative: 0.2, absolute: 1 },
    errorRate: { relative: 0, absolute: 0.01 },
    calls: { relative: 0.2, absolute: 0.1 },
  },
  ruledOut: {
    latency: { relative: 0.5, absolute: 1 },
    errorRate: { relative: 0, absolute: 0.1 },
    calls: { relative: 0.5, absolute: 0.5 },
  },
  shareTolerance: 0.1,
  structure: "judge",
};

/** Whether two numbers are equal within a tolerance. */
export function isWithin(before: number, after: number, { relative, absolute }: Tolerance): boolean {
  return Math.abs(after - before) <= absolute + relative * Math.max(Math.abs(before), Math.abs(after));
}
