import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { describe, expect, test } from "@jest/globals";
import { ask, begin, json, proxyBefore, recording, rpc, spanOf, type Got } from "./parts.ts";

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};
const HEADERS = { "MCP-Protocol-Version": "2026-07-28" };
const EVENTS = { "Content-Type": "text/event-stream" };

const modern = (id: number, method: string, params: object = {}) => rpc(id, method, { ...params, _meta: META });

describe("the stateless wire", () => {
  test("keeps its headers, those that are not known too, in their spelling", async () => {
    await using upstream = await recording((_got, response) => json(response, { jsonrpc: "2.0", id: 1, result: {} }));
    await using proxy = await proxyBefore(upstream);
    const headers = {
      ...HEADERS,
      "Mcp-Method": "tools/call",
      "Mcp-Name": "=?base64?w6Q=?=",
      "Mcp-Param-Region": "eu",
      "mcp-PARAM-x": "1",
    };
    await ask(proxy.port, { body: modern(1, "tools/call", { name: "ä" }), headers });
    expect(upstream.got[0]?.rawHeaders.join("\n")).toContain(Object.entries(headers).flat().join("\n"));
    expect(upstream.got[0]?.body).toMatch(/"_meta":\{"traceparent":"[^"]+","io.modelcontextprotocol/);
    await proxy.stop();
    expect(spanOf(proxy.spans, "client", "tools/call ä").attributes["mcp.protocol.version"]).toBe("2026-07-28");
  });

  test("server/discover is a request like any other, and its answer names the server's version", async () => {
    const result = { _meta: { "io.modelcontextprotocol/serverInfo": { name: "n", version: "9.1" } } };
    await using upstream = await recording((_got, response) => json(response, { jsonrpc: "2.0", id: 1, result }));
    await using proxy = await proxyBefore(upstream);
    await ask(proxy.port, { body: modern(1, "server/discover"), headers: HEADERS });
    await proxy.stop();
    expect(spanOf(proxy.spans, "server", "server/discover").resource["service.version"]).toBe("9.1");
  });

  test("the same id from two clients at a time are two requests", async () => {
    const held: ServerResponse[] = [];
    const both = Promise.withResolvers<void>();
    await using upstream = await recording((_got, response) => {
      held.push(response);
      if (held.length === 2) both.resolve();
    });
    await using proxy = await proxyBefore(upstream);
    const asking = ["a", "b"].map((name) =>
      ask(proxy.port, { body: modern(1, "tools/call", { name }), headers: HEADERS }),
    );
    await both.promise;
    for (const response of held) json(response, { jsonrpc: "2.0", id: 1, result: {} });
    await Promise.all(asking);
    await proxy.stop();
    expect(proxy.spans.map(({ status }) => status)).toEqual(["unset", "unset", "unset", "unset"]);
    expect(new Set(proxy.spans.map(({ name }) => name))).toEqual(new Set(["tools/call a", "tools/call b"]));
  });

  test("closing the stream cancels the request", async () => {
    const arrived = Promise.withResolvers<ServerResponse>();
    await using upstream = await recording((_got, response) => {
      response.writeHead(200, EVENTS).flushHeaders();
      arrived.resolve(response);
    });
    await using proxy = await proxyBefore(upstream);
    const answer = await begin(proxy.port, { body: modern(1, "tools/call", { name: "a" }), headers: HEADERS });
    const closed = once(await arrived.promise, "close");
    answer.destroy();
    await closed;
    await proxy.stop();
    for (const { attributes } of proxy.spans) expect(attributes["error.type"]).toBe("cancelled");
    expect(proxy.spans).toHaveLength(2);
  });

  test("an unknown method is HTTP 404 with its error, which is the caller's", async () => {
    await using upstream = await recording((_got, response) => {
      response.writeHead(404, { "Content-Type": "application/json" });
      response.end('{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}');
    });
    await using proxy = await proxyBefore(upstream);
    const answer = await ask(proxy.port, { body: modern(1, "x/y"), headers: HEADERS });
    await proxy.stop();
    expect(answer.status).toBe(404);
    expect(spanOf(proxy.spans, "client", "x/y").attributes["error.type"]).toBe("-32601");
    expect(spanOf(proxy.spans, "server", "x/y").status).toBe("unset");
  });
});

describe("subscriptions/listen", () => {
  const note = (method: string, id: number) =>
    `data: ${JSON.stringify({ jsonrpc: "2.0", method, params: { _meta: { "io.modelcontextprotocol/subscriptionId": id } } })}\n\n`;

  test("ends at its acknowledgement, and what follows on the stream is no latency of it", async () => {
    const arrived = Promise.withResolvers<ServerResponse>();
    await using upstream = await recording((_got, response) => {
      response.writeHead(200, EVENTS);
      response.write(note("notifications/subscriptions/acknowledged", 5));
      arrived.resolve(response);
    });
    await using proxy = await proxyBefore(upstream, { injectContext: false });
    const answer = await begin(proxy.port, { body: modern(5, "subscriptions/listen"), headers: HEADERS });
    const chunks = answer.setEncoding("utf8").iterator();
    await chunks.next();
    const response = await arrived.promise;
    response.write(note("notifications/tools/list_changed", 5));
    expect((await chunks.next()).value).toContain("list_changed");
    response.end('data: {"jsonrpc":"2.0","id":5,"result":{}}\n\n');
    expect((await chunks.next()).value).toContain('"result"');
    await proxy.stop();
    const listen = proxy.spans.findIndex(({ name }) => name === "subscriptions/listen");
    const changed = proxy.spans.findIndex(({ name }) => name === "notifications/tools/list_changed");
    expect(listen).toBeLessThan(changed);
    expect(spanOf(proxy.spans, "client", "subscriptions/listen").status).toBe("unset");
  });

  test("without an acknowledgement it ends as any other request that nothing answered", async () => {
    await using upstream = await recording((_got, response) => {
      response.writeHead(200, EVENTS).end(note("notifications/subscriptions/acknowledged", 6));
    });
    await using proxy = await proxyBefore(upstream);
    await ask(proxy.port, { body: modern(5, "subscriptions/listen"), headers: HEADERS });
    await proxy.stop();
    expect(spanOf(proxy.spans, "client", "subscriptions/listen").attributes["error.type"]).toBe("transport");
  });
});

describe("several rounds of one operation", () => {
  const answerOf = (got: Got) => {
    const { id, params } = JSON.parse(got.body) as { id: number; params: { inputResponses?: object } };
    const done = { resultType: "complete", content: [] };
    const asks = { resultType: "input_required", requestState: "st-1", inputRequests: {} };
    return { jsonrpc: "2.0", id, result: params.inputResponses ? done : asks };
  };

  test("are marked, and the later one links to the earlier, over connections", async () => {
    await using upstream = await recording((got, response) => json(response, answerOf(got)));
    await using proxy = await proxyBefore(upstream);
    const name = { name: "book" };
    await ask(proxy.port, { body: modern(1, "tools/call", name), headers: HEADERS });
    const again = { ...name, inputResponses: {}, requestState: "st-1" };
    await ask(proxy.port, { body: modern(2, "tools/call", again), headers: HEADERS });
    const other = { ...name, inputResponses: {}, requestState: "st-2" };
    await ask(proxy.port, { body: modern(3, "tools/call", other), headers: HEADERS });
    await proxy.stop();
    const servers = proxy.spans.filter(({ kind }) => kind === "server");
    const [first, second, third] = servers;
    for (const { attributes } of proxy.spans) expect(attributes["whetstone.multi_round"]).toBe(true);
    expect(second?.links).toEqual([{ traceId: first?.traceId, spanId: first?.spanId, attributes: {} }]);
    expect([first?.links, third?.links]).toEqual([[], []]);
  });
});
