import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from "@modelcontextprotocol/client";
import { openStore } from "../../src/store/open.ts";
import { span, traceId } from "../store/spans.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { startWhetstone, whetstone } from "../support/whetstone.ts";
import { httpProcess, type HttpProcess } from "./http-process.ts";

type Folder = Awaited<ReturnType<typeof temporaryFolder>>;

let folder: Folder;
let server: HttpProcess;
const keys: Record<string, { readonly id: string; readonly key: string }> = {};

beforeAll(async () => {
  folder = await temporaryFolder();
  {
    await using store = await openStore({ url: join(folder.path, ".whetstone/whetstone.db") });
    await store.append([span({ traceId: traceId(7), startNs: BigInt(Date.now()) * 1_000_000n })]);
  }
  for (const role of ["developer", "executive", "operations"]) {
    const { out } = await whetstone(["api-key", "create", role, "--role", role, "--json"], { cwd: folder.path });
    keys[role] = JSON.parse(out) as { id: string; key: string };
  }
  server = await httpProcess(folder.path, []);
}, 180_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const bearer = (role: string): Record<string, string> => ({ Authorization: `Bearer ${keys[role]?.key}` });

async function legacyClient(role: string): Promise<Client & AsyncDisposable> {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(server.url, { requestInit: { headers: bearer(role) } }));
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } },
};

function post(body: unknown, headers: Record<string, string>): Promise<Response> {
  return fetch(server.url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json, text/event-stream", ...headers },
    body: JSON.stringify(body),
  });
}

describe("who may ask", () => {
  test("nobody without a key, and the answer says how to get one", async () => {
    const response = await post(initialize, {});
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain("Bearer");
    expect(JSON.stringify(await response.json())).toContain("whetstone api-key create");
  });

  test.each(["Bearer whk_000000000000_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "Basic x", "Bearer"])(
    "nobody with %s",
    async (Authorization) => {
      expect((await post(initialize, { Authorization })).status).toBe(401);
    },
  );

  test("a revoked key is refused at once, in a session too", async () => {
    await using client = await legacyClient("operations");
    expect((await client.listTools()).tools.length).toBeGreaterThan(1);
    await whetstone(["api-key", "revoke", keys["operations"]?.id ?? ""], { cwd: folder.path });
    await expect(client.listTools()).rejects.toThrow(/revoked/);
  });

  test("a role gets the tools that it may use", async () => {
    await using executive = await legacyClient("executive");
    const names = (await executive.listTools()).tools.map(({ name }) => name);
    expect(names).toContain("list_services");
    expect(names).not.toContain("get_traces");
    await expect(executive.listResources()).rejects.toThrow(/not found/);
  });

  test("an id of a session does not open it to another key", async () => {
    const opened = await post(initialize, bearer("developer"));
    const id = opened.headers.get("mcp-session-id") ?? "";
    expect(id).not.toBe("");
    const list = { jsonrpc: "2.0", id: 2, method: "tools/list" };
    const version = { "Mcp-Session-Id": id, "MCP-Protocol-Version": "2025-11-25" };
    expect((await post(list, { ...bearer("executive"), ...version })).status).toBe(404);
    expect((await post(list, { ...bearer("developer"), ...version })).status).toBe(200);
  });
});

describe("from where", () => {
  const dressed = (headers: Record<string, string>) => post(initialize, { ...bearer("developer"), ...headers });

  test.each([{ Origin: "https://evil.example" }, { Origin: "null" }])("a page of %j is refused", async (headers) => {
    expect((await dressed(headers)).status).toBe(403);
  });

  test("a page of this machine is served", async () => {
    expect((await dressed({ Origin: "http://localhost:8080" })).status).toBe(200);
  });

  test("without keys only on loopback", async () => {
    const args = ["mcp", "--http", "0", "--no-auth", "--host", "0.0.0.0"];
    const { ended } = startWhetstone(args, { cwd: folder.path });
    expect(await ended).toMatchObject({ code: 2, err: expect.stringContaining("--no-auth") as unknown });
  });
});

test("a session of the handshake revisions: tools, a call, an end", async () => {
  const client = await legacyClient("developer");
  const { structuredContent } = await client.callTool({ name: "get_traces", arguments: {} });
  expect(structuredContent).toMatchObject({ traces: [{ traceId: traceId(7) }], total: 1 });
  await client.close();
});

test("the stateless revision: tools and a call", async () => {
  const client = new ModernClient(
    { name: "test", version: "1" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  await client.connect(new ModernTransport(server.url, { requestInit: { headers: bearer("developer") } }));
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain("get_traces");
  const { structuredContent } = await client.callTool({ name: "get_trace_by_id", arguments: { trace_id: traceId(7) } });
  expect(structuredContent).toMatchObject({ traceId: traceId(7), spanCount: 1 });
  await client.close();
});

test("other paths and the health check", async () => {
  expect((await fetch(new URL("/healthz", server.url))).status).toBe(200);
  expect((await fetch(new URL("/elsewhere", server.url))).status).toBe(404);
});
