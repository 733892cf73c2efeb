import { minimise } from "../../stats/minimise.ts";
import { median } from "../rating.ts";

/** Smoothing parameters of additive exponential smoothing with damped trend, ETS(A,Ad,A) of Hyndman et al. (2008). */
export type Smoothing = {
  readonly alpha: number;
  readonly beta: number;
  readonly gamma: number;
  /** Damping of the trend per step. */
  readonly phi: number;
};

/** What the method knows after the last value. */
export type State = { readonly level: number; readonly trend: number; readonly season: readonly number[] };

/** A run over a series: the last state, and the variance of the errors one step ahead. */
export type Run = { readonly state: State; readonly variance: number };

/** Equally spaced values; null where one is missing. */
export type Values = readonly (number | null)[];

/** Damping as Hyndman & Athanasopoulos (2021, section 8.2) bound it. */
const PHI = { least: 0.8, most: 0.98 };

/**
 * Additive Holt–Winters smoothing in the form of error correction, with period `m` (1: no season):
 * e = y − (ℓ + φb + s); ℓ ← ℓ + φb + αe; b ← φb + βe; s ← s + γe. A missing value is no error.
 */
export function smooth(values: Values, { alpha, beta, gamma, phi }: Smoothing, m: number): Run {
  const start = initialState(values, m);
  const season = [...start.season];
  let { level, trend } = start;
  let [squares, count] = [0, 0];
  for (const [i, value] of values.entries()) {
    const phase = i % m;
    const seasonal = season[phase] ?? 0;
    const error = value === null ? 0 : value - (level + phi * trend + seasonal);
    level += phi * trend + alpha * error;
    trend = phi * trend + beta * error;
    if (m > 1) season[phase] = seasonal + gamma * error;
    if (value === null) continue;
    squares += error ** 2;
    count += 1;
  }
  const parameters = m > 1 ? 4 : 3;
  return { state: { level, trend, season }, variance: squares / Math.max(1, count - parameters) };
}

/** Level and season from medians of the first periods, so that an outlier there does not stay. */
function initialState(values: Values, m: number): State {
  const known = values.flatMap((value) => (value === null ? [] : [value]));
  if (m === 1) {
    const first = known.slice(0, 5);
    const rises = first.slice(1).map((value, i) => value - (first[i] ?? value));
    const trend = rises.length === 0 ? 0 : median(rises);
    return { level: (known[0] ?? 0) - trend, trend, season: [0] };
  }
  const early = values.slice(0, 3 * m);
  const level = median(
    values
      .slice(0, m)
      .flatMap((value) => (value === null ? [] : [value]))
      .concat(known.slice(0, 1)),
  );
  const season = Array.from({ length: m }, (_, phase) => {
    const own = early.filter((value, i) => value !== null && i % m === phase) as number[];
    return own.length === 0 ? 0 : median(own) - level;
  });
  return { level, trend: 0, season };
}

/** Parameters with the least squared errors one step ahead, from three starts. */
export function fit(values: Values, m: number): Smoothing {
  const cost = (at: readonly number[]): number => smooth(values, parametersOf(at, m), m).variance;
  const starts = [
    [-1, -3, -2, 1],
    [0, -2, -3, 0],
    [-3, -1, -1, 2],
  ].map((start) =>
    minimise(cost, { start: m > 1 ? start : [start[0] ?? 0, start[1] ?? 0, start[3] ?? 0], step: 1, evaluations: 150 }),
  );
  const best = starts.reduce((least, one) => (one.value < least.value ? one : least));
  return parametersOf(best.at, m);
}

/** Free numbers as parameters within their bounds: 0 < β < α < 1, 0 < γ < 1 − α. */
function parametersOf(at: readonly number[], m: number): Smoothing {
  const [a = 0, b = 0, c = 0, d = 0] = m > 1 ? at : [at[0] ?? 0, at[1] ?? 0, 0, at[2] ?? 0];
  const alpha = logistic(a);
  return {
    alpha,
    beta: alpha * logistic(b),
    gamma: m > 1 ? (1 - alpha) * logistic(c) : 0,
    phi: PHI.least + (PHI.most - PHI.least) * logistic(d),
  };
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** A forecast of one step, `spread` its standard deviation. */
export type Ahead = { readonly value: number; readonly spread: number };

/**
 * Forecasts of the next `steps` steps after `length` values. Variance h steps ahead: σ²(1 + Σ c_j²), j = 1 … h − 1, with
 * c_j = α + β(φ + … + φ^j) + γ where j is a multiple of the period (Hyndman et al. 2008, table 6.2).
 */
export function ahead(
  { state, variance }: Run,
  how: Smoothing,
  place: { length: number; steps: number; m: number },
): Ahead[] {
  const { length, steps, m } = place;
  const found: Ahead[] = [];
  let [damping, damped, growth] = [1, 0, 1];
  for (let h = 1; h <= steps; h += 1) {
    damping *= how.phi;
    damped += damping;
    const seasonal = state.season[(length + h - 1) % m] ?? 0;
    found.push({ value: state.level + damped * state.trend + seasonal, spread: Math.sqrt(variance * growth) });
    growth += (how.alpha + how.beta * damped + (m > 1 && h % m === 0 ? how.gamma : 0)) ** 2;
  }
  return found;
}
