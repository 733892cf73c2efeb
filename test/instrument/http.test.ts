import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { context, propagation, ROOT_CONTEXT, SpanKind, trace, type SpanContext } from "@opentelemetry/api";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { Protocol } from "@modelcontextprotocol/sdk/shared/protocol.js";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createInstrumentation, type Instrumentation } from "../../src/instrument/core.ts";
import { offerAdd } from "./pair.ts";
import { startRecording, type Recording } from "./recording.ts";

let recording: Recording;
let instrumentation: Instrumentation;
beforeEach(() => {
  recording = startRecording();
  instrumentation = createInstrumentation();
  instrumentation.patch(Protocol);
});
afterEach(() => {
  instrumentation.unpatch();
  recording[Symbol.dispose]();
});

/** A Streamable HTTP server whose requests run in a span of an HTTP instrumentation, as `POST`. */
async function serve(sessions: boolean): Promise<AsyncDisposable & { url: URL; posts: SpanContext[] }> {
  const posts: SpanContext[] = [];
  const connect = async () => {
    const server = new McpServer({ name: "http", version: "1" });
    offerAdd(server);
    const transport = new StreamableHTTPServerTransport(sessions ? { sessionIdGenerator: () => "session-1" } : {});
    await server.connect(transport);
    return transport;
  };
  const shared = sessions ? await connect() : undefined;
  const http = createServer((request, response) => {
    const parent = propagation.extract(ROOT_CONTEXT, request.headers);
    const span = trace.getTracer("http").startSpan(request.method ?? "", { kind: SpanKind.SERVER }, parent);
    if (request.method === "POST") posts.push(span.spanContext());
    response.on("close", () => span.end());
    void context.with(trace.setSpan(parent, span), async () =>
      (shared ?? (await connect())).handleRequest(request, response),
    );
  });
  await new Promise<void>((done) => http.listen(0, "127.0.0.1", done));
  const { port } = http.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/mcp`),
    posts,
    [Symbol.asyncDispose]: async () => {
      await shared?.close();
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}

test("a tool call over Streamable HTTP has the tree of the conventions", async () => {
  await using server = await serve(true);
  const client = new Client({ name: "test", version: "1" });
  // The HTTP client instrumentation: a POST span in the context of the sending, its context in the header.
  const fetch = (url: URL | string, init?: RequestInit): Promise<Response> =>
    trace.getTracer("http").startActiveSpan("http.client", { kind: SpanKind.CLIENT }, async (span) => {
      const headers = new Headers(init?.headers);
      propagation.inject(context.active(), headers, { set: (carrier, key, value) => carrier.set(key, value) });
      try {
        return await globalThis.fetch(url, { ...init, headers });
      } finally {
        span.end();
      }
    });
  await client.connect(new StreamableHTTPClientTransport(server.url, { fetch }));
  recording.forget();
  server.posts.length = 0;
  await client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
  const s4 = recording.span("tools/call add", "client");
  const s7 = recording.span("tools/call add", "server");
  const below = recording.spans().filter((span) => span.parentSpanContext?.spanId === s4.spanContext().spanId);
  expect(below.map(({ name }) => name).sort()).toEqual(["http.client", "tools/call add"]);
  expect(s7.parentSpanContext?.spanId).toBe(s4.spanContext().spanId);
  expect(s7.links.map((link) => link.context.spanId)).toEqual(server.posts.map(({ spanId }) => spanId));
  const network = { "network.transport": "tcp", "network.protocol.name": "http" };
  const session = { "mcp.session.id": "session-1", "mcp.protocol.version": "2025-11-25" };
  expect(s7.attributes).toMatchObject({ ...network, ...session });
  expect(s7.attributes).not.toHaveProperty("server.address");
  const peer = { "server.address": "127.0.0.1", "server.port": Number(server.url.port) };
  expect(s4.attributes).toMatchObject({ ...network, ...session, ...peer });
  await client.close();
  expect((await recording.points("mcp.client.session.duration"))[0]?.attributes).toEqual({
    ...network,
    ...peer,
    "mcp.protocol.version": "2025-11-25",
  });
  expect(instrumentation.faults()).toEqual({});
});

test("without _meta the HTTP header is the parent, the POST span a link, the revision that of the header", async () => {
  await using server = await serve(false);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2025-06-18",
    traceparent,
  };
  const params = { name: "add", arguments: { a: 1, b: 2 } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: "r-1", method: "tools/call", params });
  const response = await fetch(server.url, { method: "POST", headers, body });
  expect(await response.text()).toContain('"3"');
  const span = recording.span("tools/call add", "server");
  expect(span.parentSpanContext).toMatchObject({ spanId: "b7ad6b7169203331", isRemote: true });
  expect(span.links.map((link) => link.context.spanId)).toEqual(server.posts.map(({ spanId }) => spanId));
  expect(span.attributes).toMatchObject({ "jsonrpc.request.id": "r-1", "mcp.protocol.version": "2025-06-18" });
  expect(span.attributes).not.toHaveProperty("mcp.session.id");
});

test("requests without sessions leave no session metric", async () => {
  await using server = await serve(false);
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(server.url));
  await client.close();
  instrumentation.close();
  expect(recording.span("initialize", "server").attributes["mcp.protocol.version"]).toBe("2025-11-25");
  expect(await recording.points("mcp.server.session.duration")).toEqual([]);
  expect(await recording.points("mcp.client.session.duration")).toEqual([]);
});

test("an HTTP status without JSON-RPC is the error of the client", async () => {
  await using server = await serve(true);
  const client = new Client({ name: "test", version: "1" });
  const refused = (): Promise<Response> => Promise.resolve(new Response("secret", { status: 503 }));
  const transport = new StreamableHTTPClientTransport(server.url, { fetch: refused });
  await expect(client.connect(transport)).rejects.toMatchObject({ code: 503 });
  const span = recording.span("initialize", "client");
  expect(span.attributes).toMatchObject({ "error.type": "503", "http.response.status_code": 503 });
  expect(JSON.stringify([span.status, span.attributes])).not.toContain("secret");
});
