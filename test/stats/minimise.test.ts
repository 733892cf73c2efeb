import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { minimise } from "../../src/stats/minimise.ts";

const at = (values: readonly number[], i: number): number => values[i] ?? Number.NaN;

describe("minimise", () => {
  test("Rosenbrock's valley, from the classical start", () => {
    const valley = (x: readonly number[]) => 100 * (at(x, 1) - at(x, 0) ** 2) ** 2 + (1 - at(x, 0)) ** 2;
    const found = minimise(valley, { start: [-1.2, 1], step: 1, evaluations: 1_000 });
    expect(at(found.at, 0)).toBeCloseTo(1, 3);
    expect(at(found.at, 1)).toBeCloseTo(1, 3);
  });

  test("the bottom of any bowl", () => {
    const centre = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(centre, (middle) => {
        const bowl = (x: readonly number[]) => middle.reduce((sum, c, i) => sum + (i + 1) * (at(x, i) - c) ** 2, 3);
        const found = minimise(bowl, { start: middle.map(() => 0), step: 1, evaluations: 3_000 });
        expect(found.value).toBeCloseTo(3, 4);
      }),
    );
  });

  test("never worse than the start, and within its evaluations", () => {
    let calls = 0;
    const found = minimise(([x = 0]) => ((calls += 1), Math.sin(x * 50) + x * x), {
      start: [0],
      step: 0.3,
      evaluations: 40,
    });
    expect(found.value).toBeLessThanOrEqual(0);
    expect(calls).toBeLessThanOrEqual(44);
  });
});
