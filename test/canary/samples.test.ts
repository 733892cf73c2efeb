import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { callSamples } from "../../src/canary/samples.ts";
import { CallSample } from "../../src/model/call.ts";

const source = { arm: "canary", name: "canary.csv" } as const;
const row = { timestamp: "2026-11-20T10:00:00Z", operation: "search", durationMs: "12.5", error: "false" };
const read = (change: object) => callSamples([{ ...row, ...change }], source)[0];

describe("callSamples", () => {
  test("reads rows of text, as CSV gives them", () => {
    expect(read({})).toEqual({
      timestamp: Date.UTC(2026, 10, 20, 10),
      operation: "search",
      durationMs: 12.5,
      error: false,
      arm: "canary",
      session: "",
    });
  });

  test("reads typed records, as NDJSON gives them, and leaves other columns alone", () => {
    const typed = { timestamp: 1_700_000_000_123.5, durationMs: 0, error: true, session: "s1" };
    const rows = [{ ...typed, operation: " read ", region: "eu" }];
    expect(callSamples(rows, { arm: "baseline", name: "b" })).toEqual([
      { ...typed, operation: "read", arm: "baseline" },
    ]);
  });

  test.each([
    ["1700000000000", 1_700_000_000_000],
    ["2026-11-20T10:00:00.25+01:00", Date.UTC(2026, 10, 20, 9) + 250],
    [0, 0],
  ])("timestamp %p", (timestamp, ms) => {
    expect(read({ timestamp })?.timestamp).toBe(ms);
  });

  test.each([
    ["TRUE", true],
    [" 1 ", true],
    [1, true],
    [true, true],
    ["0", false],
    [0, false],
    [false, false],
  ])("error %p", (error, expected) => {
    expect(read({ error })?.error).toBe(expected);
  });

  test.each([
    ["timestamp", "yesterday"],
    ["timestamp", "-15m"],
    ["timestamp", "2026-13-40T00:00:00Z"],
    ["timestamp", ""],
    ["timestamp", null],
    ["operation", ""],
    ["operation", 7],
    ["durationMs", "-1"],
    ["durationMs", "NaN"],
    ["durationMs", "12ms"],
    ["durationMs", "0x10"],
    ["durationMs", "1e999"],
    ["durationMs", -0.001],
    ["error", "yes"],
    ["error", 2],
    ["error", ""],
    ["session", ""],
  ])("column %s cannot be %p", (column, value) => {
    const broken = () => callSamples([row, { ...row, [column]: value }], source);
    expect(broken).toThrow(
      expect.objectContaining({
        code: "input_unreadable",
        message: expect.stringMatching(new RegExp(`^canary\\.csv, row 2: column ${column} `)),
        data: { source: "canary.csv", row: 2, column },
      }),
    );
  });

  test("a missing column and a row that is no record are named", () => {
    const { error: _, ...without } = row;
    expect(() => callSamples([without], source)).toThrow("row 1: column error is missing");
    for (const item of ["text", null, 3, []]) {
      expect(() => callSamples([row, row, item], source)).toThrow("row 3: it is no record");
    }
  });

  test("no row, no sample", () => {
    expect(callSamples([], source)).toEqual([]);
  });

  test("what was written as text is read back as it was", () => {
    const sample = fc.record({
      timestamp: fc.integer({ min: 0, max: 4_000_000_000_000 }),
      operation: fc.stringMatching(/^[a-z][a-z ]{0,8}[a-z]$/),
      durationMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      error: fc.boolean(),
      session: fc.stringMatching(/^[a-z0-9]+$/),
    });
    fc.assert(
      fc.property(fc.array(sample), (samples) => {
        const text = samples.map((s) => ({
          ...s,
          timestamp: new Date(s.timestamp).toISOString(),
          durationMs: String(s.durationMs),
          error: String(s.error),
        }));
        const found = callSamples(text, source);
        expect(found).toEqual(samples.map((s) => ({ ...s, durationMs: s.durationMs + 0, arm: "canary" })));
        for (const one of found) expect(CallSample.safeParse(one).success).toBe(true);
      }),
    );
  });
});
