import { createInterface } from "node:readline";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Progress } from "@modelcontextprotocol/sdk/types.js";
import { memoryStore } from "../../src/store/memory.ts";
import { span, traceId } from "../store/spans.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { type Ended, startWhetstone } from "../support/whetstone.ts";
import { answerOf, contextOver } from "./calling.ts";
import { NOW } from "./hostile-store.ts";
import { httpProcess, type HttpProcess } from "./http-process.ts";
import { connected } from "./wire-client.ts";

type Folder = Awaited<ReturnType<typeof temporaryFolder>>;
type Message = { readonly id?: unknown; readonly result?: Record<string, unknown>; readonly error?: { code: number } };

let folder: Folder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

const initialize = (protocolVersion: unknown, id: unknown = 1) => ({
  jsonrpc: "2.0",
  id,
  method: "initialize",
  params: { protocolVersion, capabilities: {}, clientInfo: { name: "raw", version: "1" } },
});
const PING = { jsonrpc: "2.0", id: "still there", method: "ping" };

/** A server on stdio whose lines a test writes itself. */
function rawServer() {
  const { child, ended } = startWhetstone(["mcp"], { cwd: folder.path, keepInput: true });
  // Kept as they come: two lines in one chunk are told in one go.
  const lines = createInterface({ input: child.stdout ?? process.stdin })[Symbol.asyncIterator]();
  const write = (text: string): void => void child.stdin?.write(`${text}\n`);
  const end = (): Promise<Ended> => {
    child.stdin?.end();
    return ended;
  };
  return {
    write,
    send: (message: unknown) => write(JSON.stringify(message)),
    next: async (): Promise<Message> => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("the server said no more");
      return JSON.parse(value) as Message;
    },
    end,
    [Symbol.asyncDispose]: async () => void (await end()),
  };
}

describe("on stdio", () => {
  test.each([
    ["no JSON", "this is no JSON"],
    ["half a message", '{"jsonrpc":"2.0","id":1,'],
    ["a number", "5"],
    ["an empty batch", "[]"],
    ["an empty line", ""],
    ["another version of JSON-RPC", '{"jsonrpc":"1.0","id":1,"method":"ping"}'],
    ["a notification that nobody knows", '{"jsonrpc":"2.0","method":"notifications/unheard_of"}'],
    ["an answer that nobody waits for", '{"jsonrpc":"2.0","id":99,"result":{}}'],
    ["cancelling what does not run", '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}'],
    ["a megabyte of nesting", "[".repeat(1_000_000)],
    ["NUL and half a surrogate pair", '{"jsonrpc":"2.0","id":"\\u0000\\ud800","method":"nothing"}'],
  ])("%s does not end the server, which says nothing but MCP", async (_what, line) => {
    await using raw = rawServer();
    raw.send(initialize("2025-11-25"));
    expect(await raw.next()).toMatchObject({ id: 1, result: { protocolVersion: "2025-11-25" } });
    raw.write(line);
    raw.send(PING);
    for (let answer = await raw.next(); answer.id !== PING.id; answer = await raw.next()) {
      expect(answer.error).toBeDefined();
    }
    const { code, out } = await raw.end();
    expect(code).toBe(0);
    for (const each of out.trim().split("\n")) expect(JSON.parse(each)).toMatchObject({ jsonrpc: "2.0" });
  });

  test.each(["1999-01-01", "", "2025-03-26", "9999-12-31"])(
    "revision %j is answered with one that the server speaks",
    async (asked) => {
      await using raw = rawServer();
      raw.send(initialize(asked));
      const { result, error } = await raw.next();
      if (error === undefined) expect(String(result?.["protocolVersion"])).toMatch(/^20\d\d-\d\d-\d\d$/);
      else expect([-32602, -32022]).toContain(error.code);
      if (asked === "2025-03-26") expect(result?.["protocolVersion"]).toBe(asked);
    },
  );

  test("six servers in one folder answer side by side, and end when their input does", async () => {
    const servers = Array.from({ length: 6 }, () => rawServer());
    for (const raw of servers) raw.send(initialize("2025-11-25"));
    const answers = await Promise.all(servers.map((raw) => raw.next()));
    expect(answers.filter(({ result }) => result !== undefined)).toHaveLength(6);
    const codes = (await Promise.all(servers.map((raw) => raw.end()))).map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set([0]));
  });
});

describe("over HTTP", () => {
  let server: HttpProcess;
  beforeAll(async () => {
    server = await httpProcess(folder.path);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  type Sent = { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string };

  /** A request as it is: `fetch` sets Host itself. */
  function send({
    method = "POST",
    headers = {},
    body = JSON.stringify(initialize("2025-11-25")),
  }: Sent): Promise<number> {
    const accept = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const sent = Buffer.from(method === "POST" ? body : "");
    return new Promise((resolve, reject) => {
      const request = httpRequest(server.url, {
        agent: false,
        method,
        headers: { ...accept, "content-length": sent.length, ...headers },
      });
      request.once("response", (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
        if (response.headers["content-type"]?.includes("event-stream") === true) response.destroy();
      });
      request.once("error", reject);
      request.end(sent);
    });
  }

  test.each([
    [{ host: "evil.example" }, 403],
    [{ host: "evil.example:80" }, 403],
    [{ host: "127.0.0.1.evil.example" }, 403],
    [{ origin: "http://localhost.evil.example" }, 403],
    [{ origin: "file://" }, 403],
    [{ origin: "null" }, 403],
    [{ origin: "http://127.0.0.1:1" }, 200],
    [{ "content-type": "text/plain" }, 415],
    [{ accept: "text/html" }, 406],
    [{ "mcp-session-id": "made-up" }, 404],
  ])("%j is answered with %i", async (headers, status) => {
    expect(await send({ headers })).toBe(status);
  });

  test.each([
    ["no JSON", "{", 400],
    ["nothing", "", 400],
    ["a request before initialize", JSON.stringify(PING), 400],
    ["a batch that opens twice", JSON.stringify([initialize("2025-11-25"), initialize("2025-11-25", 2)]), 400],
    ["more than a message may have", `"${"x".repeat(5 * 1024 * 1024)}"`, 413],
  ])("%s is refused: %#", async (_what, body, status) => {
    expect(await send({ body })).toBe(status);
  });

  test.each(["PUT", "PATCH", "OPTIONS", "TRACE", "DELETE", "GET"])(
    "%s without a session is refused, not failed",
    async (method) => {
      const status = await send({ method });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    },
  );

  test("a message of a megabyte is read, and the server goes on", async () => {
    const params = { ...initialize("2025-11-25").params, clientInfo: { name: "x".repeat(1_000_000), version: "1" } };
    expect(await send({ body: JSON.stringify({ ...initialize("2025-11-25"), params }) })).toBe(200);
    expect(await send({})).toBe(200);
  });
});

describe("resources of specifications", () => {
  test.each(["plain", "a/b", "100%", "%41", "%zz", "a?b#c", "a b", "名", "x&y=z", "{id}", "..."])(
    "%j is listed by a URI that reads it",
    async (name) => {
      const store = memoryStore();
      await store.append([span({ traceId: traceId(1), startNs: NOW - 1n })]);
      const specification = { description: `about ${name}`, expected_spans: [{ operation_name: "a" }] };
      await answerOf("define_trace_spec", { name, specification }, contextOver(store));
      await using wire = await connected(store);
      const { resources } = await wire.client.listResources();
      const found = resources.find(({ uri }) => uri.startsWith("whetstone://spec/"));
      const { contents } = await wire.client.readResource({ uri: found?.uri ?? "" });
      expect(JSON.parse((contents[0] as { text: string }).text)).toMatchObject({ name, version: 1 });
    },
  );
});

test("progress of a tool that reads two sets of traces only grows", async () => {
  const store = memoryStore();
  const minute = 60_000_000_000n;
  await store.append(
    Array.from({ length: 120 }, (_, n) => span({ traceId: traceId(n), startNs: NOW - BigInt(n + 1) * minute })),
  );
  await using wire = await connected(store);
  const told: { progress: number; total: number }[] = [];
  const onprogress = ({ progress, total }: Progress): void => void told.push({ progress, total: total ?? 0 });
  await wire.client.callTool({ name: "detect_regressions", arguments: {} }, undefined, { onprogress });
  expect(told.length).toBeGreaterThan(4);
  for (const [at, { progress, total }] of told.entries()) {
    expect(progress).toBeGreaterThan(told[at - 1]?.progress ?? -1);
    expect(total).toBeGreaterThanOrEqual(progress);
  }
});
