import { randomUUID } from "node:crypto";
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { createMcpHandler, McpServer as ModernServer } from "@modelcontextprotocol/server";
import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import type { HttpProxyOptions } from "../../../src/capture/http/proxy.ts";
import type { ShadowRecord } from "../../../src/capture/mirror.ts";
import { reportShadow } from "../../../src/loop/shadow-report.ts";
import { serveFetch } from "./fixtures/modern-server.ts";
import { ask, json, listening, proxyBefore, recording, rpc, type Got, type Listening } from "./parts.ts";

/** What a server did: `search` only reads, `write` writes, `peek` only reads and is allowed to nobody. */
type Did = { readonly calls: string[]; readonly headers: Record<string, unknown>[]; ended: number };

const text = (value: unknown) => ({ content: [{ type: "text" as const, text: JSON.stringify(value) }] });

function tools(did: Did, hits: number) {
  return (
    register: (name: string, isReadOnly: boolean, work: (args: { q: string }) => ReturnType<typeof text>) => void,
  ) => {
    for (const [name, isReadOnly] of [
      ["search", true],
      ["write", false],
      ["peek", true],
    ] as const) {
      register(name, isReadOnly, ({ q }) => {
        did.calls.push(`${name} ${q}`);
        return text({ q, hits: q === "b" ? hits : 1, at: process.hrtime.bigint().toString() });
      });
    }
  };
}

/** A real server with sessions. */
async function sessionServer(hits: number): Promise<Listening & { did: Did }> {
  const did: Did = { calls: [], headers: [], ended: 0 };
  const open = new Map<string, StreamableHTTPServerTransport>();
  const server = await listening((request, response) => {
    const id = request.headers["mcp-session-id"];
    const known = typeof id === "string" ? open.get(id) : undefined;
    if (request.method === "POST") did.headers.push(request.headers);
    if (known !== undefined) return void known.handleRequest(request, response);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (opened) => void open.set(opened, transport),
      onsessionclosed: () => void (did.ended += 1),
    });
    const mcp = new McpServer({ name: "s", version: "1" });
    tools(
      did,
      hits,
    )((name, readOnlyHint, work) => {
      mcp.registerTool(name, { inputSchema: { q: z.string() }, annotations: { readOnlyHint } }, work);
    });
    void mcp.connect(transport).then(() => transport.handleRequest(request, response));
  });
  return { ...server, did };
}

/** A real server of the stateless wire. */
async function statelessServer(hits: number): Promise<Listening & { did: Did }> {
  const did: Did = { calls: [], headers: [], ended: 0 };
  const handler = createMcpHandler(
    () => {
      const mcp = new ModernServer({ name: "s", version: "2" }, { capabilities: { tools: {} } });
      tools(
        did,
        hits,
      )((name, readOnlyHint, work) => {
        mcp.registerTool(name, { inputSchema: z.object({ q: z.string() }), annotations: { readOnlyHint } }, work);
      });
      return mcp;
    },
    { legacy: "reject" },
  );
  const server = await listening((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      did.headers.push(request.headers);
      void serveFetch(handler, { request, response, body: Buffer.concat(chunks).toString("utf8") });
    });
  });
  return { ...server, did };
}

type Shadowing = Partial<NonNullable<HttpProxyOptions["shadow"]>> & { readonly patienceMs?: number };

/** A proxy that waits for its shadow at the end as long as it takes. */
function shadowed(upstream: { url: URL }, candidate: { url: URL }, { patienceMs = 100_000, ...more }: Shadowing = {}) {
  return proxyBefore(upstream, {
    adminPort: 0,
    shadow: {
      candidate: candidate.url,
      reference: upstream.url,
      allow: ["search", "write"],
      timeoutMs: 60_000,
      report: reportShadow,
      ...more,
    },
    limits: { patienceMs },
  });
}

const CALLS = [
  { name: "search", arguments: { q: "a" } },
  { name: "search", arguments: { q: "b" } },
  { name: "search", arguments: { q: "c" } },
  { name: "write", arguments: { q: "a" } },
  { name: "peek", arguments: { q: "a" } },
];

const count = (did: Did, name: string): number => did.calls.filter((call) => call.startsWith(name)).length;

function expectCompared(record: ShadowRecord | undefined) {
  expect(record && reportShadow(record)).toMatchObject({
    tools: [
      {
        tool: "search",
        calls: 3,
        differing: 1,
        differences: [{ path: expect.stringMatching(/hits$/), baseline: "5", candidate: "7" }],
        noise: [expect.stringMatching(/\.at$/)],
      },
    ],
    skipped: { notReadOnly: 1, notAllowed: 1, dropped: 0 },
    judged: { calls: { control: 3, experiment: 3 } },
  });
}

describe("a shadow on Streamable HTTP", () => {
  test("with sessions: calls again what only reads and is allowed, in sessions of its own, and answers nobody", async () => {
    await using baseline = await sessionServer(5);
    await using candidate = await sessionServer(7);
    const proxy = await shadowed(baseline, candidate);
    const client = new Client({ name: "test", version: "1" });
    const requestInit = {
      headers: { Authorization: "Bearer mine", traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` },
    };
    const transport = new StreamableHTTPClientTransport(new URL(`${proxy.url}/mcp`), { requestInit });
    await client.connect(transport);
    await client.listTools();
    const answers = [];
    for (const call of CALLS) answers.push(JSON.stringify(await client.callTool(call)));
    await transport.terminateSession();
    await client.close();
    await proxy.stop();
    expect(answers).toHaveLength(5);
    expect(answers.join()).not.toContain('\\"hits\\":7');
    expectCompared(proxy.shadow());
    expect([count(baseline.did, "search"), count(candidate.did, "search")]).toEqual([6, 3]);
    expect([count(baseline.did, "write"), count(candidate.did, "write")]).toEqual([1, 0]);
    expect([count(baseline.did, "peek"), count(candidate.did, "peek")]).toEqual([1, 0]);
    // In the client's name, and no part of its trace; the sessions are ended with the client's.
    expect(new Set(candidate.did.headers.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer mine"]));
    expect(candidate.did.headers.every(({ traceparent }) => traceparent === undefined)).toBe(true);
    expect([baseline.did.ended, candidate.did.ended]).toEqual([2, 1]);
  });

  test("on the stateless wire", async () => {
    await using baseline = await statelessServer(5);
    await using candidate = await statelessServer(7);
    const proxy = await shadowed(baseline, candidate);
    const client = new ModernClient(
      { name: "test", version: "1" },
      { versionNegotiation: { mode: { pin: "2026-07-28" } } },
    );
    await client.connect(new ModernTransport(new URL(`${proxy.url}/mcp`)));
    await client.listTools();
    for (const call of CALLS) await client.callTool(call);
    await client.close();
    await proxy.stop();
    expectCompared(proxy.shadow());
    expect(candidate.did.calls).toEqual(["search a", "search b", "search c"]);
  });
});

/** A baseline that answers at once, and lists `search` as one that only reads. Its answers to others count as the client's. */
function plain(size = 1) {
  return recording((got, response) => {
    const { id, method } = JSON.parse(got.body) as { id: number | string; method: string };
    const listed = { tools: [{ name: "search", annotations: { readOnlyHint: true } }] };
    json(response, { jsonrpc: "2.0", id, result: method === "tools/list" ? listed : { n: "x".repeat(size) } });
  });
}

const search = (id: number) => rpc(id, "tools/call", { name: "search", arguments: {} });

/** A client without a session that lists the tools and searches so often, each answered before the next. */
async function searches(port: number, times: number): Promise<number> {
  await ask(port, { body: rpc(0, "tools/list") });
  let answered = 0;
  for (let id = 1; id <= times; id += 1) {
    if ((await ask(port, { body: search(id) })).status === 200) answered += 1;
  }
  return answered;
}

const statusesOf = (record: ShadowRecord | undefined) => record?.triples.map(({ candidate }) => candidate.status);

describe("a candidate that", () => {
  test("hangs holds up nobody: every client is answered while it holds the first call, and the end does not wait for it", async () => {
    await using baseline = await plain();
    const asked = Promise.withResolvers<Got>();
    await using candidate = await recording((got) => asked.resolve(got)); // never answers
    const proxy = await shadowed(baseline, candidate, { limits: { waiting: 3 }, patienceMs: 50 });
    expect(await searches(proxy.port, 8)).toBe(8);
    await asked.promise;
    await proxy.stop();
    // Three waited and five found no room; none was compared.
    expect(proxy.shadow()).toEqual({ triples: [], skipped: { notReadOnly: 0, notAllowed: 0, dropped: 8 } });
    expect(candidate.got).toHaveLength(1);
  });

  test("is too slow has failed, and the next call is made all the same", async () => {
    await using baseline = await plain();
    await using candidate = await recording(() => undefined);
    await using reference = await plain();
    const proxy = await shadowed(baseline, candidate, { timeoutMs: 20, reference: reference.url });
    expect(await searches(proxy.port, 2)).toBe(2);
    await proxy.stop();
    expect(statusesOf(proxy.shadow())).toEqual(["transport", "transport"]);
  });

  test.each([
    ["with JSON", "application/json"],
    ["with an event stream", "text/event-stream"],
  ])("floods %s is cut off", async (_, type) => {
    await using baseline = await plain();
    const cut: Promise<void>[] = [];
    await using candidate = await listening((_request, response) => {
      const closed = Promise.withResolvers<void>();
      cut.push(closed.promise);
      response.writeHead(200, { "Content-Type": type });
      const more = (): void => void response.write(": ".padEnd(65_536, "x"), () => void (response.destroyed || more()));
      response.once("close", closed.resolve);
      more();
    });
    const proxy = await shadowed(baseline, candidate, { limits: { messageBytes: 200_000 } });
    expect(await searches(proxy.port, 1)).toBe(1);
    await proxy.stop();
    await Promise.all(cut);
    expect(cut).toHaveLength(1);
    const record = proxy.shadow();
    expect(record && reportShadow(record).tools).toMatchObject([
      { differing: 1, differences: [{ candidate: "transport" }] },
    ]);
    expect(JSON.stringify(record?.triples)).toContain("more than 200000 bytes");
  });

  test("is not there, refuses or answers nonsense differs", async () => {
    await using baseline = await plain();
    const gone = await listening(() => undefined);
    await gone[Symbol.asyncDispose]();
    const replies = [500, 404, 200].values();
    await using nonsense = await recording((_got, response) => {
      response.writeHead(replies.next().value ?? 200, { "Content-Type": "application/json" });
      response.end('{"jsonrpc":"2.0","id":"another","result":{}}');
    });
    for (const candidate of [gone, nonsense]) {
      const proxy = await shadowed(baseline, candidate);
      expect(await searches(proxy.port, 3)).toBe(3);
      await proxy.stop();
      expect(statusesOf(proxy.shadow())).toEqual(["transport", "transport", "transport"]);
    }
  });

  test("answers with more than can be kept is counted and not kept", async () => {
    await using baseline = await plain();
    await using candidate = await plain(5_000);
    const proxy = await shadowed(baseline, candidate, { limits: { answerLength: 2_000 } });
    expect(await searches(proxy.port, 3)).toBe(3);
    await proxy.stop();
    expect(proxy.shadow()).toMatchObject({ triples: [], skipped: { dropped: 3 } });
  });
});

describe("what a shadow does not do", () => {
  test("join a session that began before the proxy did", async () => {
    await using baseline = await plain();
    await using candidate = await plain();
    const proxy = await shadowed(baseline, candidate);
    await ask(proxy.port, { body: rpc(0, "tools/list") });
    await ask(proxy.port, { body: search(1), headers: { "Mcp-Session-Id": "old" } });
    await proxy.stop();
    expect(proxy.shadow()).toMatchObject({ triples: [], skipped: { dropped: 1 } });
    expect(candidate.got).toEqual([]);
  });

  test("hide: the admin endpoint shows what was found so far; without a shadow there is none", async () => {
    await using baseline = await plain();
    await using candidate = await plain();
    const proxy = await shadowed(baseline, candidate);
    await searches(proxy.port, 1);
    const look = async () => (await fetch(`${proxy.adminUrl}/shadow`)).json() as Promise<{ tools: unknown[] }>;
    let seen = await look();
    while (seen.tools.length === 0) seen = await look();
    expect(seen).toMatchObject({ schema: "whetstone.shadow/1", tools: [{ tool: "search", calls: 1, differing: 0 }] });
    await proxy.stop();
    const without = await proxyBefore(baseline, { adminPort: 0 });
    expect((await fetch(`${without.adminUrl}/shadow`)).status).toBe(404);
    await without.stop();
  });
});
