import { requireDomain } from "./domain.ts";
import { logBeta } from "./gamma.ts";
import { normalCdf } from "./normal.ts";

/** Scores of two samples, one per independent unit. */
export type TwoSamples = { readonly before: readonly number[]; readonly after: readonly number[] };

/** A permutation test: the one-sided p-value, and the smallest that these scores could have given. */
export type PermutationTest = { readonly p: number; readonly least: number };

/** Below this many standard deviations the tail is no evidence, and the normal approximation is good enough. */
const MIDDLE = 0.2;

/** Sums that differ by less, relative to the spread, are equal: they are the same numbers added in another order. */
const EQUAL = 1e-9;

/**
 * P(sum of the scores of `after` ≥ the observed one) when within every stratum each division of its scores into samples of
 * these sizes is equally likely: the p-value of "after is greater" if the units of a stratum are exchangeable under no
 * change, whatever share of each sample a stratum is. Exact (hypergeometric) for two distinct scores in one stratum,
 * otherwise the double saddlepoint approximation of Robinson (1982) and Skovgaard (1987, J. Appl. Prob. 24) in the form of
 * Barndorff-Nielsen, within some percent of the exact tail however small it is. `step`: of the sum of scores where it can
 * only take certain values; 0 where it can take any.
 */
export function permutationUpperTail(strata: readonly TwoSamples[], step = 0): PermutationTest {
  for (const { before, after } of strata) {
    requireDomain(before.length > 0 && after.length > 0, "A permutation test needs two samples.");
  }
  const varied = strata.filter(({ before, after }) => new Set([...before, ...after]).size > 1);
  const [only, ...more] = varied;
  if (only === undefined) return { p: 1, least: 1 };
  const exact = more.length === 0 ? fisher(only) : undefined;
  if (exact !== undefined) return exact;
  const { urns, observed, scale } = standardized(varied);
  const tops = urns.map(greatestSum);
  const top = { sum: sumOf(tops.map(({ sum }) => sum)), p: tops.reduce((product, { p }) => product * p, 1) };
  if (observed >= top.sum - EQUAL) return { p: top.p, least: top.p };
  // Where the tail is only some divisions long, the approximation may miss one of them.
  const tail = saddlepointTail(urns, observed - step / scale / 2);
  return { p: Math.min(1, tail + top.p), least: top.p };
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Fisher's exact test where there are two distinct scores. */
function fisher({ before, after }: TwoSamples): PermutationTest | undefined {
  const pooled = [...before, ...after];
  const low = least(pooled);
  const high = -least(pooled.map((score) => -score));
  if (pooled.some((score) => score !== low && score !== high)) return undefined;
  const isHigh = (score: number): boolean => score === high;
  const urn = { all: pooled.length, marked: pooled.filter(isHigh).length, drawn: after.length };
  return hypergeometric(urn, after.filter(isHigh).length);
}

const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);

/** The scores of a stratum and how many of them are drawn. */
type Scores = { readonly scores: readonly number[]; readonly drawn: number };

/** Scores around the mean of their stratum, in units of their spread over all strata. */
function standardized(strata: readonly TwoSamples[]) {
  const centred = strata.map(({ before, after }) => {
    const centre = sumOf([...before, ...after]) / (before.length + after.length);
    return { before: before.map((score) => score - centre), after: after.map((score) => score - centre) };
  });
  const all = centred.flatMap(({ before, after }) => [...before, ...after]);
  const scale = Math.sqrt(sumOf(all.map((score) => score ** 2)) / all.length);
  const urns = centred.map(({ before, after }): Scores => {
    return { scores: [...before, ...after].map((score) => score / scale), drawn: after.length };
  });
  return { urns, observed: sumOf(centred.flatMap(({ after }) => after)) / scale, scale };
}

/** The greatest sum that `drawn` of the scores can have, and the probability of it. */
function greatestSum({ scores, drawn }: Scores): { readonly sum: number; readonly p: number } {
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

/** P(sum of those drawn from all urns ≥ observed). */
function saddlepointTail(urns: readonly Scores[], observed: number): number {
  const spread = Math.sqrt(sumOf(urns.map(sumVariance)));
  const z = observed / spread;
  if (z < MIDDLE) return normalCdf(-z);
  const { s, t, value, determinant } = saddlepoint(urns, observed);
  const height = sumOf(urns.map(({ drawn }, i) => (s[i] ?? 0) * drawn)) + t * observed - value;
  const r = Math.sqrt(2 * Math.max(0, height));
  const u = t * Math.exp(determinant / 2);
  return normalCdf(-(r + Math.log(u / r) / r));
}

/** Variance of the sum of those drawn from one urn. */
function sumVariance({ scores, drawn }: Scores): number {
  const n = scores.length;
  return ((drawn * (n - drawn)) / (n * (n - 1))) * sumOf(scores.map((score) => score ** 2));
}

/** A tilt of the count drawn from each urn, and of the sum. */
type Point = { readonly s: readonly number[]; readonly t: number };

/** Cumulant function Σ ln(1 − p + p·e^(s + t·score)) of independent draws from one urn, its gradient and Hessian. */
function cumulants({ scores, drawn }: Scores, s: number, t: number) {
  const { exp, log1p, expm1 } = Math;
  const share = drawn / scores.length;
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
  return { value, count, sum, ss, st, tt, drawn, start: scores.length * share * (1 - share) };
}

/** K at a point with a Newton step towards the gradient (drawn …, observed); the Hessian is an arrow, so it is solved by hand. */
function lookAround(urns: readonly Scores[], observed: number, { s, t }: Point) {
  const each = urns.map((urn, i) => cumulants(urn, s[i] ?? 0, t));
  const schur = sumOf(each.map(({ tt, st, ss }) => tt - st ** 2 / ss));
  const missing = observed - sumOf(each.map(({ sum }) => sum));
  const stepT = (missing - sumOf(each.map(({ st, ss, count, drawn }) => (st / ss) * (drawn - count)))) / schur;
  const stepS = each.map(({ ss, st, count, drawn }) => (drawn - count - st * stepT) / ss);
  const value = sumOf(each.map((own) => own.value));
  return {
    step: { s: stepS, t: stepT },
    gain: stepT * missing + sumOf(each.map(({ drawn, count }, i) => (drawn - count) * (stepS[i] ?? 0))),
    value,
    height: t * observed + sumOf(each.map(({ drawn }, i) => (s[i] ?? 0) * drawn)) - value,
    /** ln of the determinant of the Hessian over that of the counts alone without tilt. */
    determinant: Math.log(schur) + sumOf(each.map(({ ss, start }) => Math.log(ss / start))),
  };
}

/** Where the gradient of K is (drawn …, observed): Newton's method with halved steps on a strictly convex function. */
function saddlepoint(urns: readonly Scores[], observed: number) {
  let at: Point = { s: urns.map(() => 0), t: 0 };
  let here = lookAround(urns, observed, at);
  for (let round = 0; round < 200; round += 1) {
    const { step, gain, height } = here;
    if (!(gain > 1e-12)) break;
    let length = Math.min(1, 5 / Math.hypot(...step.s, step.t));
    for (let halving = 0; halving < 40; halving += 1, length /= 2) {
      const next = { s: at.s.map((s, i) => s + length * (step.s[i] ?? 0)), t: at.t + length * step.t };
      const there = lookAround(urns, observed, next);
      if (there.height < height + 0.1 * length * gain && length > 1e-10) continue;
      [at, here] = [next, there];
      break;
    }
  }
  return { ...at, value: here.value, determinant: here.determinant };
}
