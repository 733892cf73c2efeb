import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { runCommand, type CommandOptions } from "../../src/validate/run-command.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { processesIn } from "../support/leftovers.ts";

const PATH = process.env["PATH"] ?? "";

function run(command: string, options: Partial<CommandOptions> = {}) {
  return runCommand({ run: command, cwd: "/", env: { PATH }, timeoutMs: 20_000, ...options });
}

/** Resolves when the file is there; the command that makes it tells that way how far it is. */
async function appeared(file: string): Promise<void> {
  while (!existsSync(file)) await new Promise((again) => setTimeout(again, 5));
}

/** Resolves when no process works in the folder any more: a killed one is listed until it was collected. */
async function gone(folder: string): Promise<void> {
  while ((await processesIn(folder)).length > 0) await new Promise((again) => setTimeout(again, 5));
}

describe("a command that ends by itself", () => {
  test("gives its exit code, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(255), async (code) => {
        expect(await run(`exit ${code}`)).toEqual({ exitCode: code, timedOut: false, tail: "" });
      }),
      { numRuns: 10 },
    );
  });

  test("gives no exit code when a signal ended it", async () => {
    expect(await run("kill -SEGV $$")).toMatchObject({ exitCode: null, timedOut: false });
  });

  test("runs in its folder with its environment and nothing to read", async () => {
    await using folder = await temporaryFolder();
    const env = { PATH, ONLY: "this" };
    const { exitCode, tail } = await run('pwd; echo "$ONLY-$HOME-"; cat', { cwd: folder.path, env });
    expect([exitCode, tail]).toEqual([0, `${folder.path}\nthis--\n`]);
  });

  test("keeps output and errors as one text", async () => {
    const { tail } = await run("echo out; echo err >&2; echo out");
    expect(tail.split("\n").sort()).toEqual(["", "err", "out", "out"]);
  });

  test("keeps the end of a long output, and characters that come in two parts", async () => {
    const { tail } = await run("yes a | head -c 100000; printf end");
    expect([tail.length, tail.endsWith("a\nend")]).toEqual([8_192, true]);
    expect((await run("printf '\\305'; sleep 0.1; printf '\\276'")).tail).toBe("ž");
    // 5,000 characters of two units each: the cut may fall inside one.
    const horses = (await run("printf '\\360\\237\\220\\264%.0s' $(seq 5000); printf x")).tail;
    expect([horses.length, horses.isWellFormed(), horses.endsWith("🐴x")]).toEqual([8_192, true, true]);
  });

  test("that cannot be started says why", async () => {
    const { exitCode, tail } = await run("true", { cwd: "/nowhere/at/all" });
    expect([exitCode, tail]).toEqual([null, expect.stringContaining("ENOENT")]);
  });
});

describe("what a command leaves running", () => {
  test("in the background is ended with it, and does not hold it up", async () => {
    await using folder = await temporaryFolder();
    const { exitCode, timedOut } = await run("sleep 300 & echo started", { cwd: folder.path });
    expect([exitCode, timedOut]).toEqual([0, false]);
    await gone(folder.path);
  });

  test("has no say any more once the command has ended", async () => {
    expect((await run("(sleep 0.3; echo late) & echo started")).tail).toBe("started\n");
  });

  test("outside its process group cannot hold it up either", async () => {
    await using folder = await temporaryFolder();
    const command = "setsid sh -c 'echo $$ > pid; exec sleep 300' & while [ ! -s pid ]; do :; done; echo started";
    const { exitCode, timedOut, tail } = await run(command, { cwd: folder.path });
    expect([exitCode, timedOut, tail]).toEqual([0, false, "started\n"]);
    process.kill(Number(await readFile(join(folder.path, "pid"), "utf8")), "SIGKILL");
  });
});

describe("the time limit", () => {
  test("ends the whole process group, a child that ignores SIGTERM too", async () => {
    await using folder = await temporaryFolder();
    const stubborn = "trap '' TERM INT HUP; echo stubborn; while :; do sleep 0.1; done";
    const ended = await run(`(${stubborn}) & ${stubborn}`, { cwd: folder.path, timeoutMs: 300 });
    expect(ended).toMatchObject({ exitCode: null, timedOut: true, tail: expect.stringContaining("stubborn") });
    await gone(folder.path);
  });

  test("is not said to have ended what ended before", async () => {
    expect(await run("exit 3", { timeoutMs: 19_999 })).toMatchObject({ exitCode: 3, timedOut: false });
  });
});

describe("a signal to stop", () => {
  test("ends the group of a running command", async () => {
    await using folder = await temporaryFolder();
    const controller = new AbortController();
    const command = "trap '' TERM; (trap '' TERM; sleep 300) & touch running; wait; sleep 300";
    const running = run(command, { cwd: folder.path, signal: controller.signal });
    await appeared(join(folder.path, "running"));
    controller.abort();
    expect(await running).toMatchObject({ exitCode: null, timedOut: false });
    await gone(folder.path);
  });

  test("that came before starts nothing", async () => {
    await using folder = await temporaryFolder();
    const ended = await run("touch started", { cwd: folder.path, signal: AbortSignal.abort() });
    expect([ended.exitCode, existsSync(join(folder.path, "started"))]).toEqual([null, false]);
  });

  test("is not listened to any more afterwards", async () => {
    let listeners = 0;
    const signal = {
      aborted: false,
      addEventListener: () => (listeners += 1),
      removeEventListener: () => (listeners -= 1),
    } as unknown as AbortSignal;
    await run("true", { signal });
    expect(listeners).toBe(0);
  });
});

describe("the lease", () => {
  test("knows the group while the command runs, and no longer", async () => {
    const told: [string, number][] = [];
    const lease = {
      addProcess: async (pid: number) => void told.push(["add", pid]),
      forgetProcess: async (pid: number) => void told.push(["forget", pid]),
    };
    const { tail } = await run("echo $$", { lease });
    expect(told).toEqual([
      ["add", Number(tail)],
      ["forget", Number(tail)],
    ]);
  });

  test("that cannot be written ends the command and passes its error on", async () => {
    await using folder = await temporaryFolder();
    const full = () => Promise.reject(new Error("disk full"));
    const running = run("sleep 300", { cwd: folder.path, lease: { addProcess: full, forgetProcess: full } });
    await expect(running).rejects.toThrow("disk full");
    await gone(folder.path);
  });
});
