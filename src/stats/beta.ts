import { requireDomain } from "./domain.ts";
import { logBeta, logBetaRest } from "./gamma.ts";
import { WhetstoneError } from "../model/error.ts";

/** A Beta(a, b) distribution with a, b > 0. */
export type BetaShape = { readonly a: number; readonly b: number };

/** ln I_x(a, b) and ln(1 − I_x(a, b)): both tails of a Beta distribution at x. */
export type LogTails = { readonly lower: number; readonly upper: number };

/**
 * Both tails of Beta(a, b) at 0 ≤ x ≤ 1 as logarithms, so that neither underflows. Relative error of the smaller tail
 * at most 1e-10 for a, b ≥ ½ up to about 1e8. Continued fraction DLMF 8.17.22 by Lentz's method on the side of the
 * mean where it converges fast; the other tail is the complement.
 * @throws WhetstoneError `defect` outside the domain.
 */
export function logBetaTails({ a, b }: BetaShape, x: number): LogTails {
  requireDomain(a > 0 && b > 0 && Number.isFinite(a + b), `A Beta distribution needs a, b > 0, got ${a}, ${b}.`);
  requireDomain(x >= 0 && x <= 1, `A Beta distribution is defined on [0, 1], got ${x}.`);
  if (x === 0) return { lower: -Infinity, upper: 0 };
  if (x === 1) return { lower: 0, upper: -Infinity };
  if (x < (a + 1) / (a + b + 2)) {
    const lower = Math.min(0, logPrefix({ a, b }, x) - Math.log(a) + Math.log(continuedFraction({ a, b }, x)));
    return { lower, upper: log1mExp(lower) };
  }
  const upper = Math.min(0, logPrefix({ a, b }, x) - Math.log(b) + Math.log(continuedFraction({ a: b, b: a }, 1 - x)));
  return { lower: log1mExp(upper), upper };
}

/** Regularised incomplete beta function I_x(a, b): the probability that Beta(a, b) is at most x. */
export function incompleteBeta(shape: BetaShape, x: number): number {
  return Math.exp(logBetaTails(shape, x).lower);
}

/** ln(1 − e^v) for v ≤ 0, without cancellation (Mächler 2012). */
export function log1mExp(v: number): number {
  return v > -Math.LN2 ? Math.log(-Math.expm1(v)) : Math.log1p(-Math.exp(v));
}

/** ln of x^a (1 − x)^b / B(a, b). Large shapes: as a deviance from the mean, where the first-order terms cancel exactly. */
function logPrefix({ a, b }: BetaShape, x: number): number {
  if (Math.min(a, b) < 10) return a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b);
  const mean = a / (a + b);
  const distance = x - mean;
  const deviance = a * log1pMinus(distance / mean) + b * log1pMinus(-distance / (b / (a + b)));
  return deviance + 0.5 * Math.log((a * b) / (a + b)) - logBetaRest(a, b);
}

/** ln(1 + t) − t for t > −1 without cancellation near 0 (series in t / (2 + t)). */
function log1pMinus(t: number): number {
  if (Math.abs(t) > 0.3) return Math.log1p(t) - t;
  const r = t / (2 + t);
  const y = r * r;
  let sum = 0;
  for (let k = 11; k >= 1; k--) sum = (sum + 1 / (2 * k + 1)) * y;
  return r * (2 * sum - t);
}

const SMALLEST = 1e-300;
const { abs } = Math;

/** The continued fraction of I_x(a, b), by the modified Lentz method; needs about √max(a, b) rounds. */
function continuedFraction({ a, b }: BetaShape, x: number): number {
  const away = (v: number): number => (abs(v) < SMALLEST ? SMALLEST : v);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= 200_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    value *= d * c;
    if (abs(d * c - 1) < 1e-15) return value;
  }
  throw new WhetstoneError("defect", `The incomplete beta function did not converge at a ${a}, b ${b}, x ${x}.`);
}

/**
 * The x with I_x(a, b) = p, 0 ≤ p ≤ 1. Bisection of the log-tail on the logit scale, so that quantiles next to 0
 * keep their relative precision.
 */
export function betaQuantile(shape: BetaShape, p: number): number {
  requireDomain(p >= 0 && p <= 1, `A probability lies in [0, 1], got ${p}.`);
  if (p === 0 || p === 1) return p;
  let low = -700;
  let high = 36;
  while (high - low > 1e-14 * Math.max(1, Math.abs(low))) {
    const middle = (low + high) / 2;
    if (belowQuantile(shape, logistic(middle), p)) low = middle;
    else high = middle;
  }
  return logistic((low + high) / 2);
}

function logistic(t: number): number {
  return 1 / (1 + Math.exp(-t));
}

/** Compares on the smaller tail, where the relative precision is. */
function belowQuantile(shape: BetaShape, x: number, p: number): boolean {
  const tails = logBetaTails(shape, x);
  return p < 0.5 ? tails.lower < Math.log(p) : tails.upper > Math.log1p(-p);
}
