import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { confidenceOf, measuredQuantile, severityOfErrorRate, severityOfTimeLost } from "../../src/analyze/rating.ts";

describe("severity", () => {
  test.each([
    [0.6, "critical"],
    [0.599, "major"],
    [0.3, "major"],
    [0.299, "minor"],
    [0.1, "minor"],
    [0.099, "info"],
    [0, "info"],
  ])("%d of the time lost is %s", (share, severity) => {
    expect(severityOfTimeLost(share)).toBe(severity);
  });

  test.each([
    [0.25, "critical"],
    [0.249, "major"],
    [0.05, "major"],
    [0.049, "minor"],
    [0.01, "minor"],
    [0.009, "info"],
  ])("an error rate of at least %d is %s", (rate, severity) => {
    expect(severityOfErrorRate(rate)).toBe(severity);
  });
});

test("confidence: half of the ceiling's trust at 5 calls, more with more calls and a larger effect, never above the ceiling", () => {
  expect(confidenceOf({ samples: 5, effect: 1, ceiling: 0.8 })).toBe(0.4);
  expect(confidenceOf({ samples: 45, effect: 0, ceiling: 1 })).toBe(0.45);
  fc.assert(
    fc.property(
      fc.nat(1e6),
      fc.double({ noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (samples, effect, ceiling) => {
        const confidence = confidenceOf({ samples, effect, ceiling });
        expect(confidence).toBeGreaterThanOrEqual(0);
        expect(confidence).toBeLessThanOrEqual(ceiling + 0.0005);
        expect(confidenceOf({ samples: samples + 1, effect, ceiling })).toBeGreaterThanOrEqual(confidence);
      },
    ),
  );
});

test("a quantile has an interval only where there are enough values for it", () => {
  expect(measuredQuantile([3, 1, 2], 0.5)).toEqual({ value: 2 });
  expect(measuredQuantile([6, 5, 4, 3, 2, 1], 0.5)).toEqual({ value: 3.5, interval: { low: 1, high: 6, level: 0.95 } });
});
