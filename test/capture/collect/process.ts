import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

/** A running `whetstone collect --json`. */
export type CollectProcess = {
  readonly url: string;
  readonly grpcUrl: string;
  /** Lines of standard error so far. */
  readonly errors: readonly string[];
  readonly signal: (name: NodeJS.Signals) => void;
  /** Resolves when it has ended: exit code and the last line of standard output. */
  readonly ended: Promise<{ readonly code: number | null; readonly last: string }>;
};

/** Starts the real command on free ports; `fileBlocks` limits the files it writes, in blocks of 512 bytes. */
export async function startCollect(
  db: string,
  options: { readonly fileBlocks?: number; readonly args?: readonly string[] } = {},
): Promise<CollectProcess> {
  const limit = options.fileBlocks === undefined ? "" : `trap '' XFSZ; ulimit -f ${options.fileBlocks}; `;
  const ports = ["--port", "0", "--grpc-port", "0"];
  const command = [process.execPath, resolve("bin/whetstone.js"), "collect", ...ports, "--json", "--db", db];
  const child = spawn("sh", ["-c", `${limit}exec "$@"`, "sh", ...command, ...(options.args ?? [])], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const errors: string[] = [];
  const out = createInterface(child.stdout).on("line", (line) => lines.push(line));
  const err = createInterface(child.stderr).on("line", (line) => errors.push(line));
  const listening = once(out, "line");
  const exited = once(child, "exit") as Promise<[number | null]>;
  const ended = Promise.all([exited, once(out, "close"), once(err, "close")]).then(([[code]]) => ({
    code,
    last: lines.at(-1) ?? "",
  }));
  await Promise.race([listening, ended]);
  if (lines[0] === undefined) throw new Error(`collect ended: ${errors.join("\n")}`);
  const { url, grpcUrl } = JSON.parse(lines[0]) as { url: string; grpcUrl: string };
  return { url, grpcUrl, errors, signal: (name) => void child.kill(name), ended };
}
