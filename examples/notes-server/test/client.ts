import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

/** What a test looks at in a tool's answer. */
type Answer = { isError: boolean; value: Record<string, unknown>; text: string };

/** Starts the real server and connects to it; it stops at the end of an `await using` block. */
export async function startServer(env: Record<string, string> = {}) {
  const client = new Client({ name: "notes-test", version: "1.0.0" });
  const server = join(import.meta.dirname, "../src/server.ts");
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [server], env }));

  /** Calls a tool, in the trace that `traceparent` names. */
  async function call(name: string, args: Record<string, unknown> = {}, traceparent?: string): Promise<Answer> {
    const result = await client.callTool({ name, arguments: args, ...(traceparent && { _meta: { traceparent } }) });
    const [first] = result.content as { text: string }[];
    const value = (result.structuredContent ?? {}) as Record<string, unknown>;
    return { isError: result.isError === true, value, text: first?.text ?? "" };
  }

  return { client, call, [Symbol.asyncDispose]: () => client.close() };
}
