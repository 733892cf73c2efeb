import { logBetaTails } from "../stats/beta.ts";
import { logBeta } from "../stats/gamma.ts";
import { logCeiling, logMixture, shiftShare, type BadEvents } from "./likelihood.ts";

/** Bad events among the calls of one arm. */
export type BadShare = { readonly bad: number; readonly calls: number };

/**
 * ln E_harm against "ρ ≤ margin": the likelihood of a uniform prior on θ above the null over the likelihood at the
 * null. An e-process (Lindon, Sanden, Shirikian 2022): under the null the probability that it ever reaches 1/α is at
 * most α. Roll back at ln E ≥ −ln α. Only counts matter, not the order. 0 without bad events.
 */
export function logHarmEValue(events: BadEvents, margin = 1): number {
  const shifted = mapShares(events, (share) => shiftShare(share, margin));
  return logMixture(shifted, "above") - Math.log1p(-shifted.prior);
}

/** At most this is {@link logHarmEValue}, for a tenth of the work where shares change. */
export function logHarmCeiling(events: BadEvents, margin = 1): number {
  return logCeiling(mapShares(events, (share) => shiftShare(share, margin)));
}

/**
 * ln E_ok against "ρ ≥ margin": the same test with the arms exchanged and the null at the margin. Promote at
 * ln E ≥ −ln β.
 */
export function logNoHarmEValue(events: BadEvents, margin: number): number {
  return logHarmEValue(exchanged(events, margin));
}

/** At most this is {@link logNoHarmEValue}, for a tenth of the work where shares change. */
export function logNoHarmCeiling(events: BadEvents, margin: number): number {
  return logHarmCeiling(exchanged(events, margin));
}

/** The arms exchanged, and the null at the margin. */
function exchanged(events: BadEvents, margin: number): BadEvents {
  const mirrored = mapShares(events, (share) => 1 - shiftShare(share, margin));
  const stages = mirrored.stages.map(({ share, canary, baseline }) => ({ share, canary: baseline, baseline: canary }));
  return { prior: mirrored.prior, stages };
}

/**
 * ln E_slo against "the canary's rate of bad events ≥ maxRate": the likelihood of a uniform prior below the objective
 * over the likelihood at it. Works without any bad event and without a baseline.
 */
export function logObjectiveEValue({ bad, calls }: BadShare, maxRate: number): number {
  const shape = { a: 1 + bad, b: 1 + calls - bad };
  const mixture = logBeta(shape.a, shape.b) + logBetaTails(shape, maxRate).lower - Math.log(maxRate);
  return mixture - bad * Math.log(maxRate) - (calls - bad) * Math.log1p(-maxRate);
}

function mapShares(events: BadEvents, change: (share: number) => number): BadEvents {
  const stages = events.stages.map((stage) => ({ ...stage, share: change(stage.share) }));
  return { prior: change(events.prior), stages };
}
