import type { Interval } from "../model/finding.ts";
import { betaQuantile } from "./beta.ts";
import { requireDomain } from "./domain.ts";
import { normalQuantile } from "./normal.ts";

/** A count of successes among independent trials. */
export type Proportion = { readonly successes: number; readonly trials: number };

function requireProportion({ successes, trials }: Proportion): void {
  const counts = Number.isInteger(successes) && Number.isInteger(trials);
  requireDomain(
    counts && successes >= 0 && successes <= trials && trials > 0,
    `${successes} of ${trials} is no share.`,
  );
}

/** Wilson's score interval for a share (Wilson 1927), without continuity correction. */
export function wilsonInterval(proportion: Proportion, level: number): Interval {
  requireProportion(proportion);
  const { successes, trials } = proportion;
  return scoreInterval({ share: successes / trials, trials }, level);
}

/** Wilson's interval where the trials are an effective number, which need not be whole. */
export function scoreInterval({ share, trials }: { share: number; trials: number }, level: number): Interval {
  requireDomain(share >= 0 && share <= 1 && trials > 0, `No interval for a share of ${share} in ${trials} trials.`);
  const z2 = normalQuantile((1 + level) / 2) ** 2;
  const centre = (share + z2 / (2 * trials)) / (1 + z2 / trials);
  const half = Math.sqrt(z2 * ((share * (1 - share)) / trials + z2 / (4 * trials * trials))) / (1 + z2 / trials);
  const low = share === 0 ? 0 : Math.max(0, centre - half);
  return { low, high: share === 1 ? 1 : Math.min(1, centre + half), level };
}

/** Jeffreys' interval for a share: quantiles of Beta(½ + s, ½ + n − s), closed at 0 and 1 (Brown, Cai, DasGupta 2001). */
export function jeffreysInterval(proportion: Proportion, level: number): Interval {
  requireProportion(proportion);
  const { successes, trials } = proportion;
  const shape = { a: successes + 0.5, b: trials - successes + 0.5 };
  const low = successes === 0 ? 0 : betaQuantile(shape, (1 - level) / 2);
  return { low, high: successes === trials ? 1 : betaQuantile(shape, (1 + level) / 2), level };
}

/** Newcombe's hybrid score interval for the difference `after − before` of two independent shares (1998, method 10). */
export function proportionDifferenceInterval(before: Proportion, after: Proportion, level: number): Interval {
  const b = wilsonInterval(before, level);
  const a = wilsonInterval(after, level);
  const pb = before.successes / before.trials;
  const pa = after.successes / after.trials;
  const low = pa - pb - Math.hypot(pa - a.low, b.high - pb);
  return { low, high: pa - pb + Math.hypot(a.high - pa, pb - b.low), level };
}
