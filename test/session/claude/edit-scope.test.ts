import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { pathRefusal } from "../../../src/protect/patch-rules.ts";
import { editScope } from "../../../src/session/claude/edit-scope.ts";

describe("where a session may edit", () => {
  test.each<[readonly string[], readonly string[]]>([
    [["src/**"], ["src"]],
    [
      ["./src/**", "/lib/*.ts"],
      ["lib", "src"],
    ],
    [["examples/notes-server/src/**"], ["examples/notes-server/src"]],
    [["packages/*/src/**"], ["packages"]],
    [["src/server.js"], ["src"]],
    [["server.js"], ["."]],
    [["**/*.ts", "src/**"], ["."]],
    [["src/{a,b}/**"], ["src"]],
    [["src/[ab]/**", "src/deep/**"], ["src"]],
    [["a b/c/**"], ["."]],
    [["../outside/**"], ["."]],
    [
      ["src/a/**", "src/a/b/**", "src/ab/**"],
      ["src/a", "src/ab"],
    ],
  ])("%j: %j", (source, folders) => {
    expect(editScope(source).folders).toEqual(folders);
  });

  test("rules have no slash at their head, and what the target takes out is taken out", () => {
    const { allowed, denied } = editScope(["src/**", "!src/generated/**"]);
    expect(allowed).toEqual(["Edit(src/**)"]);
    expect(denied).toContain("Edit(src/generated/**)");
    expect(denied).toEqual(expect.arrayContaining(["Edit(.git/**)", "Edit(**/CLAUDE.md)", "Edit(**/package.json)"]));
    for (const rule of [...allowed, ...denied]) expect(rule).toMatch(/^Edit\([^/(),\s][^(),\s]*\)$/);
  });

  const name = fc.constantFrom("a", "b", "src", "lib", "x.ts", "*", "**", "*.ts", "a b", "(c)", "{a,b}", "ž");
  const glob = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  const path = fc
    .array(fc.constantFrom("a", "b", "src", "lib", "x.ts", "deep"), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join("/"));

  test("every file that the target's rules allow lies in one of the folders", () => {
    fc.assert(
      fc.property(fc.array(glob, { minLength: 1, maxLength: 3 }), path, (source, file) => {
        const { folders, allowed } = editScope(source);
        expect(allowed).toHaveLength(folders.length);
        if (pathRefusal(file, { source }) !== undefined) return;
        expect(folders.some((folder) => folder === "." || file.startsWith(`${folder}/`))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("no folder lies in another one", () => {
    fc.assert(
      fc.property(fc.array(glob, { minLength: 1, maxLength: 4 }), (source) => {
        const { folders } = editScope(source);
        for (const one of folders) {
          expect(folders.filter((other) => one === other || other === "." || one.startsWith(`${other}/`))).toEqual([
            one,
          ]);
        }
      }),
    );
  });
});
