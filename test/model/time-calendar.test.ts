import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatInstant, parseInstant } from "../../src/model/time.ts";

const NOW = 1_763_635_500_000_000_000n;
const usage = expect.objectContaining({ code: "usage", remedy: expect.any(String) }) as unknown;

describe("a time that is on no calendar is refused, not moved to another day", () => {
  test.each([
    "2026-02-30T00:00:00Z",
    "2026-02-29T12:00:00Z",
    "2100-02-29T00:00:00Z",
    "2026-04-31T00:00:00+02:00",
    "2026-13-01T00:00:00Z",
    "2026-00-10T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T25:00:00Z",
    "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:00+25:00",
    "2026-01-01T00:00:00",
    "2026-01-01",
    "1763635500",
    "now",
    "",
  ])("%j", (text) => {
    expect(() => parseInstant(text, NOW)).toThrow(usage);
  });

  test.each([
    ["2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000Z"],
    ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"],
    ["2026-12-31T23:59:59.999999999-01:00", "2027-01-01T00:59:59.999999999Z"],
    ["2026-03-01T00:30:00+01:00", "2026-02-28T23:30:00.000Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"],
  ])("but %s is %s", (text, instant) => {
    expect(formatInstant(parseInstant(text, NOW))).toBe(instant);
  });

  test("whatever day, hour and offset: the instant is what plain arithmetic gives", () => {
    const parts = fc.record({
      day: fc.integer({ min: 0, max: 2_900_000 }),
      second: fc.integer({ min: 0, max: 86_399 }),
      offset: fc.integer({ min: -14 * 60, max: 14 * 60 }),
    });
    fc.assert(
      fc.property(parts, ({ day, second, offset }) => {
        const local = new Date(Date.UTC(1, 0, 1) + day * 86_400_000 + second * 1_000);
        const sign = offset < 0 ? "-" : "+";
        const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((part) =>
          String(part).padStart(2, "0"),
        );
        const text = `${local.toISOString().slice(0, 19)}${sign}${hours}:${minutes}`;
        expect(parseInstant(text, NOW)).toBe(BigInt(local.getTime() - offset * 60_000) * 1_000_000n);
      }),
    );
  });
});

describe("a time relative to now", () => {
  test.each(["-9999999d", "-99999999999999999999d", `-${"9".repeat(400)}d`, `-${"9".repeat(38)}h`])(
    "%s lies before the first year, which is said",
    (text) => {
      expect(() => parseInstant(text, NOW)).toThrow(usage);
    },
  );

  test.each(["-", "--1h", "-1", "-h", "-1h30m", "-1e3s", "-0x10s", "-1 h", "+1h", "-1mo"])("%s is none", (text) => {
    expect(() => parseInstant(text, NOW)).toThrow(usage);
  });

  test("the furthest one that is taken can be written", () => {
    const text = "-738000d";
    expect(formatInstant(parseInstant(text, NOW))).toMatch(/^0005-/);
  });
});
