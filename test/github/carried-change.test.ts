import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { carriedChange, type TreeFiles } from "../../src/github/carried-change.ts";

const file = (sha: string, mode = "100644") => ({ mode, sha });
const tree = (files: Readonly<Record<string, string>>): TreeFiles =>
  new Map(Object.entries(files).map(([path, sha]) => [path, file(sha)]));

describe("carriedChange", () => {
  test("takes over what was changed, added and removed, and a mode", () => {
    const common = tree({ a: "1", b: "1", c: "1" });
    const head = new Map([...tree({ a: "2", d: "4" }), ["c", file("1", "100755")]]);
    expect(carriedChange({ common, head, base: common })).toEqual({
      changes: [
        ["a", file("2")],
        ["b", null],
        ["c", file("1", "100755")],
        ["d", file("4")],
      ],
      conflicts: [],
    });
  });

  test("leaves what the other branch changed, and names what both did", () => {
    const common = tree({ a: "1", b: "1", c: "1", d: "1" });
    const head = tree({ a: "2", b: "1", c: "3", d: "1", e: "5" });
    const base = tree({ a: "1", b: "9", c: "8", e: "6" });
    expect(carriedChange({ common, head, base })).toEqual({ changes: [["a", file("2")]], conflicts: ["c", "e"] });
  });

  test("what is the same on both sides by now is no change", () => {
    const [common, head] = [tree({ a: "1", b: "1" }), tree({ a: "2" })];
    expect(carriedChange({ common, head, base: head })).toEqual({ changes: [], conflicts: [] });
  });

  const trees = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("1", "2", "3")).map(tree);

  test("on the commit that both left, it leads to the head; without conflict, to what both changed", () => {
    fc.assert(
      fc.property(trees, trees, trees, (common, head, base) => {
        const plain = carriedChange({ common, head, base: common });
        expect([applied(common, plain.changes), plain.conflicts]).toEqual([head, []]);
        const { changes, conflicts } = carriedChange({ common, head, base });
        const after = applied(base, changes);
        for (const path of ["a", "b", "c", "d"]) {
          const [before, ours, theirs] = [common, head, base].map((files) => files.get(path)?.sha);
          const merged = ours === before ? theirs : theirs === before || theirs === ours ? ours : "conflict";
          expect(conflicts.includes(path)).toBe(merged === "conflict");
          if (merged !== "conflict") expect(after.get(path)?.sha).toBe(merged);
        }
      }),
    );
  });
});

function applied(files: TreeFiles, changes: ReturnType<typeof carriedChange>["changes"]): TreeFiles {
  const after = new Map(files);
  for (const [path, to] of changes) {
    if (to === null) after.delete(path);
    else after.set(path, to);
  }
  return after;
}
