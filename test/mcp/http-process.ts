import { once } from "node:events";
import { startWhetstone } from "../support/whetstone.ts";

/** A running `whetstone mcp --http`. */
export type HttpProcess = AsyncDisposable & { readonly url: URL; readonly stop: () => Promise<number | null> };

/** Starts the server on a free port and waits until it says where it listens. */
export async function httpProcess(cwd: string, args: readonly string[] = ["--no-auth"]): Promise<HttpProcess> {
  const { child, ended } = startWhetstone(["mcp", "--http", "0", "--json", ...args], { cwd, keepInput: true });
  const first = await Promise.race([once(child.stdout ?? child, "data"), ended]);
  if (!Array.isArray(first)) throw new Error(`The server ended: ${first.err}`);
  const { url } = JSON.parse(String(first[0])) as { url: string };
  const stop = async (): Promise<number | null> => {
    child.kill("SIGTERM");
    return (await ended).code;
  };
  return { url: new URL(url), stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}
