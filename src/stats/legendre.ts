import { requireDomain } from "./domain.ts";

/** Nodes in (−1, 1) and weights of a Gauss-Legendre rule. */
export type QuadratureRule = { readonly nodes: readonly number[]; readonly weights: readonly number[] };

const rules = new Map<number, QuadratureRule>();

/**
 * Gauss-Legendre rule with n nodes on (−1, 1): exact for polynomials up to degree 2n − 1. Newton's method on the
 * Legendre recurrence from Chebyshev-like starts (Numerical Recipes, 4.6). Rules are computed once per n.
 */
export function gaussLegendre(n: number): QuadratureRule {
  requireDomain(Number.isInteger(n) && n > 0, `A quadrature rule needs a positive number of nodes, got ${n}.`);
  const known = rules.get(n);
  if (known !== undefined) return known;
  const nodes = Array.from({ length: n }, (_, i) => legendreRoot(n, i));
  const weights = nodes.map((x) => 2 / ((1 - x * x) * legendre(n, x).slope ** 2));
  const rule = { nodes, weights };
  rules.set(n, rule);
  return rule;
}

function legendreRoot(n: number, index: number): number {
  let x = -Math.cos((Math.PI * (index + 0.75)) / (n + 0.5));
  for (let round = 0; round < 8; round++) {
    const { value, slope } = legendre(n, x);
    x -= value / slope;
  }
  return x;
}

/** P_n(x) and its derivative. */
function legendre(n: number, x: number): { value: number; slope: number } {
  let previous = 1;
  let value = x;
  for (let k = 2; k <= n; k++) [previous, value] = [value, ((2 * k - 1) * x * value - (k - 1) * previous) / k];
  return { value, slope: (n * (x * value - previous)) / (x * x - 1) };
}
