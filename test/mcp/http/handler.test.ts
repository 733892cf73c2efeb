import { describe, expect, test } from "@jest/globals";
import { McpServer } from "@modelcontextprotocol/server";
import { createHttpHandler, type HttpHandlerOptions } from "../../../src/mcp/http/handler.ts";
import { startHttp } from "../../../src/mcp/http/start.ts";
import { manualClock, type Clock } from "../../../src/model/time.ts";
import type { Caller } from "../../../src/mcp/server.ts";

const clock: Clock = manualClock();
const meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** A handler whose server says who called. */
function handlerFor(changes: Partial<HttpHandlerOptions> = {}) {
  const errors: Error[] = [];
  const open = ({ name, role }: Caller): McpServer => {
    const server = new McpServer({ name: "t", version: "1" }, { capabilities: { tools: {} } });
    server.registerTool("who", { description: "says who asks" }, () => ({
      content: [{ type: "text", text: `${name}/${role}` }],
    }));
    return server;
  };
  return {
    handler: createHttpHandler({ open, clock, onError: (error) => void errors.push(error), ...changes }),
    errors,
  };
}

function modern(params: object, headers: Record<string, string> = {}): Request {
  return new Request("http://localhost/mcp", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": "2026-07-28",
      "Mcp-Method": "tools/call",
      "Mcp-Name": "who",
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { ...params, _meta: meta } }),
  });
}

const who = { name: "who", arguments: {} };

describe("the handler", () => {
  test("knows the caller on the stateless wire", async () => {
    const principal = { keyId: "k", name: "ada", role: "developer" } as const;
    const { handler } = handlerFor({ identify: async () => ({ kind: "known", principal }) });
    const response = await handler.handle(modern(who));
    expect(await response.json()).toMatchObject({ result: { content: [{ text: "ada/developer" }] } });
  });

  test("has no name for who asks without a key", async () => {
    const { handler } = handlerFor();
    const response = await handler.handle(modern(who));
    expect(await response.json()).toMatchObject({ result: { content: [{ text: "/undefined" }] } });
  });

  test.each(["missing", "unknown", "revoked", "expired"] as const)(
    "refuses a key that is %s before it reads the message",
    async (why) => {
      const { handler } = handlerFor({ identify: async () => ({ kind: "refused", why }) });
      const request = modern(who);
      const response = await handler.handle(request);
      expect(response.status).toBe(401);
      expect(request.bodyUsed).toBe(false);
      expect(JSON.stringify(await response.json())).toContain(why);
    },
  );

  test("passes the header that proves the caller, as it is", async () => {
    const seen: (string | undefined)[] = [];
    const identify = async (header: string | undefined) => {
      seen.push(header);
      return { kind: "refused", why: "unknown" } as const;
    };
    const { handler } = handlerFor({ identify });
    await handler.handle(modern(who, { Authorization: "Bearer whk_x" }));
    await handler.handle(modern(who));
    expect(seen).toEqual(["Bearer whk_x", undefined]);
  });

  test("refuses a message that is larger than any", async () => {
    const { handler } = handlerFor();
    const response = await handler.handle(modern({ ...who, padding: "x".repeat(5_000_000) }));
    expect(response.status).toBe(413);
  });

  test.each(["not json", "[]", "{}", '{"jsonrpc":"2.0"}'])(
    "answers %j with an error, not with a crash",
    async (body) => {
      const { handler } = handlerFor();
      const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
      const response = await handler.handle(new Request("http://localhost/mcp", { method: "POST", headers, body }));
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
    },
  );
});

describe("the server", () => {
  const open = (): McpServer => new McpServer({ name: "t", version: "1" }, { capabilities: { tools: {} } });
  const options = { host: "127.0.0.1", port: 0, open, clock, allowedHosts: [], onError: () => undefined };

  test("a port that is taken is told", async () => {
    await using running = await startHttp(options);
    await expect(startHttp({ ...options, port: running.port })).rejects.toMatchObject({ code: "usage" });
  });

  test("ends although a stream is open", async () => {
    const running = await startHttp(options);
    const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
    const first = await fetch(running.url, { method: "POST", headers, body });
    await first.text();
    const session = { "Mcp-Session-Id": first.headers.get("mcp-session-id") ?? "" };
    const stream = await fetch(running.url, { headers: { Accept: "text/event-stream", ...session } });
    expect(stream.status).toBe(200);
    await running[Symbol.asyncDispose]();
    await stream.text().catch(() => undefined);
    await expect(fetch(running.url)).rejects.toThrow();
  });

  test("a fault of the identification is a 500 and is told", async () => {
    const told: string[] = [];
    const identify = () => Promise.reject(new Error("the keys cannot be read"));
    await using running = await startHttp({ ...options, identify, onError: (error) => void told.push(error.message) });
    const response = await fetch(running.url, { method: "POST", body: "{}" });
    expect(response.status).toBe(500);
    expect(await response.text()).toBe("");
    expect(told).toEqual(["the keys cannot be read"]);
  });

  test("host names besides loopback are allowed one by one", async () => {
    await using running = await startHttp({ ...options, allowedHosts: ["tool.example"] });
    const of = async (origin: string) =>
      (await fetch(new URL("/healthz", running.url), { headers: { Origin: origin } })).status;
    expect(await of("https://tool.example")).toBe(200);
    expect(await of("https://tool.example.evil")).toBe(403);
  });
});
