import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, test } from "@jest/globals";
import { howCalled } from "../../src/cli/called.ts";
import { temporaryFolder } from "../support/git-repository.ts";

test("npx is named only where it finds Whetstone in the repository, never where it would ask the registry", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  expect(howCalled(path)).toEqual({ command: "whetstone", ownClone: false });
  await mkdir(join(path, "node_modules/.bin"), { recursive: true });
  expect(howCalled(path).command).toBe("whetstone");
  await writeFile(join(path, "node_modules/.bin/whetstone"), "");
  expect(howCalled(path)).toEqual({ command: "npx whetstone", ownClone: false });
});

test("the clone of Whetstone is known", () => {
  expect(howCalled(resolve("."))).toEqual({ command: "npx whetstone", ownClone: true });
});
