import { describe, expect, test } from "@jest/globals";
import { parseFilter } from "../../src/store/filter-text.ts";

const NOW = 1_700_000_000_000_000_000n;

describe("a filter as text", () => {
  test("without words selects everything", () => expect(parseFilter({}, NOW)).toEqual({}));

  test("has every part of a filter, relative times counted from now", () => {
    const text = {
      service: "notes",
      operation: "tools/call search",
      status: "error",
      attr: ["gen_ai.tool.name=search", "a=b=c", "empty="],
      minDuration: "250us",
      maxDuration: "2s",
      since: "-15m",
      until: "2023-11-14T22:13:20.5Z",
    } as const;
    expect(parseFilter(text, NOW)).toEqual({
      service: "notes",
      operation: "tools/call search",
      status: "error",
      attributes: { "gen_ai.tool.name": "search", a: "b=c", empty: "" },
      minDurationNs: 250_000,
      maxDurationNs: 2_000_000_000,
      sinceNs: NOW - 900_000_000_000n,
      untilNs: NOW + 500_000_000n,
    });
  });

  test.each([
    [{ attr: ["=x"] }, "--attr"],
    [{ attr: ["novalue"] }, "--attr"],
    [{ minDuration: "fast" }, "fast"],
    [{ since: "yesterday" }, "yesterday"],
    [{ since: "-1m", until: "-1m" }, "--since is not before --until"],
  ])("%j is refused in the words of the command line", (text, message) => {
    expect(() => parseFilter(text, NOW)).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringContaining(message) }),
    );
  });

  test("and in those of another surface when it says how it calls them", () => {
    expect(() => parseFilter({ since: "-1m", until: "-2m" }, NOW, (name) => name)).toThrow(
      /^since is not before until/,
    );
  });
});
