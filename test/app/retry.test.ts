import { expect, test } from "@jest/globals";
import { RETRY, retryAfter } from "../../src/app/retry.ts";
import { LONGEST_RETRY_MS } from "../../src/app/work/port.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import fc from "../support/fast-check.ts";

const failed = (retryAfterSeconds?: number) =>
  new WhetstoneError("api_failed", "no", { data: retryAfterSeconds === undefined ? {} : { retryAfterSeconds } });

test("pauses double up to the longest, and half of each is left to chance", () => {
  const at = (attempt: number, chance: number) =>
    retryAfter({ ...RETRY, random: () => chance }, attempt, new Error("x"));
  expect([1, 2, 3].map((attempt) => at(attempt, 0))).toEqual([2_500, 5_000, 10_000]);
  expect([1, 2, 3].map((attempt) => at(attempt, 0.999_999))).toEqual([5_000, 10_000, 20_000]);
  expect(at(50, 0)).toBe(600_000);
});

test("GitHub's own wish is met when it is longer, but never beyond the longest of all", () => {
  const rule = { ...RETRY, random: () => 0 };
  expect(retryAfter(rule, 1, failed(60))).toBe(60_000);
  expect(retryAfter(rule, 1, failed(1))).toBe(2_500);
  expect(retryAfter(rule, 1, failed())).toBe(2_500);
  expect(retryAfter(rule, 1, failed(1e9))).toBe(LONGEST_RETRY_MS);
});

test("all pauses together take 20 to 41 minutes", () => {
  const sum = (chance: number) =>
    Array.from({ length: RETRY.attempts - 1 }, (_, n) =>
      retryAfter({ ...RETRY, random: () => chance }, n + 1, 0),
    ).reduce((total, ms) => total + ms / 60_000, 0);
  expect(sum(0)).toBeCloseTo(20.6, 1);
  expect(sum(0.999_999)).toBeCloseTo(41.2, 1);
});

test("every pause is a whole number of milliseconds within its bounds", () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), chance, (attempt, random) => {
      const ms = retryAfter({ ...RETRY, random: () => random }, attempt, new Error("x"));
      const pause = Math.min(RETRY.longestMs, RETRY.firstMs * 2 ** (attempt - 1));
      expect(Number.isInteger(ms)).toBe(true);
      expect(ms).toBeGreaterThanOrEqual(pause / 2);
      expect(ms).toBeLessThanOrEqual(pause);
    }),
  );
});
