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

type Young = { readonly isMainThread: boolean; readonly before: number; readonly after: number };

/** Sizes of the young generations before and after much work, bytes, in the threads of a command that is ended. */
async function youngGenerations(args: readonly string[]): Promise<readonly Young[]> {
  const env = { NODE_OPTIONS: `--import ${resolve("test/cli/heap-at-exit.ts")}` };
  const { child, ended } = startWhetstone(args, { cwd: folder, env });
  if (args.includes("collect") && child.stdout) {
    await once(child.stdout, "data");
    child.kill("SIGTERM");
  }
  const { err } = await ended;
  return [...err.matchAll(/^young (.*)$/gm)].map(([, said = ""]) => JSON.parse(said) as Young);
}

describe("keepYoungGeneration", () => {
  test("the receiver's young generation stays as it is, however much there is to do", async () => {
    const [main, ...others] = await youngGenerations(["collect", "--port", "0", "--json", "--db", "s.db"]);
    expect(others).toEqual([]);
    expect(main?.before).toBeGreaterThan(0);
    // Without it this work makes it 128 MiB. It may shrink.
    expect(main?.after).toBeLessThanOrEqual(main?.before ?? 0);
  });

  test("so does the proxy's, and that of its thread, which starts with what is enough", async () => {
    const young = await youngGenerations(["proxy", "--db", "p.db", "--", "cat"]);
    expect(young).toHaveLength(2);
    for (const { isMainThread, before, after } of young) {
      expect(after).toBeLessThanOrEqual(isMainThread ? before : 2 * 8 * 1_024 * 1_024);
    }
  });
});
