import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { latencyShift, sequenceHalfWidth } from "../../src/canary/latency-shift.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";
import { durationsOf } from "./calls.ts";

const calls = (arm: Arm, operation: string, durations: readonly number[]): CallSample[] =>
  durations.map((durationMs, i) => ({ timestamp: i, operation, durationMs, error: false, arm, session: "s" }));

describe("sequenceHalfWidth", () => {
  const shape = { calls: 600, variance: 2.56, alpha: 0.05 } as const;

  test("the worked example: 300 calls per arm, sd 0.8", () => {
    expect(sequenceHalfWidth({ ...shape, sides: 1, tuningCalls: 500 })).toBeCloseTo(0.18151, 5);
    expect(sequenceHalfWidth({ ...shape, sides: 1, tuningCalls: 5000 })).toBeCloseTo(0.2292, 4);
  });

  test("two sides are wider than one at the same error rate, and stay above a single fixed look", () => {
    const two = sequenceHalfWidth({ ...shape, sides: 2, tuningCalls: 500 });
    expect(two).toBeGreaterThan(sequenceHalfWidth({ ...shape, sides: 1, tuningCalls: 500 }));
    expect(sequenceHalfWidth({ ...shape, sides: 1, tuningCalls: 500 })).toBeGreaterThan(0.10744);
  });

  test("narrows with calls, widens with the spread and with a smaller error rate", () => {
    const n = fc.integer({ min: 20, max: 100_000 });
    fc.assert(
      fc.property(
        n,
        fc.double({ min: 0.01, max: 10, noNaN: true }),
        fc.constantFrom(1, 2),
        (count, variance, sides) => {
          const base = { calls: count, variance, alpha: 0.05, sides: sides as 1 | 2, tuningCalls: 500 };
          const half = sequenceHalfWidth(base);
          expect(sequenceHalfWidth({ ...base, calls: count * 2 })).toBeLessThan(half);
          expect(sequenceHalfWidth({ ...base, variance: variance * 4 })).toBeCloseTo(half * 2, 9);
          expect(sequenceHalfWidth({ ...base, alpha: 0.01 })).toBeGreaterThan(half);
        },
      ),
    );
  });
});

const shiftOf = (samples: readonly CallSample[]) => latencyShift(durationsOf(samples));

describe("latencyShift", () => {
  test("with one operation: difference of means, and n · (s²/n + s²/n)", () => {
    const [e1, e3] = [Math.E, Math.E ** 3];
    const shift = shiftOf([...calls("canary", "a", [e1, e3]), ...calls("baseline", "a", [1, Math.E ** 2])]);
    expect(shift?.difference).toBeCloseTo(1, 12);
    expect(shift?.variance).toBeCloseTo(4 * (2 / 2 + 2 / 2), 12);
    expect(shift).toMatchObject({ control: 2, experiment: 2 });
  });

  test("another mix of operations is no shift", () => {
    const fast = [1, 2, 3];
    const slow = [1000, 2000, 3000];
    const shift = shiftOf([
      ...calls("baseline", "fast", [...fast, ...fast, ...fast]),
      ...calls("baseline", "slow", slow),
      ...calls("canary", "fast", fast),
      ...calls("canary", "slow", [...slow, ...slow, ...slow]),
    ]);
    expect(shift?.difference).toBeCloseTo(0, 12);
    expect(shift?.controlMean).toBeCloseTo(shift?.experimentMean ?? Number.NaN, 12);
  });

  test("the unit changes neither difference nor spread, also with durations of zero", () => {
    const duration = fc.oneof(fc.double({ min: 0.001, max: 1e5, noNaN: true }), fc.constant(0));
    const arm = fc.array(duration, { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(arm, arm, fc.double({ min: 1e-4, max: 1e4, noNaN: true }), (c, b, unit) => {
        const shift = (factor: number) =>
          shiftOf([
            ...calls(
              "canary",
              "a",
              c.map((t) => t * factor),
            ),
            ...calls(
              "baseline",
              "a",
              b.map((t) => t * factor),
            ),
          ]);
        const [before, after] = [shift(1), shift(unit)];
        expect(after?.difference).toBeCloseTo(before?.difference ?? Number.NaN, 9);
        expect(after?.variance).toBeCloseTo(before?.variance ?? Number.NaN, 7);
      }),
    );
  });

  test("operations that one arm did not serve twice are left out; none left, no shift", () => {
    const shift = shiftOf([
      ...calls("canary", "a", [1, 2, 3]),
      ...calls("baseline", "a", [1, 2, 3]),
      ...calls("canary", "new", [500, 600, 700]),
    ]);
    expect(shift).toMatchObject({ control: 3, experiment: 3 });
    expect(shift?.difference).toBeCloseTo(0, 12);
    expect(shiftOf([...calls("canary", "a", [1]), ...calls("baseline", "a", [1, 2])])).toBeNull();
    expect(shiftOf([])).toBeNull();
  });
});
