import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { WhetstoneError } from "../../src/model/error.ts";
import { formatInstant, manualClock, parseDuration, parseInstant } from "../../src/model/time.ts";

const NOW = 1_763_635_500_123_456_789n;

describe("instants", () => {
  test("parse(format(ns)) is ns, to the nanosecond", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -4_000_000_000_000_000_000n, max: 4_000_000_000_000_000_000n }), (ns) => {
        expect(parseInstant(formatInstant(ns), 0n)).toBe(ns);
      }),
    );
  });

  test.each([
    [1_763_635_500_000_000_000n, "2025-11-20T10:45:00.000Z"],
    [1_763_635_500_120_000_001n, "2025-11-20T10:45:00.120000001Z"],
    [1_763_635_500_123_400_000n, "2025-11-20T10:45:00.1234Z"],
    [-1n, "1969-12-31T23:59:59.999999999Z"],
  ])("%s is %s", (ns, text) => {
    expect(formatInstant(ns)).toBe(text);
  });

  test("offsets count, and relative times are before now", () => {
    expect(parseInstant("2025-11-20T12:45:00+02:00", NOW)).toBe(1_763_635_500_000_000_000n);
    expect(parseInstant("-15m", NOW)).toBe(NOW - 900_000_000_000n);
    expect(parseInstant("-7d", NOW)).toBe(NOW - 604_800_000_000_000n);
  });

  test.each(["yesterday", "", "2025-11-20", "2025-13-40T00:00:00Z", "15m", "-15", "-m", "2025-11-20T10:45:00"])(
    "refuses %j",
    (text) => {
      expect(() => parseInstant(text, NOW)).toThrow(expect.objectContaining({ code: "usage" }));
    },
  );
});

describe("durations", () => {
  test.each([
    ["250us", 250e3],
    ["10ms", 10e6],
    ["2s", 2e9],
    ["5m", 300e9],
    ["1.5h", 5400e9],
    ["7ns", 7],
  ])("%s is %d ns", (text, ns) => {
    expect(parseDuration(text)).toBe(ns);
  });

  test("anything else is a usage error", () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !/^\s*\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d)\s*$/.test(text)),
        (text) => {
          expect(() => parseDuration(text)).toThrow(WhetstoneError);
        },
      ),
    );
  });
});

test("the manual clock moves only by hand, wall and monotonic together", () => {
  const clock = manualClock(5n);
  expect([clock.now(), clock.monotonicMs()]).toEqual([5n, 0]);
  clock.advance(1.5);
  expect([clock.now(), clock.monotonicMs()]).toEqual([1_500_005n, 1.5]);
});
