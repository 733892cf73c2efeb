import { mean } from "../../stats/quantile.ts";
import { median } from "../rating.ts";

/** Whether a series repeats itself after a number of steps. */
export type Season = {
  /** `unknown`: fewer than two periods of data cannot tell a rhythm from a trend. */
  readonly state: "present" | "absent" | "unknown";
  readonly periodSteps: number;
  /** Correlation of the detrended values with themselves one period later; null when unknown. */
  readonly correlation: number | null;
};

/** Values by the number of their step; steps without a value are missing. */
export type Stepped = { readonly steps: readonly number[]; readonly values: readonly number[] };

/** A weaker likeness of one period to the next is not worth the values that a pattern costs. */
const LEAST_CORRELATION = 0.3;

/**
 * Looks for a rhythm of `periodSteps` by the correlation of the values, without their straight line of `slope` per step,
 * with those one period later: more than 0.3 and than 1.96 / √pairs (Bartlett's bound for noise).
 */
export function seasonOf({ steps, values }: Stepped, slope: number, periodSteps: number): Season {
  const rest = values.map((value, i) => value - slope * (steps[i] ?? 0));
  const centre = mean(rest);
  const byStep = new Map(rest.map((value, i) => [steps[i] ?? 0, value - centre]));
  const pairs = [...byStep].flatMap(([step, value]) => {
    const later = byStep.get(step + periodSteps);
    return later === undefined ? [] : [{ value, later }];
  });
  if (periodSteps < 2 || pairs.length < periodSteps / 2 || !spansTwo(steps, periodSteps)) {
    return { state: "unknown", periodSteps, correlation: null };
  }
  const [product, first, second] = pairs.reduce(
    ([sum, a, b], { value, later }) => [sum + value * later, a + value ** 2, b + later ** 2],
    [0, 0, 0],
  );
  const correlation = first * second === 0 ? 0 : product / Math.sqrt(first * second);
  const isPresent = correlation > Math.max(LEAST_CORRELATION, 1.96 / Math.sqrt(pairs.length));
  return { state: isPresent ? "present" : "absent", periodSteps, correlation };
}

function spansTwo(steps: readonly number[], periodSteps: number): boolean {
  return (steps.at(-1) ?? 0) - (steps[0] ?? 0) + 1 >= 2 * periodSteps;
}

/** The values without what is typical of their phase (the median without the line), with their level and line kept. */
export function withoutSeason({ steps, values }: Stepped, slope: number, periodSteps: number): readonly number[] {
  const rest = values.map((value, i) => value - slope * (steps[i] ?? 0));
  const level = median(rest);
  const phases = Map.groupBy(rest.keys(), (i) => (steps[i] ?? 0) % periodSteps);
  const typical = new Map([...phases].map(([phase, at]) => [phase, median(at.map((i) => rest[i] ?? level))]));
  return values.map((value, i) => value - (typical.get((steps[i] ?? 0) % periodSteps) ?? level) + level);
}
