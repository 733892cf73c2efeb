import { expect, test } from "@jest/globals";
import { chmod, lstat, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copyForOthers, isPrivate } from "./postgres-binaries.ts";
import { temporaryFolder } from "./git-repository.ts";

test("a folder below one that keeps others out is private, and is no longer when that one is opened", async () => {
  await using folder = await temporaryFolder();
  const inner = join(folder.path, "a", "b");
  await mkdir(inner, { recursive: true });
  for (const mode of [0o700, 0o750, 0o755, 0o711]) {
    await chmod(folder.path, mode);
    expect([mode, await isPrivate(inner)]).toEqual([mode, mode % 2 === 0]);
  }
});

test("its copy is open to all, whole, and links in it stay links", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "program"), "#!", { mode: 0o755 });
  await symlink("program", join(folder.path, "alias"));
  await chmod(folder.path, 0o700);
  const copy = await copyForOthers(folder.path);
  expect(await isPrivate(copy)).toBe(false);
  expect((await stat(join(copy, "program"))).mode & 0o777).toBe(0o755);
  expect((await lstat(join(copy, "alias"))).isSymbolicLink()).toBe(true);
  expect(await readFile(join(copy, "alias"), "utf8")).toBe("#!");
  await rm(copy, { recursive: true });
});
