import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { WhetstoneError, messageOf } from "../../model/error.ts";
import { endStrays, signalGroup } from "./group.ts";
import { keepOutput, type Output } from "./output.ts";

/** A command and its limits. */
export type CommandRequest = {
  /** Program and arguments; no shell comes in between. */
  readonly words: readonly [string, ...string[]];
  readonly cwd: string;
  /** Exactly these variables; they hold the run's mark (see `group.ts`). */
  readonly env: Readonly<Record<string, string>>;
  readonly run: string;
  readonly timeoutMs: number;
  /** Between SIGTERM and SIGKILL, so that the program can send what it holds. */
  readonly graceMs: number;
  /** Characters kept of the beginning and of the end of each stream. */
  readonly outputLength: number;
  readonly signal: AbortSignal;
  /** Waits for what the command still sends once it has ended; the rest of its group lives meanwhile. */
  readonly settle: (isGroupAlive: () => boolean) => Promise<void>;
};

/** How a command ended. */
export type CommandEnd = {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** Processes that outlived the command and were ended. */
  readonly leftBehind: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
};

/** How long output is waited for once all processes are gone. */
const DRAIN_MS = 1_000;

/**
 * Runs a command in a session of its own until it ends, its time is over or `signal` aborts; then ends whatever it left:
 * the process group, and on Linux what left the group.
 * @throws WhetstoneError `usage`: the program cannot be started
 */
export async function runCommand(request: CommandRequest): Promise<CommandEnd> {
  const { words, cwd, env, signal } = request;
  const [program, ...args] = words;
  signal.throwIfAborted();
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = [
    keepOutput(child.stdout, request.outputLength),
    keepOutput(child.stderr, request.outputLength),
  ];
  const pid = await started(child, program);
  const closed = once(child, "close");
  const limits = limitTime(pid, request);
  let leftBehind: boolean;
  try {
    const [exitCode, endedBy] = (await exitOf(child)) as [number | null, string | null];
    if (!limits.isOver()) await request.settle(() => signalGroup(pid, 0));
    leftBehind = signalGroup(pid, "SIGKILL");
    leftBehind = (await endStrays(request.run)) > 0 || leftBehind;
    await drained(child, closed);
    return { exitCode, signal: endedBy, timedOut: limits.timedOut(), leftBehind, stdout: stdout(), stderr: stderr() };
  } finally {
    limits.stop();
    signalGroup(pid, "SIGKILL");
    await endStrays(request.run);
  }
}

async function started(child: ChildProcess, program: string): Promise<number> {
  try {
    await once(child, "spawn");
  } catch (cause) {
    throw new WhetstoneError("usage", `"${program}" cannot be started: ${messageOf(cause)}.`, {
      remedy: "Check the program's name and the folder; shell syntax needs shell: true.",
      cause,
    });
  }
  return child.pid ?? 0;
}

const exitOf = (child: ChildProcess): Promise<unknown[]> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve([child.exitCode, child.signalCode])
    : once(child, "exit");

/** Ends the group when its time is over or the call is cancelled: SIGTERM, then SIGKILL. */
function limitTime(pid: number, { timeoutMs, graceMs, signal }: CommandRequest) {
  let timedOut = false;
  let isOver = false;
  let kill: NodeJS.Timeout | undefined;
  const end = (): void => {
    isOver = true;
    signalGroup(pid, "SIGTERM");
    kill ??= setTimeout(() => signalGroup(pid, "SIGKILL"), graceMs);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, timeoutMs);
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  return {
    timedOut: () => timedOut,
    isOver: () => isOver,
    stop: () => {
      clearTimeout(timer);
      clearTimeout(kill);
      signal.removeEventListener("abort", end);
    },
  };
}

/** Somebody who is not ours may hold the pipes open. */
async function drained(child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  const giveUp = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, DRAIN_MS);
  await closed;
  clearTimeout(giveUp);
}
