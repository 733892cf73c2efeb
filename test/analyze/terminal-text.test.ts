import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { columnsOf, durationText, fit, plainText } from "../../src/analyze/terminal-text.ts";

const anyText = fc.string({ unit: "binary", maxLength: 60 });

test("columns: wide characters and emoji take two", () => {
  expect(["abc", "日本語", "한글", "🚀 go", ""].map(columnsOf)).toEqual([3, 6, 4, 5, 0]);
});

test("plain text keeps letters of all scripts and composes accents; everything else unseen becomes ?", () => {
  expect(plainText("cafe\u0301 Ελλάδα 日本 {id}")).toBe("café Ελλάδα 日本 {id}");
  expect(plainText("a\u0000\u001B\u0085\u200D\u202E\u2028\uD800\uE000b")).toBe("a????????b");
});

describe("fit", () => {
  test.each([
    ["ab", 4, "ab  "],
    ["abcd", 4, "abcd"],
    ["abcde", 4, "abc…"],
    ["日本語", 4, "日… "],
    ["日本語", 5, "日本…"],
    ["abc", 0, ""],
  ])("%s in %d columns", (text, columns, fitted) => {
    expect(fit(text, columns)).toBe(fitted);
  });

  test("property: exactly the columns asked for, and nothing unsafe", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 40 }), (text, columns) => {
        const fitted = fit(plainText(text), columns);
        expect(columnsOf(fitted)).toBe(columns);
        expect(plainText(fitted)).toBe(fitted);
      }),
    );
  });
});

test.each([
  [0, "0 ns"],
  [999, "999 ns"],
  [1_000, "1 µs"],
  [12_345, "12.3 µs"],
  [999_600, "1 ms"],
  [4_560_000, "4.56 ms"],
  [999_400_000, "999 ms"],
  [1_500_000_000, "1.5 s"],
  [90e9, "1.5 min"],
  [2 * 3_600e9, "2 h"],
  [36 * 3_600e9, "1.5 d"],
])("%d ns reads %s", (ns, text) => {
  expect(durationText(ns)).toBe(text);
});

test("property: durations of less than a year take at most eight columns", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 365 * 86_400 * 1e9 }), (ns) => {
      expect(durationText(ns).length).toBeLessThanOrEqual(8);
    }),
  );
});
