/**
 * The evidence about the rate ratio ρ = canary / baseline in counts of bad events. Given that a call is bad, it is one
 * of the canary with probability ρw / (ρw + 1 − w), whatever the common and time-varying rate of bad events is
 * (Lindon & Malek 2022). Here u = ln ρ, and the prior on θ = ρw / (ρw + 1 − w) is uniform for the share w = `prior`.
 */
import { logBetaTails } from "../stats/beta.ts";
import { logBeta } from "../stats/gamma.ts";
import { gaussLegendre } from "../stats/legendre.ts";

// Bound once: the likelihood is evaluated some thousand times per look, and a look-up of a global can be dear.
const { exp, log, log1p, expm1 } = Math;

/** Bad events while the share of calls that went to the canary was `share`. */
export type ShareStage = { readonly share: number; readonly canary: number; readonly baseline: number };

/** Bad events of both arms, by stage. `prior` is the share that fixes the prior: that of the first stage. */
export type BadEvents = { readonly prior: number; readonly stages: readonly ShareStage[] };

/** Part of the range of ρ that the prior is restricted to: ρ ≥ 1, or all of it. */
export type PriorRange = "above" | "all";

/** Odds of a share multiplied by `ratio`. */
export function shiftShare(share: number, ratio: number): number {
  return (ratio * share) / (ratio * share + 1 - share);
}

/** Stages that can tell the arms apart: both arms had calls, and a bad event fell. */
function informative({ stages }: BadEvents): readonly ShareStage[] {
  return stages.filter(({ share, canary, baseline }) => share > 0 && share < 1 && canary + baseline > 0);
}

/** ln of the likelihood ratio of ρ = e^u against ρ = 1, as a function of u. Concave. */
export function logLikelihood(events: BadEvents): (u: number) => number {
  const stages = informative(events);
  const shares = Float64Array.from(stages, ({ share }) => share);
  const counts = Float64Array.from(stages, ({ canary, baseline }) => canary + baseline);
  let [canaries, all] = [0, 0];
  for (const { canary, baseline } of stages) [canaries, all] = [canaries + canary, all + canary + baseline];
  return (u) => {
    // ln(1 − w + ρw), written so that a large ρ does not overflow.
    const isAbove = u > 0;
    const rest = isAbove ? exp(-u) : expm1(u);
    let spread = isAbove ? all * u : 0;
    for (let k = 0; k < shares.length; k++) {
      const share = shares[k] ?? 0;
      spread += (counts[k] ?? 0) * (isAbove ? log(share + (1 - share) * rest) : log1p(share * rest));
    }
    return canaries * u - spread;
  };
}

/** ln of the likelihood ratio averaged over the prior, restricted to `range` and not normalised, θ as measure. */
export function logMixture(events: BadEvents, range: PriorRange): number {
  const stages = informative(events);
  return stages.every(({ share }) => share === events.prior)
    ? logMixtureOfOneShare(events, range)
    : logMixtureByQuadrature(events, range);
}

/** Closed form where the share never changed: B(1+x, 1+y) · tail / (w^x (1 − w)^y). */
function logMixtureOfOneShare({ prior, stages }: BadEvents, range: PriorRange): number {
  let [x, y] = [0, 0];
  for (const stage of stages) [x, y] = [x + stage.canary, y + stage.baseline];
  const tail = range === "all" ? 0 : logBetaTails({ a: 1 + x, b: 1 + y }, prior).upper;
  return logBeta(1 + x, 1 + y) + tail - x * Math.log(prior) - y * Math.log1p(-prior);
}

/** Beyond this ln ρ the prior has no mass that doubles could show. */
const FAR = 40;

/** Drop of ln-likelihood below its top at which the rest of the integral no longer shows in doubles. */
const NEGLIGIBLE = 45;

/** How exactly the range of the integral has to be known: part of the least standard deviation that ln ρ can have. */
const ROUGH = 0.05;

/** Nodes over the part that matters, some ±9 standard deviations: exact to about 10 digits. */
const NODES = 100;

/** The same integral for shares that change: Gauss-Legendre in θ over the part that matters. */
export function logMixtureByQuadrature(events: BadEvents, range: PriorRange): number {
  const likelihood = logLikelihood(events);
  const least = range === "above" ? 0 : -FAR;
  const within = ROUGH / Math.sqrt(1 + totalOf(events));
  const top = likeliest(events, least, within);
  const height = likelihood(top);
  const above = (u: number): boolean => likelihood(u) > height - NEGLIGIBLE;
  // The rough edge lies within the part that matters: one step more lies beyond it.
  const low = thetaOf(Math.max(least, edge(above, { inside: top, limit: least, within }) - within), events.prior);
  const high = thetaOf(edge(above, { inside: top, limit: FAR, within }) + within, events.prior);
  const { nodes, weights } = gaussLegendre(NODES);
  let sum = 0;
  for (const [i, node] of nodes.entries()) {
    const theta = low + ((high - low) * (1 + node)) / 2;
    const u = log(theta / events.prior) - log((1 - theta) / (1 - events.prior));
    sum += (weights[i] ?? 0) * exp(likelihood(u) - height);
  }
  return height + Math.log((sum * (high - low)) / 2);
}

/**
 * At most this is ln of the likelihood ratio averaged over any prior on ρ ≥ 1: that of the likeliest one. Costs a tenth of
 * the average where shares change.
 */
export function logCeiling(events: BadEvents): number {
  const within = ROUGH / Math.sqrt(1 + totalOf(events));
  // Within so small a part of its width the likelihood of the very top is at most this much greater.
  return logLikelihood(events)(likeliest(events, 0, within)) + ROUGH;
}

function totalOf(events: BadEvents): number {
  return informative(events).reduce((sum, { canary, baseline }) => sum + canary + baseline, 0);
}

function thetaOf(u: number, prior: number): number {
  if (u >= FAR) return 1;
  return u <= -FAR ? 0 : shiftShare(prior, Math.exp(u));
}

/** The u ≥ floor at which the likelihood is greatest: bisection of its falling derivative. */
export function likeliest(events: BadEvents, floor: number, within = 1e-12): number {
  const stages = informative(events);
  const slope = (u: number): number => {
    const ratio = exp(u);
    let sum = 0;
    for (const { share, canary, baseline } of stages) {
      sum += canary - (canary + baseline) * shiftShare(share, ratio);
    }
    return sum;
  };
  if (slope(floor) <= 0) return floor;
  let [low, high] = [floor, FAR];
  while (high - low > within * Math.max(1, Math.abs(low))) {
    const middle = (low + high) / 2;
    if (slope(middle) > 0) low = middle;
    else high = middle;
  }
  return low;
}

/** Where to look for an edge: from a point at which something holds to a limit, and how exactly. */
type EdgeSearch = { readonly inside: number; readonly limit: number; readonly within?: number };

/** Last point between `inside` and `limit` at which `holds`, which fails from some point on. */
export function edge(holds: (u: number) => boolean, { inside, limit, within = 1e-9 }: EdgeSearch): number {
  if (holds(limit)) return limit;
  let [good, bad] = [inside, limit];
  while (Math.abs(bad - good) > within) {
    const middle = (good + bad) / 2;
    if (holds(middle)) good = middle;
    else bad = middle;
  }
  return good;
}
