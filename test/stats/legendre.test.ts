import { expect, test } from "@jest/globals";
import { gaussLegendre } from "../../src/stats/legendre.ts";

const integrate = (n: number, f: (x: number) => number): number => {
  const { nodes, weights } = gaussLegendre(n);
  return nodes.reduce((sum, x, i) => sum + f(x) * (weights[i] ?? Number.NaN), 0);
};

test("the published rules for 2 and 3 nodes", () => {
  expect(gaussLegendre(2).nodes[1]).toBeCloseTo(1 / Math.sqrt(3), 15);
  expect(gaussLegendre(3).nodes[2]).toBeCloseTo(Math.sqrt(0.6), 15);
  expect(gaussLegendre(3).weights[1]).toBeCloseTo(8 / 9, 14);
});

test("n nodes integrate every power up to 2n − 1 exactly", () => {
  for (let n = 1; n <= 12; n++) {
    for (let power = 0; power < 2 * n; power++) {
      expect(integrate(n, (x) => x ** power)).toBeCloseTo(power % 2 === 0 ? 2 / (power + 1) : 0, 13);
    }
  }
});

test("200 nodes: ascending, positive weights that add up to 2, and a smooth integral to 14 digits", () => {
  const { nodes, weights } = gaussLegendre(200);
  expect(nodes.every((x, i) => i === 0 || x > (nodes[i - 1] ?? Infinity))).toBe(true);
  expect(Math.min(...weights)).toBeGreaterThan(0);
  expect(integrate(200, () => 1)).toBeCloseTo(2, 13);
  expect(integrate(200, Math.exp)).toBeCloseTo(Math.E - 1 / Math.E, 13);
  expect(() => gaussLegendre(0)).toThrow("nodes");
});
