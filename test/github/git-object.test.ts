import { describe, expect, test } from "@jest/globals";
import { gitText, runGit } from "../../src/github/git.ts";
import {
  commitObject,
  folderObject,
  formatOf,
  type NewObject,
  objectId,
  type ObjectFormat,
  readFolder,
} from "../../src/github/git-object.ts";
import { storeObjects } from "../../src/github/object-writer.ts";
import fc from "fast-check";
import { temporaryFolder } from "../support/git-repository.ts";

async function repositoryOf(format: ObjectFormat) {
  const folder = await temporaryFolder();
  await gitText({ args: ["init", "--quiet", `--object-format=${format}`], cwd: folder.path });
  return folder;
}
const NAME = fc
  .string({ unit: fc.constantFrom("a", "b", ".", "-", "0", "z", "é", "ž", "🐎", " ", "~"), minLength: 1, maxLength: 6 })
  .filter((name) => name !== "." && name !== "..");

describe.each(["sha1", "sha256"] as const)("objects of %s", (format) => {
  test("sizes around every step of the pack's lengths: git stores each under the id that we say", async () => {
    await using folder = await repositoryOf(format);
    const sizes = [0, 1, 15, 16, 17, 127, 128, 2_047, 2_048, 2_049, 65_536, 262_143, 262_144, 300_001];
    const objects = sizes.map((size): NewObject => ({ type: "blob", bytes: Buffer.alloc(size, `${size},`) }));
    await storeObjects(folder.path, objects, format);
    const ids = objects.map((object) => objectId(object, format));
    const { stdout } = await runGit({
      args: ["cat-file", "--batch-check"],
      cwd: folder.path,
      input: `${ids.join("\n")}\n`,
    });
    expect(stdout.toString("utf8").trim().split("\n")).toEqual(ids.map((id, n) => `${id} blob ${sizes[n]}`));
    expect(ids.map(formatOf)).toEqual(sizes.map(() => format));
    expect(await gitText({ args: ["fsck", "--strict", "--no-dangling"], cwd: folder.path })).toBe("");
  });

  test("folders and commits are those that git makes, name by name", async () => {
    await using folder = await repositoryOf(format);
    const blob: NewObject = { type: "blob", bytes: Buffer.from("x\n") };
    const id = objectId(blob, format);
    const sub = folderObject([{ mode: "100644", name: "f", id }]);
    await storeObjects(folder.path, [blob, sub], format);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.tuple(NAME, fc.boolean()), { selector: ([name]) => name }), async (named) => {
        const entries = named.map(([name, isFolder]) =>
          isFolder ? { mode: "40000", name, id: objectId(sub, format) } : { mode: "100644", name, id },
        );
        const made = folderObject(entries);
        const input = entries
          .map(({ mode, name, id: at }) => `${mode} ${mode === "40000" ? "tree" : "blob"} ${at}\t${name}\0`)
          .join("");
        const tree = await gitText({ args: ["mktree", "-z"], cwd: folder.path, input });
        expect(objectId(made, format)).toBe(tree);
        const key = ({ name }: { name: string }) => name;
        const byName = (a: { name: string }, b: { name: string }) => (key(a) < key(b) ? -1 : 1);
        expect(readFolder(Buffer.from(made.bytes), format).toSorted(byName)).toEqual(entries.toSorted(byName));
      }),
      { numRuns: 10 },
    );
    const tree = objectId(sub, format);
    for (const parent of [undefined, "first"] as const) {
      const first = objectId(commitObject({ tree, parent: undefined, message: "m", at: 0n }), format);
      const content = { tree, parent: parent && first, message: "Zpráva\n\ntext", at: 1_700_000_000_999_999_999n };
      const commit = commitObject(content);
      await storeObjects(folder.path, [commitObject({ tree, parent: undefined, message: "m", at: 0n })], format);
      const date = "1700000000 +0000";
      const theirs = await gitText({
        args: ["commit-tree", tree, ...(content.parent ? ["-p", content.parent] : []), "-F", "-"],
        cwd: folder.path,
        input: `${content.message}\n`,
        env: { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
      });
      expect(objectId(commit, format)).toBe(theirs);
    }
  });
});

test("a message with NUL, which git cannot store, keeps everything else", () => {
  const { bytes } = commitObject({ tree: "a".repeat(40), parent: undefined, message: "a\0b", at: 0n });
  expect(Buffer.from(bytes).toString("utf8")).toMatch(/\n\na\ufffdb\n$/);
});
