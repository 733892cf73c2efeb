import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A child process that runs a script of `children/`. */
export type Child = {
  /** Its lines so far; they arrive while something is awaited. */
  readonly lines: readonly string[];
  /** Resolves when it has printed `n` lines, or has ended. */
  readonly printed: (n: number) => Promise<void>;
  readonly tell: (line: string) => void;
  readonly kill: () => void;
  /** Resolves when it has ended and all its lines are there. */
  readonly ended: Promise<void>;
};

/** Starts `children/<script>`; `fileBlocks` limits the size of files it writes, in blocks of 512 bytes, as a full disk does. */
export function startChild(script: string, args: readonly string[], fileBlocks?: number): Child {
  const file = new URL(`children/${script}`, import.meta.url).pathname;
  const command = [process.execPath, "--disable-warning=ExperimentalWarning", file, ...args];
  const limit = fileBlocks === undefined ? "" : `trap '' XFSZ; ulimit -f ${fileBlocks}; `;
  const child = spawn("sh", ["-c", `${limit}exec "$@"`, "sh", ...command], { stdio: ["pipe", "pipe", "inherit"] });
  const lines: string[] = [];
  const reader = createInterface(child.stdout);
  let wake = (): void => undefined;
  reader.on("line", (line) => {
    lines.push(line);
    wake();
  });
  let isOver = false;
  const ended = Promise.all([once(child, "exit"), once(reader, "close")]).then(() => {
    isOver = true;
    wake();
  });
  const printed = async (n: number): Promise<void> => {
    while (lines.length < n && !isOver) await new Promise<void>((resolve) => (wake = resolve));
  };
  return {
    lines,
    printed,
    tell: (line) => child.stdin.write(`${line}\n`),
    kill: () => child.kill("SIGKILL"),
    ended,
  };
}
