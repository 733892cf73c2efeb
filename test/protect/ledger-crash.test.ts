import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "@jest/globals";
import { openGitState } from "../../src/github/git-state.ts";
import { gitText } from "../../src/github/git.ts";
import { manualClock } from "../../src/model/time.ts";
import { appendLedger, readLedger, verifyLedger } from "../../src/protect/ledger.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";
import { entries, entry } from "./ledger-entries.ts";

const clock = manualClock();
const REF = "refs/heads/whetstone/state";
const stateAt = (cwd: string) => openGitState({ cwd, now: clock.now });

/** Every file of a repository's `.git`, by its path in there. */
async function filesOf(root: string): Promise<ReadonlyMap<string, Buffer>> {
  const all = await readdir(join(root, ".git"), { recursive: true, withFileTypes: true });
  const paths = all.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  const start = join(root, ".git").length + 1;
  return new Map(await Promise.all(paths.map(async (path) => [path.slice(start), await readFile(path)] as const)));
}

type Step = { readonly what: string; readonly files: readonly (readonly [string, Buffer])[]; readonly lock?: boolean };

/**
 * What an append leaves on disk when it ends between any two of its file operations, in the order in which git does them:
 * each object is written under another name and renamed, in any order; then the branch is locked, its log grows, the
 * lock gets the new commit, and takes the branch's name.
 */
function stepsOf(before: ReadonlyMap<string, Buffer>, after: ReadonlyMap<string, Buffer>): readonly Step[] {
  const objects = [...after].filter(([path]) => path.startsWith("objects/") && !before.has(path));
  const log = after.get(`logs/${REF}`) ?? Buffer.from("");
  const head = after.get(REF) ?? Buffer.from("");
  const steps: Step[] = [];
  for (const [order, list] of Object.entries({ one: objects, other: objects.toReversed() })) {
    for (const [count, [path, bytes]] of list.entries()) {
      const half = [join(dirname(path), "tmp_obj_xYz123"), bytes.subarray(0, bytes.length / 2)] as const;
      steps.push({ what: `${count} objects in ${order} order`, files: list.slice(0, count) });
      steps.push({ what: `half an object after ${count} in ${order} order`, files: [...list.slice(0, count), half] });
    }
  }
  const lock = (bytes: Buffer) => [`${REF}.lock`, bytes] as const;
  const logged = (bytes: Buffer) => [`logs/${REF}`, bytes] as const;
  return [
    ...steps,
    { what: "all objects", files: objects },
    { what: "an empty lock", files: [...objects, lock(Buffer.from(""))], lock: true },
    { what: "half a lock", files: [...objects, lock(head.subarray(0, 20))], lock: true },
    { what: "a whole lock", files: [...objects, lock(head)], lock: true },
    {
      what: "half a line of the log",
      files: [...objects, logged(log.subarray(0, log.length - 30)), lock(head)],
      lock: true,
    },
    { what: "the log, but not the branch", files: [...objects, logged(log), lock(head)], lock: true },
  ];
}

test("an append that ends between any two file operations leaves the ledger of before, whole, and the next one goes on", async () => {
  await using repository = await temporaryRepository();
  await using copies = await temporaryFolder();
  await appendLedger(stateAt(repository.root), entries(3), { clock });
  const before = await filesOf(repository.root);
  await cp(repository.root, join(copies.path, "before"), { recursive: true });
  await appendLedger(stateAt(repository.root), [entry(4)], { clock });
  const steps = stepsOf(before, await filesOf(repository.root));
  // Segment, tip, two folders and the commit, at the least.
  expect(steps.length).toBeGreaterThan(20);
  for (const { what, files, lock = false } of steps) {
    const root = join(copies.path, "now");
    await cp(join(copies.path, "before"), root, { recursive: true });
    for (const [path, bytes] of files) {
      await mkdir(dirname(join(root, ".git", path)), { recursive: true });
      await writeFile(join(root, ".git", path), bytes);
    }
    const state = stateAt(root);
    const view = await state.view();
    expect({ what, records: (await readLedger(view)).records.map(({ run }) => run) }).toEqual({
      what,
      records: ["r1", "r2", "r3"],
    });
    expect(await verifyLedger(view)).toMatchObject({ ok: true, records: 3 });
    // A lock is somebody's until a person says that it is not; `git-state.test.ts` holds that it is named.
    if (lock) await rm(join(root, ".git", `${REF}.lock`));
    await appendLedger(state, [entry(5)], { clock });
    const next = await state.view();
    expect({ what, verdict: await verifyLedger(next) }).toMatchObject({ what, verdict: { ok: true, records: 4 } });
    expect((await readLedger(next)).records.at(-1)?.run).toBe("r5");
    expect(await gitText({ args: ["fsck", "--strict", "--no-dangling"], cwd: root })).toBe("");
    await rm(root, { recursive: true });
  }
});
