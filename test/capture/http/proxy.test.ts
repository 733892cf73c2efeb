import { once } from "node:events";
import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { Span } from "../../../src/model/span.ts";
import { ask, json, proxyBefore, recording, rpc, spanOf, traceparentOf } from "./parts.ts";

const RESULT = { jsonrpc: "2.0", id: 1, result: { content: [] } };
const CALL = rpc(1, "tools/call", { name: "search", arguments: { q: "ä" } });

describe("a JSON answer", () => {
  test("passes with a SERVER and a CLIENT span; the request is changed by its trace context only", async () => {
    await using upstream = await recording((_got, response) => json(response, RESULT, { "X-Of-Server": "1" }));
    await using proxy = await proxyBefore(upstream);
    const answer = await ask(proxy.port, { body: CALL, headers: { "X-Of-Client": "2" } });
    await proxy.stop();
    expect(answer).toMatchObject({ status: 200, body: JSON.stringify(RESULT), headers: { "x-of-server": "1" } });
    const [got] = upstream.got;
    const client = spanOf(proxy.spans, "client", "tools/call search");
    const server = spanOf(proxy.spans, "server", "tools/call search");
    const traceparent = `00-${client.traceId}-${client.spanId}-01`;
    expect(got?.body).toBe(CALL.replace('"params":{', `"params":{"_meta":{"traceparent":"${traceparent}"},`));
    expect(got?.headers).toMatchObject({
      host: upstream.url.host,
      "content-length": String(Buffer.byteLength(got?.body ?? "")),
      "x-of-client": "2",
    });
    expect(client.parentSpanId).toBe(server.spanId);
    for (const span of proxy.spans) expect(Span.parse(span)).toEqual(span);
    expect(proxy.spans).toHaveLength(2);
  });

  test("spans state transport, protocol and the other side's address", async () => {
    await using upstream = await recording((_got, response) => json(response, RESULT));
    await using proxy = await proxyBefore(upstream);
    await ask(proxy.port, { body: CALL });
    await proxy.stop();
    const shared = {
      "mcp.method.name": "tools/call",
      "gen_ai.tool.name": "search",
      "gen_ai.operation.name": "execute_tool",
      "jsonrpc.request.id": "1",
      "network.transport": "tcp",
      "network.protocol.name": "http",
      "network.protocol.version": "1.1",
    };
    expect(spanOf(proxy.spans, "client", "tools/call search").attributes).toEqual({
      ...shared,
      "server.address": "127.0.0.1",
      "server.port": upstream.port,
    });
    expect(spanOf(proxy.spans, "server", "tools/call search").attributes).toEqual({
      ...shared,
      "client.address": "127.0.0.1",
      "client.port": expect.any(Number),
    });
  });

  test("without injection the body passes byte for byte, white space and all", async () => {
    await using upstream = await recording((_got, response) => json(response, RESULT));
    await using proxy = await proxyBefore(upstream, { injectContext: false });
    const body = ' {"jsonrpc" : "2.0","id":1.0e0, "method":"ping"}\r\n';
    await ask(proxy.port, { body });
    await proxy.stop();
    expect(upstream.got[0]?.body).toBe(body);
    expect(proxy.spans).toHaveLength(2);
  });

  test("every message of a batch has its spans and its own context", async () => {
    const results = [1, 2].map((id) => ({ jsonrpc: "2.0", id, result: {} }));
    await using upstream = await recording((_got, response) => json(response, results));
    await using proxy = await proxyBefore(upstream);
    const answer = await ask(proxy.port, { body: `[${rpc(1, "ping")},${rpc(2, "tools/list")}]` });
    await proxy.stop();
    expect(JSON.parse(answer.body)).toEqual(results);
    expect(proxy.spans.map((span) => [span.kind, span.name, span.status])).toEqual([
      ["client", "ping", "unset"],
      ["server", "ping", "unset"],
      ["client", "tools/list", "unset"],
      ["server", "tools/list", "unset"],
    ]);
    const sent = JSON.parse(upstream.got[0]?.body ?? "[]") as object[];
    expect(new Set(sent.map((message) => traceparentOf(JSON.stringify(message)))).size).toBe(2);
  });

  test("a compressed answer is passed as it is and read all the same", async () => {
    const answer = { ...RESULT, result: { isError: true } };
    await using upstream = await recording((_got, response) => {
      response.writeHead(200, { "Content-Type": "application/json", "Content-Encoding": "gzip" });
      response.end(gzipSync(JSON.stringify(answer)));
    });
    await using proxy = await proxyBefore(upstream);
    const got = await ask(proxy.port, { body: CALL });
    await proxy.stop();
    expect(got.headers["content-encoding"]).toBe("gzip");
    expect(spanOf(proxy.spans, "server", "tools/call search").attributes).toMatchObject({ "error.type": "tool_error" });
  });

  test("a notification ends with its acknowledgement, or as what the upstream made of it", async () => {
    let status = 202;
    await using upstream = await recording((_got, response) => void response.writeHead(status).end());
    await using proxy = await proxyBefore(upstream);
    const body = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" });
    expect((await ask(proxy.port, { body })).status).toBe(202);
    status = 503;
    expect((await ask(proxy.port, { body })).status).toBe(503);
    await proxy.stop();
    expect(proxy.spans.map((span) => [span.kind, span.status, span.attributes["error.type"]])).toEqual([
      ["client", "unset", undefined],
      ["server", "unset", undefined],
      ["client", "error", "503"],
      ["server", "error", "503"],
    ]);
  });
});

describe("trace context", () => {
  const inMeta = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const inHeader = `00-${"c".repeat(32)}-${"d".repeat(16)}-00`;

  test.each([
    { what: "_meta alone", meta: inMeta, expected: inMeta },
    { what: "the header alone", header: inHeader, expected: inHeader },
    { what: "_meta before the header", meta: inMeta, header: inHeader, expected: inMeta },
    { what: "the header beside a broken _meta", meta: "nonsense", header: inHeader, expected: inHeader },
  ])("is read from $what", async ({ meta, header, expected }) => {
    await using upstream = await recording((_got, response) => json(response, RESULT));
    await using proxy = await proxyBefore(upstream);
    const params = meta === undefined ? {} : { _meta: { traceparent: meta } };
    await ask(proxy.port, {
      body: rpc(1, "ping", params),
      headers: header === undefined ? {} : { traceparent: header },
    });
    await proxy.stop();
    const server = spanOf(proxy.spans, "server", "ping");
    expect([server.traceId, server.parentSpanId]).toEqual([expected.slice(3, 35), expected.slice(36, 52)]);
    expect(traceparentOf(upstream.got[0]?.body ?? "")?.slice(0, 35)).toBe(expected.slice(0, 35));
    // The header is the HTTP client's own and goes on as it came.
    expect(upstream.got[0]?.headers["traceparent"]).toBe(header);
  });
});

describe("errors", () => {
  test("an HTTP status without JSON-RPC: 4xx is an error of the client only, 5xx of both", async () => {
    let status = 401;
    await using upstream = await recording((_got, response) => void response.writeHead(status).end("no"));
    await using proxy = await proxyBefore(upstream);
    await ask(proxy.port, { body: rpc(1, "ping") });
    status = 500;
    await ask(proxy.port, { body: rpc(2, "ping") });
    await proxy.stop();
    expect(
      proxy.spans.map(({ kind, attributes }) => [
        kind,
        attributes["error.type"],
        attributes["http.response.status_code"],
      ]),
    ).toEqual([
      ["client", "401", 401],
      ["server", undefined, 401],
      ["client", "500", 500],
      ["server", "500", 500],
    ]);
  });

  test("a JSON-RPC error without an id belongs to the request that was sent", async () => {
    await using upstream = await recording((_got, response) => {
      response.writeHead(400, { "Content-Type": "application/json" });
      response.end('{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad session"},"id":null}');
    });
    await using proxy = await proxyBefore(upstream);
    await ask(proxy.port, { body: rpc(1, "ping") });
    await proxy.stop();
    expect(spanOf(proxy.spans, "server", "ping")).toMatchObject({
      status: "error",
      statusMessage: "Bad session",
      attributes: { "error.type": "-32000", "rpc.response.status_code": "-32000" },
    });
  });

  test("an upstream that cannot be reached is a 502 in plain text, and an error of the transport", async () => {
    const upstream = await recording((_got, response) => json(response, RESULT));
    await upstream[Symbol.asyncDispose]();
    await using proxy = await proxyBefore(upstream);
    const answer = await ask(proxy.port, { body: rpc(1, "ping") });
    await proxy.stop();
    expect(answer.status).toBe(502);
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(answer.body).toMatch(/^The upstream server gave no answer: .*ECONNREFUSED/);
    for (const span of proxy.spans) expect(span.attributes["error.type"]).toBe("transport");
    expect([proxy.spans.length, proxy.status().upstreamFailures]).toEqual([2, 1]);
  });

  test("an upstream that answers with something else than HTTP is a 502", async () => {
    const server = createServer((socket) => socket.on("error", () => undefined).end("SSH-2.0-nonsense\r\n"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    await using proxy = await proxyBefore({ url: new URL(`http://127.0.0.1:${port}/mcp`) });
    expect((await ask(proxy.port, { body: rpc(1, "ping") })).status).toBe(502);
    server.close();
  });

  test("a port that is taken is refused before anything runs", async () => {
    await using upstream = await recording((_got, response) => json(response, RESULT));
    await expect(proxyBefore(upstream, { listen: { host: "127.0.0.1", port: upstream.port } })).rejects.toMatchObject({
      code: "usage",
    });
    await expect(proxyBefore(upstream, { adminPort: upstream.port })).rejects.toMatchObject({ code: "usage" });
  });
});

describe("stores and exporters", () => {
  test("that fail never stop the traffic; what is lost is counted, shown and said", async () => {
    await using upstream = await recording((_got, response) => json(response, RESULT));
    await using proxy = await proxyBefore(upstream, { exporter: () => Promise.reject(new Error("disk full")) });
    for (let turn = 0; turn < 3; turn += 1) expect((await ask(proxy.port, { body: CALL })).status).toBe(200);
    const said = await proxy.stop();
    expect(said).toEqual([
      "whetstone: 6 of 6 spans did not reach the OTLP endpoint (6 because writing failed: disk full).\n",
    ]);
    expect(proxy.status().spans).toEqual({ "the OTLP endpoint": { written: 0, dropped: 0, failed: 6 } });
    expect(proxy.losses()).toEqual(said);
  });

  test("that are slow fill a queue of a bounded length", async () => {
    await using upstream = await recording((_got, response) => json(response, RESULT));
    const gate = Promise.withResolvers<void>();
    await using proxy = await proxyBefore(upstream, { queueLimit: 2, exporter: () => gate.promise });
    for (let turn = 0; turn < 4; turn += 1) await ask(proxy.port, { body: CALL });
    gate.resolve();
    expect((await proxy.stop()).join("")).toContain("because the queue was full");
  });
});
