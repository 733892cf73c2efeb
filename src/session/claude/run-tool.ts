import { spawn } from "node:child_process";
import { messageOf, WhetstoneError } from "../../model/error.ts";

/** A program to run to its end. Environment variables are exactly those given. */
export type ToolCommand = {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  /** Ends it too; its end then has no code. */
  readonly signal?: AbortSignal;
};

/** How it ended: `code` null when a signal ended it; `stderr` is its last 8 KiB, `stdout` its first 64 KiB. */
export type ToolEnd = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

const TAIL_LENGTH = 8 * 1024;
const HEAD_LENGTH = 64 * 1024;

/**
 * Runs a program with closed standard input. Its whole process group is ended at the time limit.
 * @throws WhetstoneError `timeout` · `package_refused` when it cannot be started (data.program)
 */
export async function runTool(command: ToolCommand): Promise<ToolEnd> {
  const { program, args, cwd, env, timeoutMs, signal } = command;
  const windows = process.platform === "win32";
  const child = spawn(program, args, {
    cwd,
    env: { ...env },
    detached: !windows,
    // npm is a command file there, which only the shell starts; no argument comes from outside.
    shell: windows,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout = (stdout + text).slice(0, HEAD_LENGTH)));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-TAIL_LENGTH)));
  const limit = AbortSignal.timeout(timeoutMs);
  const end = (): void => endGroup(child.pid);
  limit.addEventListener("abort", end, { once: true });
  signal?.addEventListener("abort", end, { once: true });
  if (signal?.aborted === true) end();
  try {
    const code = await new Promise<number | null>((done, fail) => {
      child.once("error", fail);
      child.once("close", done);
    });
    if (limit.aborted) throw tookTooLong(command);
    return { code, stdout, stderr };
  } catch (cause) {
    if (cause instanceof WhetstoneError) throw cause;
    throw new WhetstoneError("package_refused", `${program} could not be started: ${messageOf(cause)}.`, {
      cause,
      data: { program },
    });
  } finally {
    limit.removeEventListener("abort", end);
    signal?.removeEventListener("abort", end);
  }
}

function tookTooLong({ program, timeoutMs }: ToolCommand): WhetstoneError {
  return new WhetstoneError("timeout", `${program} took longer than ${timeoutMs / 1_000} s and was ended.`, {
    remedy: "Try again on a faster or less busy connection.",
    data: { program, timeoutMs },
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // It is gone already, which is what was wanted.
  }
}
