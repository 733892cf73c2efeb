import { afterAll, beforeAll } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder for the tests of a file; returns a function that gives a new path in it. */
export function temporaryPaths(): (name?: string) => string {
  let folder = "";
  let count = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "whetstone-store-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return (name = "store.db") => {
    count += 1;
    return join(folder, String(count), name);
  };
}
