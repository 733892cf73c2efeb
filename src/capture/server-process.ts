import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { codeOf, messageOf, WhetstoneError } from "../model/error.ts";

/** How a server is started. Environment variables are exactly those given. */
export type ServerCommand = {
  /** Program and arguments, without a shell. */
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Longest wait after each step of {@link ServerProcess.stop}, ms; default 2,000. */
  readonly graceMs?: number | undefined;
  /** Gets the server's stderr as it comes. */
  readonly onStderr?: ((chunk: Uint8Array) => void) | undefined;
};

/** How a process ended: one of the two is null. */
export type ExitStatus = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** A running MCP server on stdio, in a process group of its own that ends with it. */
export type ServerProcess = AsyncDisposable & {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** The last 8 KiB of stderr. */
  readonly stderrTail: () => string;
  readonly exited: Promise<ExitStatus>;
  /** Sends a signal to the whole group; nothing happens when it is gone. */
  readonly signal: (name: NodeJS.Signals) => void;
  /** Closes stdin and waits; then SIGTERM, then SIGKILL to the group, each after the grace period. Repeatable. */
  readonly stop: () => Promise<ExitStatus>;
};

const TAIL_BYTES = 8 * 1024;
const DEFAULT_GRACE_MS = 2_000;

const running = new Set<number>();

// The last chance to take the groups along when this process ends without disposing them.
function killRunning(): void {
  for (const pid of running) signalGroup(pid, "SIGKILL");
}

function track(pid: number): void {
  if (running.size === 0) process.on("exit", killRunning);
  running.add(pid);
}

function untrack(pid: number): void {
  running.delete(pid);
  if (running.size === 0) process.off("exit", killRunning);
}

/**
 * Starts a server and resolves once its process runs (which does not mean that it answers).
 * @throws WhetstoneError `server_start_failed` when the program cannot be started.
 */
export async function launchServer(options: ServerCommand): Promise<ServerProcess> {
  const child = await start(options);
  const { pid } = child;
  if (pid === undefined) throw startFailed(options, "it has no process id");
  track(pid);
  const tail = keepTail(child.stderr, options.onStderr);
  // A server that ends breaks its stdin; whoever writes learns it from `exited`.
  child.stdin.on("error", () => undefined);
  const exited = exitOf(child, pid, options.graceMs ?? DEFAULT_GRACE_MS);
  let stopping: Promise<ExitStatus> | undefined;
  const stop = () => (stopping ??= stopGroup({ child, pid, exited, graceMs: options.graceMs ?? DEFAULT_GRACE_MS }));
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderrTail: () => tail(),
    exited,
    signal: (name) => signalGroup(pid, name),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

/** The error for a server that cannot be used from the start. */
export function startFailed(
  options: Pick<ServerCommand, "command" | "cwd">,
  why: string,
  more: { readonly stderr?: string; readonly cause?: unknown } = {},
): WhetstoneError {
  const { stderr = "", cause } = more;
  const said = stderr.trim() === "" ? "" : ` Its stderr ends with:\n${stderr.trimEnd()}`;
  return new WhetstoneError(
    "server_start_failed",
    `The server "${options.command.join(" ")}" in ${options.cwd} did not start: ${why}.${said}`,
    {
      remedy: "Run the command by hand in that folder and mend what it reports; then check the target's command.",
      data: { command: options.command, cwd: options.cwd, stderr },
      ...(cause !== undefined && { cause }),
    },
  );
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

async function start(options: ServerCommand): Promise<Child> {
  const [program, ...args] = options.command;
  if (program === undefined) throw startFailed(options, "the command is empty");
  try {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...options.env },
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    await once(child, "spawn");
    return child;
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? `there is no program ${program}, or not that folder` : messageOf(error);
    throw startFailed(options, why, { cause: error });
  }
}

function keepTail(stderr: Readable, onStderr: ServerCommand["onStderr"]): () => string {
  let tail = Buffer.alloc(0);
  stderr.on("data", (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-TAIL_BYTES);
    onStderr?.(chunk);
  });
  return () => tail.toString("utf8");
}

async function exitOf(child: Child, pid: number, graceMs: number): Promise<ExitStatus> {
  const closed = once(child, "close");
  const status = await new Promise<ExitStatus>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  // What the server forked goes with it, or it would hold the pipes open and outlive the run.
  signalGroup(pid, "SIGKILL");
  untrack(pid);
  if (!(await within(closed, graceMs))) {
    child.stdout.destroy();
    child.stderr.destroy();
  }
  return status;
}

async function stopGroup(server: {
  child: Child;
  pid: number;
  exited: Promise<ExitStatus>;
  graceMs: number;
}): Promise<ExitStatus> {
  const { child, pid, exited, graceMs } = server;
  child.stdin.end();
  // Output that nobody reads would keep a server from ending.
  if (child.stdout.listenerCount("data") === 0) child.stdout.resume();
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (await within(exited, graceMs)) break;
    signalGroup(pid, signal);
  }
  return exited;
}

async function within(event: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([event.then(() => true), limit]);
  } finally {
    clearTimeout(timer);
  }
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
