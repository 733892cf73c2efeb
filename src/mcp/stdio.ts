import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { createServer, type McpOptions } from "./server.ts";

/** A server on standard input and output. */
export type StdioServer = AsyncDisposable & {
  /** Resolves when the client has closed standard input. */
  readonly ended: Promise<void>;
};

/**
 * Serves one client on standard input and output, on the protocol revision that its first message speaks; standard
 * output carries MCP only.
 */
export function startStdio(options: McpOptions, onError: (error: Error) => void): StdioServer {
  const handle = serveStdio(() => createServer(options), { onerror: onError });
  const { promise, resolve } = Promise.withResolvers<void>();
  process.stdin.once("close", resolve).once("end", resolve);
  return { ended: promise, [Symbol.asyncDispose]: () => handle.close() };
}
