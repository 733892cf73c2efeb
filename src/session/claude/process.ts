import { spawn, type ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import { groupGone } from "../../protect/process-group.ts";
import { type InitEvent, parseLine, type ResultEvent, type SessionLine } from "./events.ts";

/** A session to run. Environment variables are exactly those given. */
export type ClaudeRun = {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly prompt: string;
  readonly timeoutMs: number;
  /** Longest time without a line of output or an event of `progress`; no limit when absent. */
  readonly idleMs?: number | undefined;
  /** Sends events `progress` while something happens that is no line of output yet. */
  readonly progress?: EventTarget | undefined;
  /** Gets every line as it was written, before `watch`. */
  readonly seen?: ((line: string) => void) | undefined;
  /** Aborting ends the session as a limit does. */
  readonly signal?: AbortSignal | undefined;
  /** Told the leader of the process group; what it gives is done when the group is gone. */
  readonly onStarted?: ((pid: number) => Promise<() => Promise<void>>) | undefined;
  /** Sees every line as it comes; what it returns is why the session must end at once. */
  readonly watch?: (line: SessionLine) => string | undefined;
};

/** How the process ended and what it said that counts. */
export type ClaudeEnd = {
  readonly code: number | null;
  readonly init?: InitEvent;
  /** The last one. */
  readonly result?: ResultEvent;
  /** `timeout`, `no_progress`, `interrupted`, or what `watch` returned, when we ended it. */
  readonly stopped?: string;
  /** Last 8 KiB of standard error and of lines that are no events. */
  readonly text: string;
};

const GRACE_MS = 5_000;
const TAIL_LENGTH = 8 * 1024;

/**
 * Runs Claude Code to its end: SIGTERM to its process group at a time limit or when `watch` says so, SIGKILL 5 s
 * later; what is left of the group afterwards is killed in any case.
 * @throws WhetstoneError `package_refused` when the program cannot be started
 */
export async function runClaude(run: ClaudeRun): Promise<ClaudeEnd> {
  const child = start(run);
  const closed = closing(child, run);
  const end: { -readonly [Key in keyof ClaudeEnd]: ClaudeEnd[Key] } = { code: null, text: "" };
  let killer: NodeJS.Timeout | undefined;
  const stop = (why: string): void => {
    if (end.stopped !== undefined) return;
    end.stopped = why;
    signalGroup(child.pid, "SIGTERM");
    killer = setTimeout(() => signalGroup(child.pid, "SIGKILL"), GRACE_MS);
  };
  const interrupt = (): void => stop("interrupted");
  run.signal?.addEventListener("abort", interrupt, { once: true });
  if (run.signal?.aborted === true) interrupt();
  const known = child.pid === undefined ? undefined : run.onStarted?.(child.pid);
  known?.catch(() => interrupt()); // whoever has to know of the process could not note it; the error comes at the end
  const timer = setTimeout(() => stop("timeout"), run.timeoutMs);
  const idle = run.idleMs === undefined ? undefined : setTimeout(() => stop("no_progress"), run.idleMs);
  const advance = (): void => void idle?.refresh();
  run.progress?.addEventListener("progress", advance);
  child.stderr.setEncoding("utf8").on("data", (text: string) => (end.text = (end.text + text).slice(-TAIL_LENGTH)));
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = parseLine(text);
    run.seen?.(text);
    // What only says that a request is tried again is no progress.
    if (line.kind !== "retry") advance();
    if (line.kind === "init") end.init ??= line.event;
    if (line.kind === "result") end.result = line.event;
    if (line.kind === "text") end.text = `${end.text}${line.text}\n`.slice(-TAIL_LENGTH);
    const why = run.watch?.(line);
    if (why !== undefined) stop(why);
  });
  // The program may end before it has read its input; its exit says why.
  child.stdin.on("error", () => undefined).end(run.prompt);
  try {
    end.code = await closed;
    return end;
  } finally {
    clearTimeout(timer);
    clearTimeout(idle);
    clearTimeout(killer);
    run.signal?.removeEventListener("abort", interrupt);
    run.progress?.removeEventListener("progress", advance);
    signalGroup(child.pid, "SIGKILL");
    if (end.stopped !== undefined) await groupGone(child.pid);
    await (
      await known
    )?.();
  }
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

function start({ program, args, cwd, env }: ClaudeRun): Child {
  return spawn(program, args, { cwd, env, detached: process.platform !== "win32", stdio: ["pipe", "pipe", "pipe"] });
}

async function closing(child: Child, { program }: ClaudeRun): Promise<number | null> {
  try {
    return await new Promise<number | null>((done, fail) => {
      child.once("error", fail);
      child.once("close", done);
    });
  } catch (cause) {
    throw new WhetstoneError("package_refused", `${program} could not be started: ${messageOf(cause)}.`, {
      remedy: "Check that the file is a program for this platform.",
      cause,
    });
  }
}

/** The whole group: a program that confines another one keeps signals to itself. */
function signalGroup(pid: number | undefined, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    // The group is gone already, which is what was wanted.
  }
}
