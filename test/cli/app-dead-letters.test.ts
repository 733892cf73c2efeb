import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openWorkQueue } from "../../src/app/work/open.ts";
import { LEASE, workedOff, workOf } from "../app/work/works.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { whetstone } from "../support/whetstone.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const run = (...args: readonly string[]) => whetstone(["app", "dead-letters", ...args], { cwd: folder.path });

beforeAll(async () => {
  folder = await temporaryFolder();
  await using queue = await openWorkQueue({ url: join(folder.path, "queue.db") });
  for (const id of ["d-1", "d-2"]) {
    await queue.add(workOf(id, { payload: '{"text":"somebody\'s words"}' }));
    await workedOff(queue, { kind: "dead", error: `ghp_${"a".repeat(36)} \u001b[2J failed` });
  }
});
afterAll(async () => folder[Symbol.asyncDispose]());

describe("whetstone app dead-letters", () => {
  test("lists what was given up, with exit 1; neither payloads nor secrets nor control characters", async () => {
    const { code, out } = await run("list", "--db", "queue.db", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      total: 2,
      returned: 2,
      deadLetters: [
        { id: "d-2", key: "octo-org/notes#d-2", attempts: 1, diedAt: expect.stringMatching(/^2027-/) },
        { id: "d-1" },
      ],
    });
    const text = await run("list", "--db", "queue.db", "--limit", "1");
    expect(text.out).toContain("1 of 2.");
    for (const said of [out, text.out]) {
      for (const hidden of ["somebody", "ghp_a", "\u001b"]) expect(said).not.toContain(hidden);
    }
  });

  test("retry lets one be tried again, once", async () => {
    expect(JSON.parse((await run("retry", "d-1", "--db", "queue.db", "--json")).out)).toEqual({
      id: "d-1",
      state: "waiting",
    });
    const again = await run("retry", "d-1", "--db", "queue.db");
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining("There is no dead letter d-1") });
    await using queue = await openWorkQueue({ url: join(folder.path, "queue.db") });
    expect(await queue.claim(Date.now() + LEASE, LEASE)).toMatchObject({ id: "d-1", attempt: 1 });
  });

  test("where nothing was ever kept there is nothing to list, and looking makes no store", async () => {
    await using empty = await temporaryFolder();
    const at = (...args: readonly string[]) => whetstone(["app", "dead-letters", ...args], { cwd: empty.path });
    expect(await at("list")).toMatchObject({ code: 0, out: "Nothing was given up.\n" });
    expect(JSON.parse((await at("list", "--json")).out)).toEqual({ deadLetters: [], returned: 0, total: 0 });
    expect((await at("retry", "d-1")).code).toBe(2);
    expect(await readdir(empty.path)).toEqual([]);
  });

  test.each([
    [["list", "--db", "nowhere.db"], "There is no store at"],
    [["list", "--limit", "0"], "--limit 0"],
    [["retry"], "missing required argument"],
  ])("%j: exit 2", async (args, message) => {
    const { code, err } = await run(...args);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) });
  });
});
