import { lstat, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { sourceFolders } from "../../../src/session/claude/source-folders.ts";
import { temporaryFolder } from "../../support/git-repository.ts";

test("folders are made where there are none; the worktree itself is one", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "src"));
  const made = await sourceFolders(folder.path, ["src", "lib/deep/er", "."]);
  expect(made).toEqual([join(folder.path, "src"), join(folder.path, "lib/deep/er"), folder.path]);
  expect((await lstat(join(folder.path, "lib/deep/er"))).isDirectory()).toBe(true);
});

test("what is a file, or leads elsewhere by a link, is left out, and nothing is made there", async () => {
  await using folder = await temporaryFolder();
  await using outside = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  await writeFile(at("file"), "x");
  await mkdir(at("real"));
  await symlink(outside.path, at("away"));
  await symlink("real", at("near"));
  await symlink("nowhere", at("broken"));
  const given = [
    "file",
    "file/below",
    "away",
    "away/below",
    "near",
    "near/below",
    "broken",
    "broken/below",
    "real/new",
  ];
  expect(await sourceFolders(folder.path, given).catch((error: unknown) => error)).toEqual([at("real/new")]);
  expect(await readdir(outside.path)).toEqual([]);
  expect(await readdir(at("real"))).toEqual(["new"]);
});
