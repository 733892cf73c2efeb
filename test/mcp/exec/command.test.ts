import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { runCommand, type CommandRequest } from "../../../src/mcp/exec/command.ts";
import { endStrays, RUN_VARIABLE, signalGroup } from "../../../src/mcp/exec/group.ts";
import { temporaryFolder } from "../../support/git-repository.ts";

let runs = 0;

function request(script: string, changes: Partial<CommandRequest> = {}): CommandRequest {
  const run = `test-${process.pid}-${(runs += 1)}`;
  return {
    words: [process.execPath, "-e", script],
    cwd: process.cwd(),
    env: { PATH: process.env["PATH"] ?? "", [RUN_VARIABLE]: run },
    run,
    timeoutMs: 20_000,
    graceMs: 2_000,
    outputLength: 1_000,
    signal: new AbortController().signal,
    settle: async () => undefined,
    ...changes,
  };
}

describe("a command", () => {
  test("ends with its exit code and what it said", async () => {
    const end = await runCommand(request('console.log("out"); console.error("err"); process.exitCode = 7'));
    expect(end).toMatchObject({ exitCode: 7, signal: null, timedOut: false, leftBehind: false });
    expect([end.stdout.head, end.stderr.head]).toEqual(["out\n", "err\n"]);
  });

  test("has no standard input to wait for", async () => {
    const end = await runCommand(request('process.stdin.on("end", () => console.log("end")).resume()'));
    expect(end.stdout.head).toBe("end\n");
  });

  test("that takes too long gets SIGTERM first, so that it can send what it holds", async () => {
    const script =
      'process.on("SIGTERM", () => { console.log("flushed"); process.exit(0); }); console.log("up"); setInterval(() => 0, 1000)';
    const end = await runCommand(request(script, { timeoutMs: 500 }));
    expect(end).toMatchObject({ timedOut: true, exitCode: 0 });
    expect(end.stdout.head).toBe("up\nflushed\n");
  });

  test("that ignores SIGTERM gets SIGKILL", async () => {
    const script = 'process.on("SIGTERM", () => 0); setInterval(() => 0, 1000)';
    expect(await runCommand(request(script, { timeoutMs: 300, graceMs: 100 }))).toMatchObject({
      timedOut: true,
      signal: "SIGKILL",
    });
  });

  test("settles while its group lives, and is told when it does not", async () => {
    const seen: boolean[] = [];
    const settle = async (isAlive: () => boolean) => void seen.push(isAlive());
    const child =
      'require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"], { stdio: "ignore" }).unref()';
    expect(await runCommand(request(child, { settle }))).toMatchObject({ exitCode: 0, leftBehind: true });
    expect(await runCommand(request("0", { settle }))).toMatchObject({ exitCode: 0, leftBehind: false });
    expect(seen).toEqual([true, false]);
  });

  test("whose settling fails leaves nothing behind either", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "pid");
    const script = `const c = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"], { stdio: "ignore" }); require("node:fs").writeFileSync(${JSON.stringify(file)}, String(c.pid)); c.unref()`;
    const failing = request(script, { settle: () => Promise.reject(new Error("no")) });
    await expect(runCommand(failing)).rejects.toThrow("no");
    const stat = await readFile(`/proc/${await readFile(file, "utf8")}/stat`, "utf8").catch(() => "");
    expect(stat === "" || / Z /.test(stat)).toBe(true);
  });

  test("is not started when the call is cancelled already", async () => {
    await expect(runCommand(request("0", { signal: AbortSignal.abort() }))).rejects.toThrow(/abort/i);
  });

  test("that does not exist is a mistake of the caller", async () => {
    const missing = request("", { words: ["no-such-program"] });
    await expect(runCommand(missing)).rejects.toMatchObject({
      code: "usage",
      remedy: expect.stringContaining("shell"),
    });
  });
});

describe("strays", () => {
  test("are known by their mark alone: others live on", async () => {
    const start = async (run: string) => {
      const child = spawn(process.execPath, ["-e", 'console.log("up"); setInterval(() => 0, 1000)'], {
        env: { [RUN_VARIABLE]: run },
        stdio: ["ignore", "pipe", "ignore"],
        detached: true,
      });
      await once(child.stdout, "data");
      return child;
    };
    const [mine, other] = [await start("stray-a"), await start("stray-ab")];
    const ended = once(mine, "exit");
    expect(await endStrays("stray-a")).toBe(1);
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(other.exitCode).toBeNull();
    expect(signalGroup(other.pid ?? 0, 0)).toBe(true);
    const otherEnded = once(other, "exit");
    expect(await endStrays("stray-ab")).toBe(1);
    await otherEnded;
    expect(signalGroup(other.pid ?? 0, 0)).toBe(false);
  });

  test("that nobody left are none", async () => {
    expect(await endStrays("nobody")).toBe(0);
  });
});
