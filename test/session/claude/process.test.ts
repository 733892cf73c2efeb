import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type ClaudeEnd, type ClaudeRun, runClaude } from "../../../src/session/claude/process.ts";
import { sessionEnvironment } from "../../../src/session/claude/recipe.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { stayingIn } from "../../support/claude.ts";

const RESULT = { type: "result", subtype: "success", is_error: false, total_cost_usd: 0, num_turns: 1 };

type FakeRun = {
  readonly end: ClaudeEnd;
  readonly left: readonly number[];
  readonly file: (name: string) => Promise<string>;
};

/** A shell script in place of the program, run in a folder of its own. */
async function fake(script: string, changes: Partial<ClaudeRun> = {}): Promise<FakeRun> {
  const folder = await temporaryFolder();
  const program = join(folder.path, "claude");
  await writeFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const env = { PATH: "/usr/bin:/bin" };
  const run = { program, args: [], cwd: folder.path, env, prompt: "the prompt", timeoutMs: 30_000, ...changes };
  const end = await runClaude(run);
  const left = await stayingIn(folder.path);
  const files = new Map<string, string>();
  for (const name of ["env", "prompt"].filter((each) => existsSync(join(folder.path, each)))) {
    files.set(name, await readFile(join(folder.path, name), "utf8"));
  }
  await folder[Symbol.asyncDispose]();
  return { end, left, file: (name) => Promise.resolve(files.get(name) ?? "") };
}

const say = (event: unknown): string => `echo '${JSON.stringify(event)}'`;

describe("the program's process", () => {
  test("gets the prompt on standard input and exactly the environment that was built for it", async () => {
    const env = sessionEnvironment({
      path: "/usr/bin:/bin",
      home: "/h",
      temporary: "/t",
      baseUrl: "http://127.0.0.1:1",
      placeholderKey: "sk-ant-placeholder",
    });
    const { end, file } = await fake(`cat > prompt; env > env; ${say(RESULT)}`, { env });
    expect(end).toMatchObject({ code: 0, result: { subtype: "success" } });
    expect(await file("prompt")).toBe("the prompt");
    const given = (await file("env"))
      .split("\n")
      .map((line) => line.split("=")[0] ?? "")
      .filter((name) => !["", "PWD", "_", "SHLVL", "OLDPWD"].includes(name));
    expect(given.sort()).toEqual(Object.keys(env).sort());
  });

  test("whoever asked for it is told the process group, and may end it", async () => {
    const ending = new AbortController();
    const told: string[] = [];
    const onStarted = (pid: number) => {
      told.push(`started ${pid > 0}`);
      return Promise.resolve(() => Promise.resolve(void told.push("over")));
    };
    const seen = (): void => ending.abort();
    const { end, left } = await fake(`${say(RESULT)}; sleep 1000`, { onStarted, seen, signal: ending.signal });
    expect([end.stopped, left, told]).toEqual(["interrupted", [], ["started true", "over"]]);
    const before = await fake("sleep 1000", { signal: AbortSignal.abort() });
    expect([before.end.stopped, before.left]).toEqual(["interrupted", []]);
  });

  test("silence ends it, unless something else says that there is progress", async () => {
    const waiting = "while [ ! -e go ]; do sleep 0.1; done";
    const silent = await fake(waiting, { idleMs: 400 });
    expect([silent.end.stopped, silent.left]).toEqual(["no_progress", []]);
    const progress = new EventTarget();
    let events = 0;
    const timer = setInterval(() => {
      progress.dispatchEvent(new Event("progress"));
      events += 1;
    }, 50);
    // Three times as long as the silence that is allowed.
    const thinking = await fake("n=0; while [ $n -lt 12 ]; do sleep 0.1; n=$((n+1)); done", { idleMs: 400, progress });
    clearInterval(timer);
    expect([thinking.end.stopped, thinking.end.code, events > 3]).toEqual([undefined, 0, true]);
  });

  test("the last result counts, and lines that are no events are kept as text", async () => {
    const { end } = await fake(
      [say(RESULT), "echo plain; echo wrong >&2", say({ ...RESULT, num_turns: 7 })].join("\n"),
    );
    expect(end.result?.num_turns).toBe(7);
    expect(end.text).toContain("plain");
    expect(end.text).toContain("wrong");
  });

  test("a program that does not read its input and ends is no error of ours", async () => {
    const { end } = await fake("exit 4", { prompt: "x".repeat(1_000_000) });
    expect(end).toMatchObject({ code: 4, text: "" });
    expect(end.result).toBeUndefined();
  });

  test("at the time limit it is asked to end, and what it started is killed", async () => {
    const { end, left } = await fake("sleep 300 & sleep 300 & wait", { timeoutMs: 500 });
    expect(end).toMatchObject({ code: null, stopped: "timeout" });
    expect(left).toEqual([]);
  });

  test("one that ignores SIGTERM is killed", async () => {
    const { end, left } = await fake("trap '' TERM; while true; do sleep 1; done", { timeoutMs: 500 });
    expect(end).toMatchObject({ code: null, stopped: "timeout" });
    expect(left).toEqual([]);
  });

  test("what it leaves running in its group is killed after a good end", async () => {
    const { end, left } = await fake(`sleep 300 >/dev/null 2>&1 & ${say(RESULT)}`);
    expect(end.code).toBe(0);
    expect(left).toEqual([]);
  });

  test("it is ended as soon as somebody who watches says so, and the first reason holds", async () => {
    const watch = (): string => "not so";
    const { end, left } = await fake(`${say(RESULT)}; ${say(RESULT)}; sleep 300`, { watch });
    expect(end.stopped).toBe("not so");
    expect(left).toEqual([]);
  });

  test("one that cannot be started is an error", async () => {
    await expect(fake("exit 0", { program: "/nowhere/claude" })).rejects.toMatchObject({ code: "package_refused" });
  });
});
