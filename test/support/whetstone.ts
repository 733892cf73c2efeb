import { spawn, type ChildProcess } from "node:child_process";
import { resolve } from "node:path";

const BIN = resolve("bin/whetstone.js");

/** What a finished command left. */
export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
};

/** A running command line. */
export type Running = { readonly child: ChildProcess; readonly ended: Promise<Ended> };

/** Starts the real command line as a child process. */
export function startWhetstone(
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string>; input?: string; keepInput?: boolean },
): Running {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: options.cwd,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], NO_COLOR: "1", ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.on("error", () => undefined); // the command may end before it has read its input
  if (options.keepInput !== true) child.stdin.end(options.input ?? "");
  const ended = new Promise<Ended>((done) => {
    child.once("close", (code, signal) => done({ code, signal, out, err }));
  });
  return { child, ended };
}

/** Runs the real command line to its end. */
export function whetstone(
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string>; input?: string },
): Promise<Ended> {
  return startWhetstone(args, options).ended;
}
