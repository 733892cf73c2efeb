import { appendFile, chmod, mkdir, readdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { snapshotTree, treeChanges } from "../../../src/session/claude/tree-snapshot.ts";
import { temporaryFolder } from "../../support/git-repository.ts";

/** Something that somebody does to a file. */
const DEEDS = {
  append: (path: string) => appendFile(path, "x"),
  same: async (path: string) => {
    await writeFile(path, "CONTENT");
    await utimes(path, 1, 1);
  },
  executable: (path: string) => chmod(path, 0o755),
  remove: (path: string) => rm(path),
  replace: async (path: string) => {
    await writeFile(`${path}.new`, "content");
    await rename(`${path}.new`, path);
  },
  link: async (path: string) => {
    await rm(path);
    await symlink("elsewhere", path);
  },
} as const;

const names = fc.constantFrom("a", "b", "c/d", "c/e", ".hidden", "deep/er/f", "node_modules/x/y");

async function lay(root: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), "content");
  }
}

test("every deed on every file is seen, and no other file is named", async () => {
  const deeds = fc.dictionary(names, fc.constantFrom(...(Object.keys(DEEDS) as (keyof typeof DEEDS)[])));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(names, { minLength: 1 }), deeds, async (paths, done) => {
      await using folder = await temporaryFolder();
      await lay(folder.path, paths);
      const before = await snapshotTree(folder.path);
      expect([...before.keys()].sort()).toEqual([...paths].sort());
      const touched = paths.filter((path) => Object.hasOwn(done, path));
      for (const path of touched) await DEEDS[done[path] ?? "append"](join(folder.path, path));
      const changes = treeChanges(before, await snapshotTree(folder.path));
      expect(changes.map(({ path }) => path)).toEqual([...touched].sort());
      for (const { path, before: old, after } of changes) {
        expect(old).toBe("file");
        expect(after).toBe(done[path] === "remove" ? undefined : done[path] === "link" ? "link" : "file");
      }
    }),
    { numRuns: 40 },
  );
});

test("new files are seen, folders only by what is in them, git's own entry at the top not at all", async () => {
  await using folder = await temporaryFolder();
  await lay(folder.path, ["a", ".git/config", "deep/.git/config"]);
  const before = await snapshotTree(folder.path);
  expect([...before.keys()].sort()).toEqual(["a", "deep/.git/config"]);
  await mkdir(join(folder.path, "empty"));
  await lay(folder.path, ["new/file", ".git/hooks/x"]);
  await symlink("a", join(folder.path, "link"));
  expect(treeChanges(before, await snapshotTree(folder.path))).toEqual([
    { path: "link", before: undefined, after: "link" },
    { path: "new/file", before: undefined, after: "file" },
  ]);
});

test("a link is where it leads, not what is there; reading changes nothing", async () => {
  await using folder = await temporaryFolder();
  await lay(folder.path, ["a", "b"]);
  await symlink("a", join(folder.path, "link"));
  await symlink("/", join(folder.path, "root"));
  const before = await snapshotTree(folder.path);
  expect(before.get("root")).toEqual({ kind: "link", stamp: "/" });
  await readdir(folder.path);
  expect(treeChanges(before, await snapshotTree(folder.path))).toEqual([]);
  await rm(join(folder.path, "link"));
  await symlink("b", join(folder.path, "link"));
  expect(treeChanges(before, await snapshotTree(folder.path)).map(({ path }) => path)).toEqual(["link"]);
});

test("a wide and deep folder is read whole", async () => {
  await using folder = await temporaryFolder();
  const paths = Array.from({ length: 600 }, (_, index) => `d${index % 40}/e${index % 7}/f${index}`);
  await lay(folder.path, paths);
  expect((await snapshotTree(folder.path)).size).toBe(600);
});
