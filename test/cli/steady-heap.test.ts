import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startWhetstone } from "../support/whetstone.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-heap-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Size of the young generation before and after much work, bytes, in the process of a command that was told to end. */
async function youngGeneration(args: readonly string[]): Promise<{ before: number; after: number }> {
  const env = { NODE_OPTIONS: `--import ${resolve("test/cli/heap-at-exit.ts")}` };
  const { child, ended } = startWhetstone(args, { cwd: folder, env });
  if (args.includes("collect") && child.stdout) await once(child.stdout, "data");
  child.kill("SIGTERM");
  const { err } = await ended;
  const said = /^young (.*)$/m.exec(err)?.[1];
  return JSON.parse(said ?? `"nothing was said: ${err}"`) as { before: number; after: number };
}

describe("keepYoungGeneration", () => {
  test("the receiver's young generation stays as it is, however much there is to do", async () => {
    const { before, after } = await youngGeneration(["collect", "--port", "0", "--json", "--db", "s.db"]);
    expect(before).toBeGreaterThan(0);
    // Without it this work makes it 128 MiB. It may shrink.
    expect(after).toBeLessThanOrEqual(before);
  });
});
