import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { changeKindOf } from "../../src/learn/change-kind.ts";
import { ChangeKind } from "../../src/model/outcome.ts";

const change = (removed: string[], added: string[], path = "src/a.ts") => changeKindOf([{ path, added, removed }]);

test.each<[ChangeKind, string[], string[]]>([
  [
    "parallelise",
    ["for (const f of files) out.push(await read(f));"],
    ["const out = await Promise.all(files.map(read));"],
  ],
  ["cache", ["return load(key);"], ["return cached.get(key) ?? load(key);"]],
  ["cache", [], ["const seen = new Map();"]],
  ["batch", ["rows.push(await one(id));"], ["const rows = await readMany(ids);"]],
  ["retry", ["await send();"], ["await withRetries(send, 3);"]],
  ["bound", ["return rows;"], ["return rows.slice(0, 100);"]],
  ["guard", ["return a.b;"], ["if (a === undefined) return missing;", "return a.b;"]],
  ["remove", ["log(a);", "log(b);"], ["log();"]],
  ["remove", ["log(a);"], []],
  ["rewrite", ["x = 1;"], ["x = 2;"]],
  // What was there before is no sign of the change.
  ["rewrite", ["await Promise.all(a);"], ["await Promise.all(b);"]],
])("%s", (kind, removed, added) => {
  expect(change(removed, added)).toBe(kind);
});

test("settings alone are configured; with code beside them the code decides", () => {
  expect(change(["limit: 1"], ["limit: 2"], "config/server.yaml")).toBe("configure");
  expect(
    changeKindOf([
      { path: "a.json", added: ["1"], removed: [] },
      { path: "a.ts", added: ["await Promise.all(x)"], removed: [] },
    ]),
  ).toBe("parallelise");
});

test("property: any lines have a kind, whatever the order of the files", () => {
  const file = fc.record({ path: fc.string(), added: fc.array(fc.string()), removed: fc.array(fc.string()) });
  fc.assert(
    fc.property(fc.array(file), (files) => {
      const kind = changeKindOf(files);
      expect(ChangeKind.options).toContain(kind);
      expect(changeKindOf(files.toReversed())).toBe(kind);
    }),
  );
});
