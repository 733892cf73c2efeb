import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import {
  Client,
  InMemoryTransport,
  StreamableHTTPClientTransport,
  type ClientOptions,
} from "@modelcontextprotocol/client";
import { createMcpHandler, inputRequired, McpServer, Server } from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { createInstrumentation, type Instrumentation } from "../../src/instrument/core.ts";
import { startRecording, type Recording } from "./recording.ts";

let recording: Recording;
let instrumentation: Instrumentation;
beforeEach(() => {
  recording = startRecording();
  instrumentation = createInstrumentation();
  expect([instrumentation.patch(Client), instrumentation.patch(Server)]).toEqual([true, true]);
});
afterEach(() => {
  expect(instrumentation.faults()).toEqual({});
  instrumentation.unpatch();
  recording[Symbol.dispose]();
});

function makeServer(): McpServer {
  const server = new McpServer({ name: "two", version: "2" }, { capabilities: { logging: {} } });
  server.registerTool("add", { inputSchema: z.object({ a: z.number(), b: z.number() }) }, async ({ a, b }) => {
    await recording.inside("sum", () => Promise.resolve());
    return { content: [{ type: "text", text: String(a + b) }] };
  });
  server.registerTool("broken", {}, () => ({ content: [], isError: true }));
  server.registerTool(
    "hang",
    {},
    (ctx) => new Promise((_done, fail) => ctx.mcpReq.signal.addEventListener("abort", fail)),
  );
  return server;
}

async function overHttp(options: ClientOptions): Promise<AsyncDisposable & { client: Client }> {
  const handler = createMcpHandler(() => makeServer());
  const client = new Client({ name: "test", version: "1" }, options);
  const fetch = (url: string | URL, init?: RequestInit): Promise<Response> => handler.fetch(new Request(url, init));
  await client.connect(new StreamableHTTPClientTransport(new URL("http://localhost/mcp"), { fetch }));
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await handler.close();
    },
  };
}

const MODERN: ClientOptions = { versionNegotiation: { mode: { pin: "2026-07-28" } } };

describe("SDK 2.x on the stateless wire", () => {
  test("has the same tree, states the revision and no session", async () => {
    await using connected = await overHttp(MODERN);
    const result = await connected.client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
    expect(result.content).toEqual([{ type: "text", text: "3" }]);
    const client = recording.span("tools/call add", "client");
    const server = recording.span("tools/call add", "server");
    const sum = recording.spans().find(({ name }) => name === "sum");
    expect(server.parentSpanContext?.spanId).toBe(client.spanContext().spanId);
    expect(sum?.parentSpanContext?.spanId).toBe(server.spanContext().spanId);
    for (const { attributes } of [client, server]) {
      expect(attributes).toMatchObject({
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "add",
        "mcp.protocol.version": "2026-07-28",
        "network.transport": "tcp",
        "network.protocol.name": "http",
      });
      expect(attributes).not.toHaveProperty("mcp.session.id");
    }
    await connected.client.close();
    expect(await recording.points("mcp.client.session.duration")).toEqual([]);
  });

  test("the discovery that opens a connection is a span of the client", async () => {
    await using _connected = await overHttp(MODERN);
    expect(recording.span("server/discover", "client").status.code).toBe(SpanStatusCode.UNSET);
  });

  test("a tool error is one on both sides, an abort of the caller ends both as cancelled", async () => {
    await using connected = await overHttp(MODERN);
    await connected.client.callTool({ name: "broken" });
    for (const side of ["client", "server"] as const) {
      expect(recording.span("tools/call broken", side).attributes["error.type"]).toBe("tool_error");
    }
    const controller = new AbortController();
    const call = connected.client.callTool({ name: "hang" }, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(call).rejects.toThrow();
    expect(recording.span("tools/call hang", "client").attributes["error.type"]).toBe("cancelled");
    expect(recording.span("tools/call hang", "server").attributes["error.type"]).toBe("cancelled");
  });

  test("the time limit of a request is a timeout at the client", async () => {
    await using connected = await overHttp(MODERN);
    await expect(connected.client.callTool({ name: "hang" }, { timeout: 20 })).rejects.toThrow();
    expect(recording.span("tools/call hang", "client").attributes["error.type"]).toBe("timeout");
  });
});

describe("SDK 2.x on the older wire", () => {
  test("in memory, with a session", async () => {
    const server = makeServer();
    const client = new Client({ name: "test", version: "1" });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far as never);
    await client.connect(near);
    await client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
    await client.close();
    const span = recording.span("tools/call add", "server");
    expect(span.parentSpanContext?.spanId).toBe(recording.span("tools/call add", "client").spanContext().spanId);
    expect(span.attributes["mcp.protocol.version"]).toBe("2025-11-25");
    expect(recording.span("initialize", "server").attributes["mcp.protocol.version"]).toBe("2025-11-25");
    expect(await recording.points("mcp.server.session.duration")).toHaveLength(1);
  });

  test("over HTTP without negotiation", async () => {
    await using connected = await overHttp({});
    await connected.client.listTools();
    expect(recording.span("tools/list", "server").attributes["mcp.protocol.version"]).toBe("2025-11-25");
  });
});

test("the request that brings the input links to the one that asked for it, and both say so", async () => {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "rounds", version: "2" });
    server.registerTool("ask", {}, (ctx) => {
      if (ctx.mcpReq.inputResponses !== undefined) return { content: [] };
      const asked = inputRequired.elicit({ message: "Sure?", requestedSchema: { type: "object", properties: {} } });
      return inputRequired({ inputRequests: { sure: asked }, requestState: "state-1" });
    });
    return server;
  });
  const client = new Client({ name: "test", version: "1" }, { ...MODERN, capabilities: { elicitation: { form: {} } } });
  client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: {} }));
  const fetch = (url: string | URL, init?: RequestInit): Promise<Response> => handler.fetch(new Request(url, init));
  await client.connect(new StreamableHTTPClientTransport(new URL("http://localhost/mcp"), { fetch }));
  await client.callTool({ name: "ask" });
  const servers = recording.spans().filter(({ name, kind }) => name === "tools/call ask" && kind === SpanKind.SERVER);
  expect(servers).toHaveLength(2);
  const [first, second] = servers;
  expect(second?.links.map(({ context }) => context.spanId)).toContain(first?.spanContext().spanId);
  expect(servers.map(({ attributes }) => attributes["whetstone.multi_round"])).toEqual([true, true]);
  await client.close();
  await handler.close();
});
