import { describe, expect, test } from "@jest/globals";
import { introducedNames, usesOf } from "../../../src/propose/revert/dependence.ts";

const file = (text: string | undefined, path = "src/a.ts") => ({ path, text });
const introduced = (before: string | undefined, changed: string, path?: string) =>
  [...introducedNames([file(before, path)], [file(changed, path)])].toSorted();

describe("names that a change made", () => {
  test.each<[string, readonly string[]]>([
    ["const batched = 1;", ["batched"]],
    ["export async function readAll() {}", ["readAll"]],
    ["class Reader {}\n  limit = 3\n  retry: 4", ["Reader", "limit", "retry"]],
    ["def read_all(x):", ["read_all"]],
    ["await Promise.all(items);", []],
    ["readMany(items)", []],
    ["if (limit === 3) return;", []],
    ["let abc = 1", []],
  ])("%j", (line, names) => {
    expect(introduced("old();\n", `old();\n${line}\n`)).toEqual(names);
  });

  test("are not those that stood there before, in any of its files", () => {
    expect(introduced("use(batched)", "const batched = 1")).toEqual([]);
    expect([...introducedNames([file("x"), file("batched", "b.ts")], [file("const batched = 1")])]).toEqual([]);
  });

  test("hold the name of a file that it added, as an import says it", () => {
    expect(introduced(undefined, "1", "src/pooling.test.ts")).toEqual(["pooling"]);
    expect(introduced("0", "1", "src/pooling.ts")).toEqual([]);
  });
});

test("uses are later lines alone, each by its number", () => {
  const names = new Set(["batched"]);
  const touched = new Set(["src/a.ts"]);
  const changed = [file("const batched = 1;\nuse(batched);\n")];
  const now = [
    file("const batched = 1;\nuse(batched);\nagain(batched);\n"),
    file("batched()\n", "b.ts"),
    file("no()", "c.ts"),
  ];
  expect(usesOf(names, { touched, changed, now })).toEqual([
    { path: "src/a.ts", line: 3, name: "batched" },
    { path: "b.ts", line: 1, name: "batched" },
  ]);
  expect(usesOf(new Set(), { touched, changed, now })).toEqual([]);
  // A file of others that held the word before has it from elsewhere.
  const others = { touched, changed: [file("old(batched)", "e.ts")], now: [file("new(batched)", "e.ts")] };
  expect(usesOf(names, others)).toEqual([]);
  // A part of a longer word is another name.
  expect(usesOf(names, { touched, changed: [], now: [file("unbatched(batchedToo)", "d.ts")] })).toEqual([]);
});

test("a hostile text takes no longer than its length asks for", () => {
  const text = `${"const ".repeat(20_000)}\n${" ".repeat(50_000)}\n${"a".repeat(50_000)}:`;
  expect(introducedNames([], [file(text)]).size).toBeLessThan(5);
});
