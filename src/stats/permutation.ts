import { requireDomain } from "./domain.ts";
import { logBeta } from "./gamma.ts";
import { normalCdf } from "./normal.ts";

/** Scores of two samples, one per independent unit. */
export type TwoSamples = {
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Step of the sum of scores where it can only take certain values; 0 where it can take any. */
  readonly step?: number;
};

/** A permutation test: the one-sided p-value, and the smallest that these scores could have given. */
export type PermutationTest = { readonly p: number; readonly least: number };

/** Below this many standard deviations the tail is no evidence, and the normal approximation is good enough. */
const MIDDLE = 0.2;

/** Sums that differ by less, relative to the spread, are equal: they are the same numbers added in another order. */
const EQUAL = 1e-9;

/**
 * P(sum of the scores of `after` ≥ the observed one) when every division of the pooled scores into samples of these sizes
 * is equally likely: the p-value of "after is greater" if units are exchangeable under no change. Exact (hypergeometric)
 * for two distinct scores, otherwise the double saddlepoint approximation of Robinson (1982) and Skovgaard (1987, J.
 * Appl. Prob. 24) in the form of Barndorff-Nielsen, within some percent of the exact tail however small it is.
 */
export function permutationUpperTail({ before, after, step = 0 }: TwoSamples): PermutationTest {
  const pooled = [...before, ...after];
  requireDomain(before.length > 0 && after.length > 0, "A permutation test needs two samples.");
  const low = least(pooled);
  const high = -least(pooled.map((score) => -score));
  if (!(high > low)) return { p: 1, least: 1 };
  const drawn = after.length;
  if (pooled.every((score) => score === low || score === high)) {
    const isHigh = (score: number): boolean => score === high;
    return hypergeometric(
      { all: pooled.length, marked: pooled.filter(isHigh).length, drawn },
      after.filter(isHigh).length,
    );
  }
  const { scores, scale, centre } = standardized(pooled);
  const sum = after.reduce((total, score) => total + score, 0);
  const top = greatestSum(scores, drawn);
  const observed = (sum - drawn * centre) / scale;
  if (observed >= top.sum - EQUAL) return { p: top.p, least: top.p };
  // Where the tail is only some divisions long, the approximation may miss one of them.
  const tail = saddlepointTail(scores, drawn, observed - step / scale / 2);
  return { p: Math.min(1, tail + top.p), least: top.p };
}

const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);

function standardized(values: readonly number[]) {
  const centre = values.reduce((sum, value) => sum + value, 0) / values.length;
  const scale = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / values.length);
  return { scores: values.map((value) => (value - centre) / scale), scale, centre };
}

/** The greatest sum that `drawn` of the scores can have, and the probability of it. */
function greatestSum(scores: readonly number[], drawn: number): { readonly sum: number; readonly p: number } {
  const sorted = [...scores].sort((a, b) => b - a);
  const last = sorted[drawn - 1] ?? 0;
  const chosen = sorted.slice(0, drawn);
  const ties = (values: readonly number[]): number => values.filter((value) => Math.abs(value - last) < EQUAL).length;
  const ways = logChoose(ties(sorted), ties(chosen));
  return {
    sum: chosen.reduce((total, value) => total + value, 0),
    p: Math.exp(ways - logChoose(scores.length, drawn)),
  };
}

/** ln of the number of ways to choose k of n. */
function logChoose(n: number, k: number): number {
  return k === 0 || k === n ? 0 : -Math.log(n + 1) - logBeta(n - k + 1, k + 1);
}

type Urn = { readonly all: number; readonly marked: number; readonly drawn: number };

/** P(X ≥ x) for the number X of marked ones among those drawn, from the far end so that small tails keep precision. */
function hypergeometric({ all, marked, drawn }: Urn, x: number): PermutationTest {
  const most = Math.min(marked, drawn);
  const fewest = Math.max(0, drawn + marked - all);
  const end = logChoose(marked, most) + logChoose(all - marked, drawn - most) - logChoose(all, drawn);
  let [term, sum] = [1, 0];
  let [scale, k] = [end, most];
  for (; k >= Math.max(x, fewest); k -= 1) {
    sum += term;
    term *= (k * (all - marked - drawn + k)) / ((marked - k + 1) * (drawn - k + 1));
    if (sum > 1e200) [sum, term, scale] = [sum * 1e-200, term * 1e-200, scale + 200 * Math.LN10];
  }
  return { p: Math.min(1, Math.exp(scale + Math.log(sum))), least: Math.exp(end) };
}

/** P(sum of `drawn` of the standardized scores ≥ observed). */
function saddlepointTail(scores: readonly number[], drawn: number, observed: number): number {
  const share = drawn / scores.length;
  const spread = Math.sqrt((scores.length ** 2 / (scores.length - 1)) * share * (1 - share));
  const z = observed / spread;
  if (z < MIDDLE) return normalCdf(-z);
  const { s, t, value, determinant } = saddlepoint(scores, { drawn, observed });
  const r = Math.sqrt(2 * Math.max(0, s * drawn + t * observed - value));
  const u = t * Math.sqrt(determinant / (scores.length * share * (1 - share)));
  return normalCdf(-(r + Math.log(u / r) / r));
}

type Point = { readonly s: number; readonly t: number };

/** Cumulant function K(s, t) = Σ ln(1 − p + p·e^(s + t·score)) of independent draws, its gradient and Hessian. */
function cumulants(scores: readonly number[], share: number, { s, t }: Point) {
  const { exp, log1p, expm1 } = Math;
  const offset = Math.log(share / (1 - share)) + s;
  let [value, count, sum, ss, st, tt] = [0, 0, 0, 0, 0, 0];
  for (const score of scores) {
    const logit = offset + t * score;
    const drawnShare = 1 / (1 + exp(-logit));
    const variance = drawnShare * (1 - drawnShare);
    const power = s + t * score;
    value += power > 30 ? power + Math.log(share + (1 - share) * exp(-power)) : log1p(share * expm1(power));
    count += drawnShare;
    sum += drawnShare * score;
    ss += variance;
    st += variance * score;
    tt += variance * score * score;
  }
  return { value, count, sum, ss, st, tt };
}

/** Where the gradient of K is (drawn, observed): Newton's method with halved steps on a strictly convex function. */
function saddlepoint(scores: readonly number[], { drawn, observed }: { drawn: number; observed: number }) {
  const share = drawn / scores.length;
  let at: Point = { s: 0, t: 0 };
  let here = cumulants(scores, share, at);
  for (let round = 0; round < 200; round += 1) {
    const [fs, ft] = [drawn - here.count, observed - here.sum];
    const determinant = here.ss * here.tt - here.st ** 2;
    const step = { s: (here.tt * fs - here.st * ft) / determinant, t: (here.ss * ft - here.st * fs) / determinant };
    const gain = step.s * fs + step.t * ft;
    if (!(gain > 1e-12)) break;
    let length = Math.min(1, 5 / Math.hypot(step.s, step.t));
    const height = at.s * drawn + at.t * observed - here.value;
    for (let halving = 0; halving < 40; halving += 1, length /= 2) {
      const next = { s: at.s + length * step.s, t: at.t + length * step.t };
      const there = cumulants(scores, share, next);
      if (next.s * drawn + next.t * observed - there.value < height + 0.1 * length * gain && length > 1e-10) continue;
      [at, here] = [next, there];
      break;
    }
  }
  return { ...at, value: here.value, determinant: here.ss * here.tt - here.st ** 2 };
}
