import { Client, type ClientOptions } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Protocol } from "@modelcontextprotocol/sdk/shared/protocol.js";
import { z } from "zod";
import { createInstrumentation, type Instrumentation, type InstrumentationOptions } from "../../src/instrument/core.ts";

/** A client and a server of SDK 1.x that are connected in memory, both instrumented. */
export type Pair = AsyncDisposable & {
  readonly client: Client;
  readonly server: McpServer;
  readonly instrumentation: Instrumentation;
  readonly transports: readonly [client: InMemoryTransport, server: InMemoryTransport];
};

/** Registers what the server offers, before it connects. */
export type Offer = (server: McpServer) => void;

/** A server with one tool `add`. */
export const offerAdd: Offer = (server) => {
  server.registerTool("add", { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => ({
    content: [{ type: "text", text: String(a + b) }],
  }));
};

export async function connectedPair(
  offer: Offer,
  options: {
    instrumentation?: InstrumentationOptions;
    client?: ClientOptions;
    prepare?: (client: Client) => void;
  } = {},
): Promise<Pair> {
  const instrumentation = createInstrumentation(options.instrumentation);
  instrumentation.patch(Protocol);
  const server = new McpServer({ name: "pair", version: "1" }, { capabilities: { logging: {} } });
  offer(server);
  const client = new Client({ name: "test", version: "1" }, options.client);
  options.prepare?.(client);
  const transports = InMemoryTransport.createLinkedPair();
  await server.connect(transports[1]);
  await client.connect(transports[0]);
  return {
    client,
    server,
    instrumentation,
    transports,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      instrumentation.unpatch();
    },
  };
}
