/** Absolute tolerance of the root; verdicts on values of that size depend on it. */
export const ROOT_TOLERANCE = 1e-4;

const MOST_STEPS = 1001;

/** A bracket for {@link zeroin}, with the function's values at both ends. */
export type Bracket = {
  readonly low: number;
  readonly high: number;
  readonly atLow: number;
  readonly atHigh: number;
};

/**
 * A root of `f` by Brent's method (`zeroin`, as in Netlib and R's `uniroot`), step for step as Kayenta's judge runs it,
 * so that its verdicts come out the same. The ends are not required to have different signs.
 */
export function zeroin(f: (x: number) => number, { low, high, atLow, atHigh }: Bracket): number {
  if (atLow === 0) return low;
  if (atHigh === 0) return high;
  let [a, fa, b, fb] = [low, atLow, high, atHigh];
  let [c, fc] = [a, fa];
  for (let step = 0; step < MOST_STEPS; step++) {
    const previous = b - a;
    if (Math.abs(fc) < Math.abs(fb)) [a, fa, b, fb, c, fc] = [b, fb, c, fc, b, fb];
    const tolerance = 2 * Number.EPSILON * Math.abs(b) + ROOT_TOLERANCE / 2;
    const half = (c - b) / 2;
    if (Math.abs(half) <= tolerance || fb === 0) return b;
    const mayInterpolate = Math.abs(previous) >= tolerance && Math.abs(fa) > Math.abs(fb);
    const wanted = mayInterpolate ? interpolate({ a, fa, b, fb, c, fc }, { previous, tolerance }) : half;
    const taken = Math.abs(wanted) < tolerance ? (wanted > 0 ? tolerance : -tolerance) : wanted;
    [a, fa] = [b, fb];
    b += taken;
    fb = f(b);
    if ((fb > 0 && fc > 0) || (fb < 0 && fc < 0)) [c, fc] = [a, fa];
  }
  return b;
}

type Points = {
  readonly a: number;
  readonly fa: number;
  readonly b: number;
  readonly fb: number;
  readonly c: number;
  readonly fc: number;
};

/** Step by the secant or by inverse quadratic interpolation; half the bracket where that would lead too far. */
function interpolate(
  { a, fa, b, fb, c, fc }: Points,
  { previous, tolerance }: { readonly previous: number; readonly tolerance: number },
): number {
  const width = c - b;
  const t = fb / fa;
  let p = width * t;
  let q = 1 - t;
  if (a !== c) {
    const [u, v] = [fa / fc, fb / fc];
    p = t * (width * u * (u - v) - (b - a) * (v - 1));
    q = (u - 1) * (v - 1) * (t - 1);
  }
  if (p > 0) q = -q;
  else p = -p;
  const inside = p < 0.75 * width * q - Math.abs(tolerance * q) / 2 && p < Math.abs((previous * q) / 2);
  return inside ? p / q : width / 2;
}
