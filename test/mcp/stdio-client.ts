import { resolve } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

/** A client of `whetstone mcp` as a child process. */
export type StdioClient = AsyncDisposable & {
  readonly client: Client;
  /** What the server wrote to standard error so far. */
  readonly logged: () => string;
  readonly pid: () => number;
  /** Calls a tool and returns its text as JSON, with whether it is an error. */
  readonly call: (name: string, args?: Record<string, unknown>) => Promise<Called>;
};

/** What a tool answered. */
export type Called = { readonly isError: boolean; readonly body: Record<string, unknown>; readonly text: string };

/** Starts the server in a folder and connects the public SDK's client to it. */
export async function stdioClient(cwd: string, args: readonly string[] = []): Promise<StdioClient> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [resolve("bin/whetstone.js"), "mcp", ...args],
    cwd,
    stderr: "pipe",
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" },
  });
  let log = "";
  transport.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(transport);
  return {
    client,
    logged: () => log,
    pid: () => transport.pid ?? 0,
    call: async (name, input = {}) => called(await client.callTool({ name, arguments: input })),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** The text of a tool's result as JSON. */
export function called(result: Awaited<ReturnType<Client["callTool"]>>): Called {
  const [first] = result.content as { type: string; text: string }[];
  const text = first?.text ?? "";
  return { isError: result.isError === true, body: JSON.parse(text) as Record<string, unknown>, text };
}
