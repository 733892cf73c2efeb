import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { fewestRanges, minutesOf, minuteStart, rollupDeltas } from "../../src/store/rollup.ts";
import { span } from "./spans.ts";

const MINUTE = 60_000_000_000n;
const minute = fc.oneof(fc.integer({ min: -200, max: 200 }), fc.integer({ min: -150_000_000, max: 150_000_000 }));

describe("minutes of a window", () => {
  test("are those that it touches", () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n) + 1n, 2n ** 63n - 2n), fc.bigInt(0n, 10n * MINUTE), (sinceNs, length) => {
        const untilNs = sinceNs + length;
        const { from, to } = minutesOf({ sinceNs, untilNs });
        expect(minuteStart(from) <= sinceNs && sinceNs < minuteStart(from) + MINUTE).toBe(true);
        if (untilNs < 2n ** 63n - 1n)
          expect(minuteStart(to) >= untilNs && minuteStart(to) < untilNs + MINUTE).toBe(true);
      }),
    );
  });

  test("of a window that ends before it begins are none", () => {
    const { from, to } = minutesOf({ sinceNs: 600n * MINUTE, untilNs: 5n });
    expect(to).toBe(from);
  });
});

describe("the fewest ranges", () => {
  test("cover each minute once: whole hours by the hour, at most 118 single minutes", () => {
    fc.assert(
      fc.property(minute, fc.nat(400), (from, length) => {
        const ranges = fewestRanges({ width: 60, from, to: from + length });
        const covered = ranges.flatMap((range) => {
          const per = range.width / 60;
          return Array.from({ length: (range.to - range.from) * per }, (_, at) => range.from * per + at);
        });
        expect(covered).toEqual(Array.from({ length }, (_, at) => from + at));
        const single = ranges
          .filter(({ width }) => width === 60)
          .reduce((sum, range) => sum + range.to - range.from, 0);
        expect(single).toBeLessThanOrEqual(118);
      }),
    );
  });
});

describe("deltas of a batch", () => {
  test("are one per minute and one per hour, which holds the sum", () => {
    const deltas = rollupDeltas<bigint>();
    for (const at of [0n, 1n, 59n, 60n]) deltas.add(1n, span({ startNs: at * MINUTE, durationNs: 0 }));
    deltas.add(2n, span({ startNs: -1n, durationNs: 0 }));
    const found = deltas.all().map(({ width, operation, slot, sketch }) => [width, operation, slot, sketch.get(0)]);
    expect(found).toEqual([
      [60, 1n, 0, 1],
      [60, 1n, 1, 1],
      [60, 1n, 59, 1],
      [60, 1n, 60, 1],
      [60, 2n, -1, 1],
      [3600, 1n, 0, 3],
      [3600, 1n, 1, 1],
      [3600, 2n, -1, 1],
    ]);
  });

  test("keep error types apart, whatever they contain", () => {
    const deltas = rollupDeltas<string>();
    const types = ["a", "a/b", "", "=", "/", undefined, "undefined", 404, "404", ["x"]];
    for (const type of types) {
      deltas.add("o", span({ status: "error", attributes: type === undefined ? {} : { "error.type": type } }));
    }
    const minutes = deltas.all().filter(({ width }) => width === 60);
    expect(minutes.map(({ errorType }) => errorType)).toEqual([
      "a",
      "a/b",
      "",
      "=",
      "/",
      undefined,
      "undefined",
      "404",
      '["x"]',
    ]);
  });
});
