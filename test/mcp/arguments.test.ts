import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  Cursor,
  offsetCursor,
  offsetOf,
  shownWindow,
  TimeRange,
  TraceIdArgument,
  windowOf,
} from "../../src/mcp/arguments.ts";
import { codeOf } from "../../src/model/error.ts";
import { formatInstant } from "../../src/model/time.ts";
import { NOW } from "./hostile-store.ts";

const MINUTE = 60_000_000_000n;
const HOUR = 60n * MINUTE;
const DAY = 24n * HOUR;

/** The code of what a function throws; undefined when it throws nothing. */
function thrownBy(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

describe("windowOf", () => {
  test.each([
    ["last_1_hour", HOUR],
    ["last_7_days", 7n * DAY],
    ["last_30_minutes", 30n * MINUTE],
    ["last 2 weeks", 14n * DAY],
    ["the last hour", HOUR],
    ["past_day", DAY],
    ["-15m", 15n * MINUTE],
    ["-7d", 7n * DAY],
  ])("understands %s", (words, length) => {
    expect(windowOf(words, NOW, "-1m")).toEqual({ sinceNs: NOW - length, untilNs: NOW });
  });

  test("takes the fallback where nothing is said", () => {
    expect(windowOf(undefined, NOW, "-24h")).toEqual({ sinceNs: NOW - DAY, untilNs: NOW });
    expect(windowOf({}, NOW, "-24h")).toEqual({ sinceNs: NOW - DAY, untilNs: NOW });
  });

  test("an end without a start reaches back by the fallback from there, not from now", () => {
    expect(windowOf({ end: "-2h" }, NOW, "-1h")).toEqual({ sinceNs: NOW - 3n * HOUR, untilNs: NOW - 2n * HOUR });
  });

  test("relative starts and ends count from now", () => {
    expect(windowOf({ start: "-2h", end: "-1h" }, NOW, "-24h")).toEqual({
      sinceNs: NOW - 2n * HOUR,
      untilNs: NOW - HOUR,
    });
  });

  test("a start alone, as RFC 3339, reaches until now", () => {
    const start = formatInstant(NOW - DAY);
    expect(windowOf({ start }, NOW, "-1m")).toEqual({ sinceNs: NOW - DAY, untilNs: NOW });
    expect(windowOf(start, NOW, "-1m")).toEqual({ sinceNs: NOW - DAY, untilNs: NOW });
  });

  test.each([
    { start: "-1h", end: "-2h" },
    { start: "-1h", end: "-1h" },
  ])("%j is refused as reversed or empty", (range) => {
    expect(() => windowOf(range, NOW, "-24h")).toThrow(/reversed or empty/);
    expect(thrownBy(() => windowOf(range, NOW, "-24h"))).toBe("usage");
  });

  test.each(["yesterday", "last_0x_days", "last_3_moons", "2026-13-45T00:00:00Z", "", "-"])(
    "%j is refused as no time",
    (words) => {
      expect(thrownBy(() => windowOf(words, NOW, "-24h"))).toBe("usage");
    },
  );

  test("never gives a window that is not one", () => {
    const range = fc.record(
      { start: fc.string({ maxLength: 12 }), end: fc.string({ maxLength: 12 }) },
      { requiredKeys: [] },
    );
    const times = fc.record({ start: fc.integer({ min: -500, max: 500 }), end: fc.integer({ min: -500, max: 500 }) });
    const written = times.map(({ start, end }) => ({
      start: formatInstant(NOW + BigInt(start) * MINUTE),
      end: formatInstant(NOW + BigInt(end) * MINUTE),
    }));
    fc.assert(
      fc.property(fc.oneof(range, written), (given) => {
        try {
          const { sinceNs, untilNs } = windowOf(given, NOW, "-24h");
          expect(sinceNs < untilNs).toBe(true);
        } catch (error) {
          expect(codeOf(error)).toBe("usage");
        }
      }),
    );
  });
});

test("a window is shown in RFC 3339, UTC", () => {
  expect(shownWindow({ sinceNs: 0n, untilNs: 1_500_000_000n })).toEqual({
    since: "1970-01-01T00:00:00.000Z",
    until: "1970-01-01T00:00:01.500Z",
  });
});

describe("offset cursors", () => {
  test("lead through a list to its end", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 30 }), (count, page) => {
        const seen: number[] = [];
        let cursor: string | undefined;
        do {
          const from = offsetOf(cursor);
          const left = count - from;
          const returned = Math.min(page, left);
          for (let at = 0; at < returned; at += 1) seen.push(from + at);
          cursor = offsetCursor(from, left)(returned);
        } while (cursor !== undefined);
        expect(seen).toEqual(Array.from({ length: count }, (_, at) => at));
      }),
    );
  });

  test.each(["", "o", "o-1", "1", "o1.5", "o99999999999", "O1", " o1"])("%j is refused", (cursor) => {
    expect(thrownBy(() => offsetOf(cursor))).toBe("usage");
  });

  test("none stands for the beginning", () => {
    expect(offsetOf(undefined)).toBe(0);
  });
});

test.each([
  ["0af7651916cd43dd8448eb211c80319c", true],
  ["0AF765", true],
  ["0af76", false],
  ["0af7651916cd43dd8448eb211c80319c0", false],
  ["xyz123", false],
])("trace id argument %s: %s", (id, isTaken) => {
  expect(TraceIdArgument.safeParse(id).success).toBe(isTaken);
});

test("arguments have bounds, so that no caller sends megabytes", () => {
  expect(Cursor.safeParse("x".repeat(401)).success).toBe(false);
  expect(TimeRange.safeParse("x".repeat(81)).success).toBe(false);
  expect(TimeRange.safeParse({ start: "-1h", until: "now" }).success).toBe(false);
});
