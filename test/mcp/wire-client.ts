import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import type { Transport } from "@modelcontextprotocol/server";
import { createServer } from "../../src/mcp/server.ts";
import { TOOLSETS } from "../../src/mcp/tool.ts";
import type { Store } from "../../src/store/store.ts";
import { partsOver } from "./calling.ts";
import { called, type Called } from "./stdio-client.ts";

/** A client of the public SDK and a server over a store, in one process: arguments pass the wire's own checks. */
export type WireClient = AsyncDisposable & {
  readonly client: Client;
  readonly call: (name: string, args: Record<string, unknown>) => Promise<Called>;
};

/** Connects a client to a server that offers everything but commands. */
export async function connected(store: Store): Promise<WireClient> {
  const selection = { toolsets: TOOLSETS, aliases: true, commands: false };
  const server = createServer({ ...selection, version: "1.0.0", parts: partsOver(store) });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far as unknown as Transport);
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(near);
  return {
    client,
    call: async (name, args) => called(await client.callTool({ name, arguments: args })),
    [Symbol.asyncDispose]: () => client.close(),
  };
}
