import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { StringDecoder } from "node:string_decoder";
import { messageOf } from "../model/error.ts";
import type { Lease } from "../protect/lease.ts";

/** A finished shell command. `exitCode` null: ended by the time limit or a signal, or never started. */
export type CommandResult = { readonly exitCode: number | null; readonly timedOut: boolean; readonly tail: string };

/** A shell command and its limits. */
export type CommandOptions = {
  readonly run: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Notes the command's process group while it runs, so that a later run can end what a killed one left. */
  readonly lease?: Pick<Lease, "addProcess" | "forgetProcess">;
};

/** How much of a command's output is kept, in UTF-16 code units. */
const TAIL_LENGTH = 8_192;
/** How long output is waited for once the command and its group are gone: a process that left the group may hold it. */
const OUTPUT_GRACE_MS = 1_000;

/**
 * Runs one shell command to its end with a time limit; standard output and error are kept as one tail.
 * The whole process group is ended when the shell has ended, on a time-out and when `signal` aborts, so nothing of the
 * group survives the call. An aborted signal starts nothing.
 * @throws WhetstoneError `write_failed` when the lease cannot be written
 */
export async function runCommand(options: CommandOptions): Promise<CommandResult> {
  const { timeoutMs, signal, lease } = options;
  if (signal?.aborted === true) return { exitCode: null, timedOut: false, tail: "" };
  const child = startShell(options);
  const end = (): void => killGroup(child.pid);
  const tail = keepTail(child);
  const ended = endOf(child, end);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, timeoutMs);
  signal?.addEventListener("abort", end, { once: true });
  try {
    if (child.pid !== undefined) await lease?.addProcess(child.pid);
    const { exitCode, failure } = await ended;
    if (child.pid !== undefined) await lease?.forgetProcess(child.pid);
    return { exitCode: timedOut ? null : exitCode, timedOut, tail: tail() + failure };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    end();
    await ended;
  }
}

function startShell({ run, cwd, env }: CommandOptions): ChildProcess {
  return spawn("sh", ["-c", run], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
}

/** How the shell ended, once its group is gone and the output was read; `failure`: why it could not be started. */
async function endOf(
  child: ChildProcess,
  endGroup: () => void,
): Promise<{ readonly exitCode: number | null; readonly failure: string }> {
  const closed = once(child, "close").catch(() => undefined); // an error is seen at `exit` below
  try {
    const [exitCode] = (await once(child, "exit")) as [number | null];
    endGroup();
    const giveUp = setTimeout(() => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, OUTPUT_GRACE_MS);
    await closed;
    clearTimeout(giveUp);
    return { exitCode, failure: "" };
  } catch (error) {
    return { exitCode: null, failure: messageOf(error) };
  }
}

function keepTail({ stdout, stderr }: ChildProcess): () => string {
  let tail = "";
  for (const stream of [stdout, stderr]) {
    const decoder = new StringDecoder("utf8"); // a character may come in two chunks
    stream?.on("data", (chunk: Buffer) => {
      tail = (tail + decoder.write(chunk)).slice(-TAIL_LENGTH);
    });
  }
  return () => tail.toWellFormed();
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group is gone already, which is what was wanted.
  }
}
