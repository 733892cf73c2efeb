import { describe, expect, test } from "@jest/globals";
import type { HttpProxyOptions } from "../../../src/capture/http/proxy.ts";
import { ATTR } from "../../../src/model/span.ts";
import { callSamples } from "../../../src/capture/samples.ts";
import { ask, json, proxyBefore, recording, rpc, type Ask, type Proxied } from "./parts.ts";

const MODERN = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
const LEGACY = "2025-11-25";

/** A server that opens a session at `initialize` (unless told not to) and says who it is. */
function sessionServer(name: string, { sessions = true, version = `${name}-v` } = {}) {
  let opened = 0;
  return recording((got, response) => {
    if (got.method === "DELETE") return void response.writeHead(200).end();
    const { id, method } = JSON.parse(got.body) as { id: number; method: string };
    const info = { serverInfo: { name, version }, protocolVersion: LEGACY };
    if (method !== "initialize") return json(response, { jsonrpc: "2.0", id, result: { from: name } });
    opened += 1;
    return json(
      response,
      { jsonrpc: "2.0", id, result: { ...info, from: name } },
      {
        ...(sessions && { "Mcp-Session-Id": `${name}-${opened}` }),
      },
    );
  });
}

async function two(options: Partial<HttpProxyOptions> = {}, server: Parameters<typeof sessionServer>[1] = {}) {
  const baseline = await sessionServer("old", server);
  const canary = await sessionServer("new", server);
  const proxy = await proxyBefore(baseline, { canary: { url: canary.url }, weight: 50, adminPort: 0, ...options });
  const dispose = async () => {
    await proxy.stop();
    await baseline[Symbol.asyncDispose]();
    await canary[Symbol.asyncDispose]();
  };
  return { baseline, canary, proxy, [Symbol.asyncDispose]: dispose };
}

const fromOf = (body: string) => (JSON.parse(body) as { result: { from: string } }).result.from;

async function initialize(proxy: Proxied, headers: Ask["headers"] = {}) {
  const answer = await ask(proxy.port, { body: rpc(0, "initialize", { protocolVersion: LEGACY }), headers });
  return { from: fromOf(answer.body), session: answer.headers["mcp-session-id"] as string | undefined };
}

async function call(proxy: Proxied, headers: Ask["headers"] = {}, meta?: object) {
  const params = { name: "t", ...(meta && { _meta: meta }) };
  return fromOf((await ask(proxy.port, { body: rpc(1, "tools/call", params), headers })).body);
}

const put = (proxy: Proxied, body: string) => fetch(`${proxy.adminUrl}/weight`, { method: "PUT", body });

describe("sessions", () => {
  test("are drawn when they begin and stay where they are, whatever the weight becomes", async () => {
    await using t = await two();
    const sessions = await Promise.all(Array.from({ length: 40 }, () => initialize(t.proxy)));
    const arms = new Set(sessions.map(({ from }) => from));
    expect(arms).toEqual(new Set(["old", "new"]));
    await put(t.proxy, '{"weight":0}');
    for (const { from, session = "" } of sessions) {
      expect(session).toMatch(new RegExp(`^${from}-`));
      expect(await call(t.proxy, { "Mcp-Session-Id": session })).toBe(from);
    }
    expect((await initialize(t.proxy)).from).toBe("old");
    const { sessions: counted, openSessions } = t.proxy.status();
    expect([counted.baseline + counted.canary, openSessions]).toEqual([41, 41]);
  });

  test.each([
    [0, "old"],
    [100, "new"],
  ])("at a weight of %i all are %s", async (weight, from) => {
    await using t = await two({ weight });
    for (let turn = 0; turn < 10; turn += 1) expect((await initialize(t.proxy)).from).toBe(from);
  });

  test("are drawn in proportion to the weight", async () => {
    await using t = await two({ weight: 25 });
    for (let turn = 0; turn < 300; turn += 1) await initialize(t.proxy);
    // The random bytes are those of a fixed seed; a binomial of 300 and 0.25 is within 45 to 105 but once in 10^5.
    expect(t.proxy.status().sessions.canary).toBeGreaterThan(45);
    expect(t.proxy.status().sessions.canary).toBeLessThan(105);
  });

  test("every span names arm, session and the version that the server states", async () => {
    await using t = await two({ weight: 100 });
    const { session = "" } = await initialize(t.proxy);
    await call(t.proxy, { "Mcp-Session-Id": session });
    await t.proxy.stop();
    expect(t.proxy.spans).toHaveLength(4);
    for (const { resource, attributes } of t.proxy.spans) {
      expect(resource).toMatchObject({ "service.name": "s", "service.version": "new-v", "whetstone.arm": "canary" });
      expect(attributes).toMatchObject({ "mcp.session.id": "new-1", "mcp.protocol.version": LEGACY });
      expect(attributes).not.toHaveProperty(["whetstone.unit"]);
    }
    expect(new Set(t.proxy.spans.map(({ resource }) => resource["service.instance.id"])).size).toBe(1);
  });

  test("a version that was given goes before what the server states", async () => {
    await using t = await two({ weight: 0 });
    const given = await proxyBefore(t.baseline, { baseline: { url: t.baseline.url, version: "abc" } });
    await initialize(given);
    await given.stop();
    expect(given.spans.map(({ resource }) => resource["service.version"])).toEqual(["abc", "abc"]);
    // Without a canary there are no arms.
    expect(given.spans[0]?.resource).not.toHaveProperty([ATTR.arm]);
  });

  test("end with DELETE, and with a 404 for them", async () => {
    await using upstream = await recording((got, response) => {
      const status = got.headers["x-status"];
      if (status !== undefined) return void response.writeHead(Number(status)).end();
      return json(response, { jsonrpc: "2.0", id: 1, result: {} }, { "Mcp-Session-Id": "s" });
    });
    await using proxy = await proxyBefore(upstream);
    const open = () => ask(proxy.port, { body: rpc(1, "initialize") });
    const session = { "Mcp-Session-Id": "s" };
    await open();
    await ask(proxy.port, { method: "DELETE", headers: { ...session, "X-Status": "405" } });
    expect(proxy.status().openSessions).toBe(1);
    await ask(proxy.port, { method: "DELETE", headers: { ...session, "X-Status": "204" } });
    expect(proxy.status().openSessions).toBe(0);
    await open();
    await ask(proxy.port, { body: rpc(2, "ping"), headers: { ...session, "X-Status": "404" } });
    expect(proxy.status().openSessions).toBe(0);
  });

  test("one that is not known goes to the baseline, and is taken up only when the server knows it", async () => {
    await using upstream = await recording((got, response) => {
      if (got.headers["mcp-session-id"] === "known") return json(response, { jsonrpc: "2.0", id: 1, result: {} });
      response.writeHead(404).end();
    });
    await using canary = await sessionServer("new");
    await using proxy = await proxyBefore(upstream, { canary: { url: canary.url }, weight: 100 });
    for (const session of ["unknown", "known", "known"]) {
      await ask(proxy.port, { body: rpc(1, "ping"), headers: { "Mcp-Session-Id": session } });
    }
    expect([proxy.status().openSessions, canary.got.length, upstream.got.length]).toEqual([1, 0, 3]);
    await proxy.stop();
    expect(proxy.spans.map(({ attributes }) => attributes["mcp.session.id"])).toEqual([
      undefined,
      undefined,
      "known",
      "known",
      "known",
      "known",
    ]);
  });

  test("without session ids a client stays with the server that answered its initialize", async () => {
    await using t = await two({}, { sessions: false });
    for (const agent of ["a", "b", "c", "d", "e", "f", "g", "h"]) {
      const headers = { "User-Agent": agent };
      const { from, session } = await initialize(t.proxy, headers);
      expect(session).toBeUndefined();
      for (let turn = 0; turn < 3; turn += 1) expect(await call(t.proxy, headers)).toBe(from);
    }
  });
});

describe("clients of the stateless wire", () => {
  const headers = (agent: string, more: object = {}) => ({
    "User-Agent": agent,
    "MCP-Protocol-Version": "2026-07-28",
    ...more,
  });

  test("stay where a hash of address and user agent puts them; raising the weight only moves them to the canary", async () => {
    await using t = await two({ weight: 30 });
    const agents = Array.from({ length: 40 }, (_, at) => `agent-${at}`);
    const place = async () => Promise.all(agents.map((agent) => call(t.proxy, headers(agent), MODERN)));
    const first = await place();
    expect(new Set(first)).toEqual(new Set(["old", "new"]));
    expect(await place()).toEqual(first);
    await put(t.proxy, "60");
    const later = await place();
    expect(later).not.toEqual(first);
    for (const [at, from] of first.entries()) if (from === "new") expect(later[at]).toBe("new");
  });

  test("are told apart by a header when one is named, which then is all that counts", async () => {
    await using t = await two({ stickyHeader: "X-User" });
    const users = Array.from({ length: 20 }, (_, at) => `user-${at}`);
    const place = (agent: string) =>
      Promise.all(users.map((user) => call(t.proxy, headers(agent, { "X-User": user }), MODERN)));
    const first = await place("a");
    expect(new Set(first).size).toBe(2);
    expect(await place("b")).toEqual(first);
  });

  test("have no session on their spans, whatever header they send, but a unit that names the client", async () => {
    await using t = await two({ weight: 100 });
    await call(t.proxy, headers("a", { "Mcp-Session-Id": "x" }), MODERN);
    await call(t.proxy, headers("a"), MODERN);
    await call(t.proxy, headers("b"), MODERN);
    await t.proxy.stop();
    const spans = t.proxy.spans.filter(({ kind }) => kind === "client");
    const units = spans.map(({ attributes }) => attributes["whetstone.unit"]);
    expect(units[0]).toMatch(/^[0-9a-f]{16}$/);
    expect([units[0] === units[1], units[0] === units[2]]).toEqual([true, false]);
    for (const { attributes } of spans) {
      expect(attributes).not.toHaveProperty(["mcp.session.id"]);
      expect(attributes["mcp.protocol.version"]).toBe("2026-07-28");
    }
    // For a judge of the canary a client is what was drawn, and its calls belong together.
    expect(callSamples(spans).map(({ session }) => session)).toEqual(units);
  });
});

describe("the admin endpoint", () => {
  test("shows and changes the weight", async () => {
    await using t = await two({ weight: 10 });
    const get = async (path: string) => (await fetch(`${t.proxy.adminUrl}${path}`)).json();
    expect(await get("/weight")).toEqual({ weight: 10 });
    expect(await (await put(t.proxy, '{"weight":12.5}')).json()).toEqual({ weight: 12.5 });
    expect(await (await put(t.proxy, "30")).json()).toEqual({ weight: 30 });
    expect(await get("/weight")).toEqual({ weight: 30 });
    expect(await get("/status")).toMatchObject({ weight: 30, requests: 0, sessions: { baseline: 0, canary: 0 } });
  });

  test.each(["", "-1", "101", '"5"', "null", "{}", '{"weight":"5"}', "NaN", "[5]", `${" ".repeat(2_000)}5`])(
    "%j is no weight and changes nothing",
    async (body) => {
      await using t = await two({ weight: 10 });
      expect((await put(t.proxy, body)).status).toBe(400);
      expect(t.proxy.status().weight).toBe(10);
    },
  );

  test("is for programs on this machine: no page, no other name, no other path or method", async () => {
    await using t = await two({ weight: 10 });
    const port = Number(new URL(t.proxy.adminUrl ?? "").port);
    const from = (more: Ask) => ask(port, { method: "PUT", path: "/weight", body: "99", ...more });
    expect((await from({ headers: { Origin: "http://localhost:3000" } })).status).toBe(403);
    expect((await from({ headers: { Host: "evil.example" } })).status).toBe(403);
    expect((await from({ path: "/other" })).status).toBe(404);
    expect(await from({ method: "POST" })).toMatchObject({ status: 405, headers: { allow: "GET, PUT" } });
    expect(t.proxy.status().weight).toBe(10);
  });

  test("without a canary there is nothing to weigh", async () => {
    await using upstream = await sessionServer("old");
    await using proxy = await proxyBefore(upstream, { adminPort: 0 });
    expect((await put(proxy, "5")).status).toBe(409);
  });
});
