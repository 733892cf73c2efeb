/**
 * Log-gamma and log-beta. The room computes its special functions itself: the packages that are exact enough bring
 * about 11 MB of dependencies, the small ones are wrong from the sixth digit on.
 */
import { requireDomain } from "./domain.ts";

const LN_SQRT_2PI = 0.9189385332046728;

/** From this argument on the Stirling series below is exact to double precision. */
const STIRLING_FROM = 10;

/** ln Γ(x) − [(x − ½) ln x − x + ½ ln 2π] for x ≥ 10: seven terms of the Stirling series (DLMF 5.11.1). */
function stirlingCorrection(x: number): number {
  const r = 1 / (x * x);
  const tail = 1 / 1188 - r * (691 / 360360 - r / 156);
  return (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * tail)))) / x;
}

/** ln Γ(x) for x > 0, exact to about 1e-15 relative to max(1, |ln Γ|). Stirling's series after shifting x to 10 or more. */
export function logGamma(x: number): number {
  requireDomain(x > 0 && Number.isFinite(x), `logGamma needs a positive finite argument, got ${x}.`);
  let shift = 1;
  let z = x;
  while (z < STIRLING_FROM) {
    shift *= z;
    z += 1;
  }
  return (z - 0.5) * Math.log(z) - z + LN_SQRT_2PI + stirlingCorrection(z) - Math.log(shift);
}

/**
 * ln B(a, b) for a, b > 0. Large arguments are taken apart analytically so that nothing large cancels
 * (the grouping of R's `lbeta`).
 */
export function logBeta(a: number, b: number): number {
  requireDomain(a > 0 && b > 0 && Number.isFinite(a + b), `logBeta needs positive finite arguments, got ${a}, ${b}.`);
  const p = Math.min(a, b);
  const q = Math.max(a, b);
  if (p >= STIRLING_FROM) {
    return (p - 0.5) * Math.log(p / (p + q)) + q * Math.log1p(-p / (p + q)) - 0.5 * Math.log(q) + logBetaRest(p, q);
  }
  if (q >= STIRLING_FROM) {
    const correction = stirlingCorrection(q) - stirlingCorrection(p + q);
    return logGamma(p) + correction + p - p * Math.log(p + q) + (q - 0.5) * Math.log1p(-p / (p + q));
  }
  return logGamma(p) + logGamma(q) - logGamma(p + q);
}

/** What remains of ln B(a, b), a, b ≥ 10, beside the powers: ln √2π and the Stirling corrections. */
export function logBetaRest(a: number, b: number): number {
  return LN_SQRT_2PI + stirlingCorrection(a) + stirlingCorrection(b) - stirlingCorrection(a + b);
}
