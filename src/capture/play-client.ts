import { PassThrough } from "node:stream";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { ErrorCode, McpError, ResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import type { CallResult, WorkloadCall } from "../model/call.ts";
import { messageOf } from "../model/error.ts";
import { Json } from "../model/json.ts";
import type { Clock } from "../model/time.ts";
import { LINE_LIMIT_BYTES } from "./framing.ts";
import { isToolError } from "./mcp-status.ts";
import type { Peer } from "./relay.ts";

/** A real MCP client at one end of a pair of in-memory streams; `peer` is the other end. */
export type PlayClient = {
  readonly peer: Peer;
  /** Does the handshake; rejects when it fails or the connection closes. */
  readonly connect: (timeoutMs: number) => Promise<void>;
  /** Names of all tools that the server offers, all pages. */
  readonly toolNames: (timeoutMs: number) => Promise<readonly string[]>;
  /** Makes one call; never rejects. */
  readonly call: (call: WorkloadCall, key: string, timeoutMs: number) => Promise<CallResult>;
  /** Ends the connection; calls in flight end as `transport`. */
  readonly close: () => Promise<void>;
};

const ToolPage = z.looseObject({
  tools: z.array(z.looseObject({ name: z.string() })),
  nextCursor: z.string().optional(),
});

// The client's own timeout cannot be told from a server's error of the same code; a signal can.
const NO_SDK_TIMEOUT_MS = 2 ** 31 - 1;

/** A client that reports itself as `whetstone`; its messages and results stay as they are on the wire. */
export function playClient(clock: Clock): PlayClient {
  const toClient = new PassThrough();
  const fromClient = new PassThrough();
  const transport = new StdioServerTransport(toClient, fromClient, { maxBufferSize: LINE_LIMIT_BYTES });
  const client = new Client({ name: "whetstone", version: "0.1.0" });
  let closed = false;
  const close = async (): Promise<void> => {
    closed = true;
    await client.close();
    fromClient.end();
  };
  return {
    peer: { input: fromClient, output: toClient },
    connect: (timeoutMs) => client.connect(transport, { timeout: timeoutMs }),
    toolNames: (timeoutMs) => listTools(client, timeoutMs),
    call: async (call, key, timeoutMs) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const started = clock.monotonicMs();
      const params = { name: call.tool, arguments: call.arguments };
      const options = { signal, timeout: NO_SDK_TIMEOUT_MS };
      const ended = await client.request({ method: "tools/call", params }, ResultSchema, options).then(
        (result) => ({ status: isToolError(result) ? ("tool_error" as const) : ("ok" as const), result }),
        (error: unknown) => failure(error, closed || signal.aborted),
      );
      const durationMs = Math.max(0, clock.monotonicMs() - started);
      return { key, tool: call.tool, durationMs, status: ended.status, result: ended.result as Json };
    },
    close,
  };
}

function failure(error: unknown, noAnswer: boolean): Pick<CallResult, "status" | "result"> {
  if (noAnswer || !(error instanceof McpError)) return { status: "transport", result: { message: messageOf(error) } };
  // The SDK puts "MCP error <code>: " before the server's own words.
  const message = error.message.replace(`MCP error ${error.code}: `, "");
  const data = Json.safeParse(error.data);
  return { status: "rpc_error", result: { code: error.code, message, ...(data.success && { data: data.data }) } };
}

async function listTools(client: Client, timeoutMs: number): Promise<readonly string[]> {
  const names: string[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  do {
    const params = cursor === undefined ? {} : { cursor };
    const page = await client
      .request({ method: "tools/list", params }, ToolPage, { timeout: timeoutMs })
      .catch((error: unknown) => {
        if (error instanceof McpError && error.code === Number(ErrorCode.MethodNotFound)) return { tools: [] };
        throw error;
      });
    names.push(...page.tools.map((tool) => tool.name));
    cursor = "nextCursor" in page && typeof page.nextCursor === "string" ? page.nextCursor : undefined;
    if (cursor !== undefined && seen.has(cursor)) throw new Error(`the list of tools repeats its cursor "${cursor}"`);
    if (cursor !== undefined) seen.add(cursor);
  } while (cursor !== undefined);
  return names;
}
