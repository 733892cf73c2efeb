import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { CallResult } from "../../src/model/call.ts";
import type { Json } from "../../src/model/json.ts";
import { compareResults, learnNoise } from "../../src/validate/compare.ts";

function call(key: string, result: Json, extra: Partial<CallResult> = {}): CallResult {
  return { key, tool: "search", status: "ok", durationMs: 1, result, ...extra };
}

const none: ReadonlySet<string> = new Set();
const json = fc.jsonValue() as fc.Arbitrary<Json>;

describe("compareResults", () => {
  test("finds nothing between equal runs, whatever the results are", () => {
    fc.assert(
      fc.property(fc.array(json, { maxLength: 8 }), (results) => {
        const run = results.map((result, index) => call(`s/${index}`, result));
        expect(compareResults(run, structuredClone(run), none)).toEqual([]);
      }),
    );
  });

  test("names the field that differs, also inside JSON text", () => {
    const before = [call("s/0", { content: [{ type: "text", text: '{"hits":[{"title":"a"}]}' }] })];
    const after = [call("s/0", { content: [{ type: "text", text: '{"hits":[{"title":"b"}]}' }] })];
    expect(compareResults(before, after, none)).toEqual([
      { key: "s/0", tool: "search", path: "$.content[0].text.hits[0].title", before: '"a"', after: '"b"' },
    ]);
  });

  test("reports a changed status and a call without an answer", () => {
    const before = [call("s/0", 1), call("s/1", 1)];
    const after = [call("s/0", 1, { status: "tool_error" })];
    expect(compareResults(before, after, none)).toMatchObject([
      { key: "s/0", path: "$status", before: "ok", after: "tool_error" },
      { key: "s/1", path: "$status", before: "ok", after: "no answer" },
    ]);
  });

  test("a missing element is a difference even where the field is noise", () => {
    const noise = learnNoise([[call("s/0", { ids: ["a"] })], [call("s/0", { ids: ["b"] })]]);
    expect(noise).toEqual(new Set(["search $.ids[*]"]));
    expect(compareResults([call("s/0", { ids: ["a"] })], [call("s/0", { ids: ["c"] })], noise)).toEqual([]);
    expect(compareResults([call("s/0", { ids: ["a"] })], [call("s/0", { ids: [] })], noise)).toHaveLength(1);
    expect(compareResults([call("s/0", { ids: ["a"] })], [call("s/0", { ids: [1] })], noise)).toHaveLength(1);
  });
});

describe("learnNoise", () => {
  test("equal runs have no noise; noise of one tool does not excuse another", () => {
    fc.assert(
      fc.property(json, (result) => {
        expect(learnNoise([[call("s/0", result)], [call("s/0", structuredClone(result))]]).size).toBe(0);
      }),
    );
    const noise = learnNoise([[call("s/0", { at: 1 })], [call("s/0", { at: 2 })]]);
    const other = (at: number): CallResult[] => [call("s/0", { at }, { tool: "add" })];
    expect(compareResults(other(1), other(2), noise)).toHaveLength(1);
  });

  test("a run compared with the runs that its noise was learned from never differs in leaves", () => {
    const leaf = fc.oneof(fc.integer(), fc.string());
    const shape = fc.record({
      a: leaf.filter((x) => typeof x === "number"),
      b: fc.array(fc.integer(), { minLength: 2, maxLength: 2 }),
    });
    fc.assert(
      fc.property(shape, shape, (one, two) => {
        const noise = learnNoise([[call("s/0", one)], [call("s/0", two)]]);
        expect(compareResults([call("s/0", one)], [call("s/0", two)], noise)).toEqual([]);
      }),
    );
  });
});
