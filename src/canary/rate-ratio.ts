import type { Interval } from "../model/finding.ts";
import { edge, likeliest, logLikelihood, logMixture, type BadEvents } from "./likelihood.ts";

/** Largest |ln ρ| that an interval reports; beyond it the data set no bound. */
const UNBOUNDED = 30;

/**
 * Always-valid interval for the rate ratio ρ: every ρ that the two-sided mixture does not reject at 1 − level.
 * Null where the counts set no upper bound, as with no bad event in the baseline.
 */
export function rateRatioInterval(events: BadEvents, level: number): Interval | null {
  const floor = logMixture(events, "all") + Math.log(1 - level);
  const likelihood = logLikelihood(events);
  const inside = (u: number): boolean => likelihood(u) > floor;
  const top = likeliest(events, -UNBOUNDED);
  const high = edge(inside, { inside: Math.min(top, UNBOUNDED), limit: UNBOUNDED });
  if (high >= UNBOUNDED) return null;
  const low = edge(inside, { inside: top, limit: -UNBOUNDED });
  return { low: low <= -UNBOUNDED ? 0 : Math.exp(low), high: Math.exp(high), level };
}

/**
 * The likeliest rate ratio. Where one arm has no bad event, half an event is added to each arm of every stage
 * (Haldane 1956, Anscombe 1956), since the likeliest ratio would be 0 or infinite. Null without any bad event.
 */
export function rateRatio(events: BadEvents): number | null {
  const usable = events.stages.filter(({ share }) => share > 0 && share < 1);
  const canary = usable.reduce((sum, stage) => sum + stage.canary, 0);
  const baseline = usable.reduce((sum, stage) => sum + stage.baseline, 0);
  if (canary + baseline === 0) return null;
  const half = canary === 0 || baseline === 0 ? 0.5 / usable.length : 0;
  const stages = usable.map((s) => ({ ...s, canary: s.canary + half, baseline: s.baseline + half }));
  return Math.exp(likeliest({ prior: events.prior, stages }, -UNBOUNDED));
}
