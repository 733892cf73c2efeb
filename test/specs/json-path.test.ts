import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Json } from "../../src/model/json.ts";
import { parseJsonPath, valuesAt } from "../../src/specs/json-path.ts";

const at = (root: Json, path: string): readonly Json[] => valuesAt(root, parseJsonPath(path));

describe("JSON paths", () => {
  const document = { a: { b: [1, { c: "x" }, null] }, "with space": true, 'it"s': 1, list: [[1, 2], [3]] };

  test.each([
    ["$", [document]],
    ["$.a.b[0]", [1]],
    ["$.a.b[-1]", [null]],
    ["$.a.b[1].c", ["x"]],
    ["$.a.b[3]", []],
    ["$.a.b[-4]", []],
    ["$['with space']", [true]],
    ["$['it\"s']", [1]],
    ['$["a"]["b"][0]', [1]],
    ["$.list[*][0]", [1, 3]],
    ["$.list[*][*]", [1, 2, 3]],
    ["$.a.*", [[1, { c: "x" }, null]]],
    ["$.none.more", []],
    ["$.a.b.length", []],
    ["$.toString", []],
    ["$.__proto__", []],
    ["$.a[0]", []],
  ] as [string, Json[]][])("%s", (path, values) => {
    expect(at(document, path)).toEqual(values);
    expect(at(JSON.stringify(document), path)).toEqual(values);
  });

  test("text that is not JSON leads nowhere", () => {
    expect(at("{not json", "$.a")).toEqual([]);
    expect(at("{not json", "$")).toEqual([]);
  });

  test.each([
    ["a.b", 0],
    ["$a", 1],
    ["$..a", 1],
    ["$.a[", 3],
    ["$.a[x]", 3],
    ["$.a['b]", 3],
    ["$.", 1],
    ["$.a[0:2]", 3],
    ["$.a[?(@.b)]", 3],
    ["", 0],
  ])("%j is refused at offset %d", (path, offset) => {
    expect(() => parseJsonPath(path)).toThrow(expect.objectContaining({ code: "spec_invalid", data: { offset } }));
  });

  test("leads to every member of every document", () => {
    const walk = (value: Json, path: string): [string, Json][] => {
      if (typeof value !== "object" || value === null) return [[path, value]];
      if (Array.isArray(value)) return value.flatMap((item, i) => walk(item, `${path}[${i}]`));
      return Object.entries(value).flatMap(([key, item]) => walk(item, `${path}[${JSON.stringify(key)}]`));
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const [path, leaf] of walk(value as Json, "$")) {
          if (/\\/.test(path) || path === "$") continue;
          expect(at(JSON.stringify(value), path)).toEqual([JSON.parse(JSON.stringify(leaf))]);
        }
      }),
    );
  });
});
