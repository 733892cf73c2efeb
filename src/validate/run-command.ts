import { spawn } from "node:child_process";
import { messageOf } from "../model/error.ts";

/** A finished shell command. `exitCode` null: ended by the time limit or a signal. */
export type CommandResult = { readonly exitCode: number | null; readonly timedOut: boolean; readonly tail: string };

/** How much of a command's output is kept. */
const TAIL_BYTES = 8_192;

/**
 * Runs one shell command to its end with a time limit; standard output and error are kept as one tail.
 * The whole process group is ended on a time-out or when `signal` aborts, so nothing survives the call.
 */
export function runCommand(options: {
  readonly run: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn("sh", ["-c", options.run], {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let tail = "";
    let timedOut = false;
    const keep = (chunk: Buffer): void => {
      tail = (tail + chunk.toString("utf8")).slice(-TAIL_BYTES);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const end = (): void => killGroup(child.pid);
    const timer = setTimeout(() => {
      timedOut = true;
      end();
    }, options.timeoutMs);
    options.signal?.addEventListener("abort", end, { once: true });
    const settle = (exitCode: number | null): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", end);
      end(); // what the command left running in the background
      resolve({ exitCode, timedOut, tail });
    };
    child.once("error", (error) => {
      tail += messageOf(error);
      settle(null);
    });
    child.once("close", (code) => settle(code));
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group is gone already, which is what was wanted.
  }
}
