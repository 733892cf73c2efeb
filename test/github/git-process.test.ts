import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { runGit } from "../../src/github/git.ts";
import { openGitState } from "../../src/github/git-state.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";
import { withGit } from "./git-shim.ts";

/** Whether a process does anything: what was ended may stay in the table until its parent asks for its exit code. */
const isAlive = async (pid: string): Promise<boolean> => {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/\) [ZX] /.test(stat);
};

/** The system ends a killed process when it next runs it, which on a busy machine is not at once; one that lives on fails by the limit. */
const ended = async (pid: string): Promise<void> => {
  while (await isAlive(pid));
};

describe("a git that takes too long", () => {
  test("is ended with what it started, and the error says what it was", async () => {
    await using folder = await temporaryFolder();
    const pids = join(folder.path, "pids");
    // The child ignores its parent's end and holds its standard output open, as filters do.
    const body = `sh -c 'trap "" TERM HUP INT; while :; do sleep 100; done' & echo "$$ $!" >${pids}; wait`;
    const args = ["fsck"];
    await withGit(folder.path, body, async () => {
      // As long as the script needs to say its processes: it is asked again until it did.
      for (let limitMs = 500; (await readFile(pids, "utf8").catch(() => "")) === ""; limitMs *= 2) {
        await expect(runGit({ args, cwd: folder.path, limitMs })).rejects.toMatchObject({
          code: "timeout",
          message: `git fsck took longer than ${limitMs / 1000} s and was ended.`,
          data: { args, limitMs },
        });
      }
    });
    for (const pid of (await readFile(pids, "utf8")).trim().split(" ")) await ended(pid);
  });

  const onLinux = process.platform === "linux" ? test : test.skip;
  onLinux("what has left its group and holds the output open does not keep anybody waiting", async () => {
    await using folder = await temporaryFolder();
    const pids = join(folder.path, "pids");
    const body = `setsid sleep 1000 & echo $! >${pids}; exit 0`;
    await withGit(folder.path, body, async () => {
      await expect(runGit({ args: ["fsck"], cwd: folder.path, limitMs: 1_000 })).rejects.toMatchObject({
        code: "timeout",
      });
    });
    const pid = (await readFile(pids, "utf8").catch(() => "")).trim();
    if (pid !== "" && (await isAlive(pid))) process.kill(Number(pid), "SIGKILL");
  });

  test("a git that is in time is not ended, and nothing keeps the process waiting for the limit", async () => {
    await using repository = await temporaryRepository();
    expect((await runGit({ args: ["rev-parse", "--git-dir"], cwd: repository.root, limitMs: 100_000 })).code).toBe(0);
  });
});

test("a state that is written takes three git processes, one that is read takes one", async () => {
  await using repository = await temporaryRepository();
  await using shim = await temporaryFolder();
  const log = join(shim.path, "log");
  const state = openGitState({ cwd: repository.root, now: () => 0n });
  const files = Array.from({ length: 50 }, (_, n) => [`folder${n % 7}/deep/f${n}`, `text ${n}`] as const);
  await state.update("m", async () => ({ change: new Map(files), value: undefined }));
  const commands = async () => (await readFile(log, "utf8")).trim().split("\n");
  await withGit(shim.path, `echo "$*" >>${log}; exec git "$@"`, async () => {
    const read = async () => {
      const view = await state.view();
      return await Promise.all([view.list(""), ...files.map(([path]) => view.read(path))]);
    };
    expect((await read()).slice(1)).toEqual(files.map(([, text]) => text));
    expect(await commands()).toHaveLength(1);
    await state.update("m", async (view) => {
      const before = await view.read("folder3/deep/f3");
      return {
        change: new Map([
          ["folder3/deep/f3", `${before} more`],
          ["new", "x"],
        ]),
        value: undefined,
      };
    });
    const words = (await commands()).slice(1).map((line) => /cat-file|unpack-objects|update-ref|\w+$/.exec(line)?.[0]);
    expect(words).toEqual(["cat-file", "unpack-objects", "update-ref"]);
  });
});
