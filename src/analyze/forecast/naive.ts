import type { Ahead, Values } from "./holt-winters.ts";

/** The value one period ago; where it is missing the one before, and so on. */
function lastOfPhase(values: Values, at: number, m: number): number | null {
  for (let i = at - m; i >= 0; i -= m) {
    const value = values[i];
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

/**
 * Seasonal naive forecasts: what was there one period ago (m = 1: the last value). Variance after k whole periods:
 * (k + 1) times that of the differences of one period (Hyndman & Athanasopoulos 2021, section 5.5).
 */
export function naive(values: Values, steps: number, m: number): Ahead[] {
  const differences = periodDifferences(values, m);
  const squares = differences.reduce((sum, difference) => sum + difference ** 2, 0);
  const variance = squares / Math.max(1, differences.length);
  const known = values.filter((value) => value !== null);
  return Array.from({ length: steps }, (_, i) => {
    const periods = Math.floor(i / m) + 1;
    const value = lastOfPhase(values, values.length + (i % m), m) ?? known.at(-1) ?? 0;
    return { value, spread: Math.sqrt(variance * periods) };
  });
}

/** y_t − y_{t−m} of all values that have one: the error of the naive forecast. */
export function periodDifferences(values: Values, m: number): readonly number[] {
  return values.flatMap((value, i) => {
    const earlier = i < m ? null : (values[i - m] ?? null);
    return value === null || earlier === null ? [] : [value - earlier];
  });
}
