import { describe, expect, test } from "@jest/globals";
import { createRandom, randomInteger, randomNormal, splitMix64, xoshiro128ss } from "../../src/stats/random.ts";

const take = (n: number, next: () => number): number[] => Array.from({ length: n }, next);

test("xoshiro128** gives the numbers of the reference implementation from state 1, 2, 3, 4", () => {
  const random = xoshiro128ss([1, 2, 3, 4]);
  expect(take(10, random.uint32)).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ]);
});

test("SplitMix64 gives the published numbers from 1234567", () => {
  const next = splitMix64(1234567n);
  expect([next(), next(), next()]).toEqual([6457827717110365317n, 3203168211198807973n, 9817491932198370423n]);
});

describe("createRandom", () => {
  test("same seed, same numbers; other seed, other numbers", () => {
    const numbers = (seed: string | number): number[] => take(20, createRandom(seed).uint32);
    expect(numbers("canary")).toEqual(numbers("canary"));
    expect(numbers(7)).toEqual(numbers("7"));
    expect(numbers("canary")).not.toEqual(numbers("canarz"));
    expect(numbers("")).not.toEqual(take(20, () => 0));
  });

  test("uniform numbers fill [0, 1) evenly", () => {
    const random = createRandom("uniform");
    const counts = Array.from({ length: 10 }, () => 0);
    for (const value of take(100_000, random.uniform)) {
      expect(value >= 0 && value < 1).toBe(true);
      const cell = Math.floor(value * 10);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    // 99.99 % quantile of χ² with 9 degrees of freedom.
    expect(chiSquare).toBeLessThan(33.7);
  });

  test("integers stay below their bound and reach both ends", () => {
    const random = createRandom("integers");
    const drawn = new Set(take(2_000, () => randomInteger(random, 6)));
    expect([...drawn].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("normal numbers have mean 0, variance 1 and finite tails", () => {
    const random = createRandom("normal");
    const drawn = take(50_000, () => randomNormal(random));
    const mean = drawn.reduce((a, b) => a + b, 0) / drawn.length;
    const variance = drawn.reduce((a, b) => a + (b - mean) ** 2, 0) / drawn.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.03);
    expect(drawn.every(Number.isFinite)).toBe(true);
  });
});
