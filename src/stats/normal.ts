import { requireDomain } from "./domain.ts";

const SQRT_2PI = 2.5066282746310002;

/** Density of the standard normal distribution. */
function normalDensity(z: number): number {
  return Math.exp(-0.5 * z * z) / SQRT_2PI;
}

/**
 * Φ(z), the standard normal distribution function; relative error about 1e-13 in the lower tail too.
 * Marsaglia's series in the middle, the continued fraction of Mills' ratio (DLMF 7.9.1) in the tails.
 */
export function normalCdf(z: number): number {
  requireDomain(!Number.isNaN(z), "normalCdf needs a number.");
  if (Math.abs(z) > 2.5) return z < 0 ? upperTail(-z) : 1 - upperTail(z);
  let term = z;
  let sum = z;
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    term *= (z * z) / k;
    sum += term;
  }
  return 0.5 + sum * normalDensity(z);
}

/** 1 − Φ(z) for z > 2.5, backwards through 200 levels of the continued fraction. */
function upperTail(z: number): number {
  let fraction = z;
  for (let k = 200; k >= 1; k--) fraction = z + k / fraction;
  return normalDensity(z) / fraction;
}

/**
 * The z with Φ(z) = p, 0 < p < 1. Start: Abramowitz & Stegun 26.2.23; then Halley's steps on Φ, until nothing changes.
 */
export function normalQuantile(p: number): number {
  requireDomain(p > 0 && p < 1, `A normal quantile needs 0 < p < 1, got ${p}.`);
  if (p > 0.5) return -normalQuantile(1 - p);
  const t = Math.sqrt(-2 * Math.log(p));
  const start = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
  let z = start;
  for (let round = 0; round < 4; round++) {
    const u = (normalCdf(z) - p) / normalDensity(z);
    z -= u / (1 + 0.5 * z * u);
  }
  return z;
}
