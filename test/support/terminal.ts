import { spawn } from "node:child_process";
import { resolve } from "node:path";

const BIN = resolve("bin/whetstone.js");

/** What a command left on its terminal; `code` is its exit code. */
export type TerminalEnd = { readonly code: number | null; readonly shown: string };

/** How a command is watched and typed to while it runs. */
export type TerminalOptions = {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where the command's standard output goes instead of the terminal: a file's path. */
  readonly outTo?: string;
  /** Told all that was shown so far, each time something is; what it returns is typed. */
  readonly answer?: (shown: string) => string | undefined;
};

/** Runs the real command line on a terminal of its own (util-linux `script`). */
export function onTerminal(args: readonly string[], options: TerminalOptions): Promise<TerminalEnd> {
  const quoted = [process.execPath, BIN, ...args].map((word) => `'${word}'`).join(" ");
  const redirection = options.outTo === undefined ? "" : ` > '${options.outTo}'`;
  // Without exec the shell in between would end by the signal that is meant for the command.
  const command = `exec ${quoted}${redirection}`;
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], TERM: "xterm-256color", ...options.env };
  const child = spawn("script", ["--quiet", "--return", "--flush", "--command", command, "/dev/null"], {
    cwd: options.cwd,
    env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let shown = "";
  child.stdin.on("error", () => undefined); // the command may end before it was typed to
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    const typed = options.answer?.(shown);
    if (typed !== undefined) child.stdin.write(typed);
  });
  return new Promise((done) => child.once("close", (code) => done({ code, shown })));
}
