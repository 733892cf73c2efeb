import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const WHETSTONE = join(import.meta.dirname, "../../bin/whetstone.js");

/** `whetstone serve --json` as a process of its own, listening. Disposing it kills it. */
export type ServeProcess = AsyncDisposable & {
  /** The document that it printed. */
  readonly announced: unknown;
  /** Everything printed so far. */
  readonly output: () => string;
  /** SIGTERM; resolves with exit code and signal. */
  readonly stop: () => Promise<readonly unknown[]>;
};

/** Starts it and waits until it listens. Nothing of this process's environment but the path reaches it. */
export async function startServe(args: readonly string[], { cwd }: { readonly cwd: string }): Promise<ServeProcess> {
  const child = spawn(process.execPath, [WHETSTONE, "serve", ...args], {
    cwd,
    env: { PATH: process.env["PATH"] ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.err += text));
  const closed = once(child, "close");
  while (!/^\}$/m.test(said.out)) {
    await Promise.race([once(child.stdout, "data"), closed]);
    if (child.exitCode !== null) throw new Error(`serve ended: ${said.err}`);
  }
  return {
    announced: JSON.parse(said.out),
    output: () => said.out + said.err,
    stop: () => {
      child.kill("SIGTERM");
      return closed;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await closed;
    },
  };
}
