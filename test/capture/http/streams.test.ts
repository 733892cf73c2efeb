import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { ask, begin, listening, proxyBefore, recording, rpc, spanOf, traceparentOf, type Got } from "./parts.ts";

const EVENTS = { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no", "Cache-Control": "no-cache" };
const result = (id: number) => `{"jsonrpc":"2.0","id":${id},"result":{}}`;

/** An upstream that hands every response out, its head already sent. */
async function streaming() {
  const opened: { got: Got; response: ServerResponse }[] = [];
  const waiting: (() => void)[] = [];
  const upstream = await recording((got, response) => {
    response.writeHead(200, EVENTS);
    response.flushHeaders();
    opened.push({ got, response });
    waiting.shift()?.();
  });
  const next = async () => {
    if (opened.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    return opened.shift() as { got: Got; response: ServerResponse };
  };
  return { ...upstream, next };
}

describe("an event stream", () => {
  test("passes event by event, comments and all, with its headers; its answer ends the spans", async () => {
    await using upstream = await streaming();
    await using proxy = await proxyBefore(upstream, { injectContext: false });
    const [answer, { response }] = await Promise.all([begin(proxy.port, { body: rpc(1, "ping") }), upstream.next()]);
    expect(answer.headers).toMatchObject({ "x-accel-buffering": "no", "content-type": "text/event-stream" });
    const chunks = answer.setEncoding("utf8").iterator();
    const parts = [
      ": hello\n\n",
      "id: 1\ndata: \n\n",
      ": half a comment",
      "\n\n",
      `event: message\ndata: ${result(1)}\n\n`,
    ];
    for (const part of parts) {
      response.write(part);
      // Nothing more is sent before this part has arrived.
      expect((await chunks.next()).value).toBe(part);
    }
    response.end();
    expect((await chunks.next()).done).toBe(true);
    await proxy.stop();
    expect(spanOf(proxy.spans, "server", "ping")).toMatchObject({ status: "unset" });
  });

  test("carries requests and notifications of the server: they get a context and mirrored spans", async () => {
    await using upstream = await streaming();
    await using proxy = await proxyBefore(upstream);
    const headers = { "Mcp-Session-Id": "s1" };
    const asking = ask(proxy.port, { body: rpc(1, "tools/call", { name: "a" }), headers });
    const { response } = await upstream.next();
    response.write(`data: ${rpc(7, "sampling/createMessage", { messages: [] })}\n\n`);
    response.end(`data: {"jsonrpc":"2.0","method":"notifications/progress"}\n\ndata: ${result(1)}\n\n`);
    const [sampling = "", progress = "", last] = (await asking).body.split("\n\n").map((event) => event.slice(6));
    const reply = ask(proxy.port, { body: result(7), headers });
    (await upstream.next()).response.end();
    await reply;
    await proxy.stop();
    const client = spanOf(proxy.spans, "client", "sampling/createMessage");
    expect(traceparentOf(sampling)).toBe(`00-${client.traceId}-${client.spanId}-01`);
    expect(client).toMatchObject({ status: "unset", attributes: { "server.address": "127.0.0.1" } });
    expect(spanOf(proxy.spans, "server", "sampling/createMessage").attributes["client.port"]).toBe(upstream.port);
    expect(traceparentOf(progress)).toContain(spanOf(proxy.spans, "client", "notifications/progress").spanId);
    expect(last).toBe(result(1));
  });

  test("that is compressed passes as it is and is read beside", async () => {
    const body = gzipSync(`data: ${result(1)}\n\n`);
    await using upstream = await recording((_got, response) => {
      response.writeHead(200, { ...EVENTS, "Content-Encoding": "gzip" }).end(body);
    });
    await using proxy = await proxyBefore(upstream);
    const answer = await ask(proxy.port, { body: rpc(1, "ping") });
    await proxy.stop();
    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect(spanOf(proxy.spans, "server", "ping").status).toBe("unset");
  });

  test("that breaks off breaks off for the client too, and the request ends as an error of the transport", async () => {
    await using upstream = await streaming();
    await using proxy = await proxyBefore(upstream);
    const [answer, { response }] = await Promise.all([begin(proxy.port, { body: rpc(1, "ping") }), upstream.next()]);
    response.write("data: half");
    answer.resume();
    const failed = once(answer, "error");
    response.socket?.resetAndDestroy();
    expect(await failed).toMatchObject([{ code: "ECONNRESET" }]);
    await proxy.stop();
    expect(spanOf(proxy.spans, "client", "ping").attributes["error.type"]).toBe("transport");
    expect(proxy.status().upstreamFailures).toBe(1);
  });

  test("that the client leaves is closed upstream", async () => {
    await using upstream = await streaming();
    await using proxy = await proxyBefore(upstream);
    const [answer, { response }] = await Promise.all([begin(proxy.port, { body: rpc(1, "ping") }), upstream.next()]);
    const closed = once(response, "close");
    answer.destroy();
    await closed;
    await proxy.stop();
    expect(spanOf(proxy.spans, "client", "ping").attributes["error.type"]).toBe("transport");
  });

  test("a client that leaves before any answer is told upstream too", async () => {
    const arrived = Promise.withResolvers<ServerResponse>();
    await using upstream = await recording((_got, response) => arrived.resolve(response));
    await using proxy = await proxyBefore(upstream);
    const controller = new AbortController();
    const asking = fetch(`${proxy.url}/mcp`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: rpc(1, "ping"),
      signal: controller.signal,
    });
    const closed = once(await arrived.promise, "close");
    controller.abort();
    await expect(asking).rejects.toThrow();
    await closed;
    await proxy.stop();
    expect(spanOf(proxy.spans, "server", "ping").attributes["error.type"]).toBe("transport");
  });

  test("a slow client holds the upstream back, and gets every byte", async () => {
    const size = 20 * 1024 * 1024;
    const body = Buffer.alloc(size, "x");
    await using upstream = await recording((_got, response) => {
      response.writeHead(200, EVENTS);
      for (let at = 0; at < size; at += 1024 * 1024) response.write(body.subarray(at, at + 1024 * 1024));
      response.end();
    });
    await using proxy = await proxyBefore(upstream);
    const answer = await begin(proxy.port, { body: rpc(1, "ping") });
    let length = 0;
    let pauses = 0;
    for await (const chunk of answer) {
      length += (chunk as Uint8Array).length;
      if (pauses < 50) await new Promise((resolve) => setImmediate(resolve));
      pauses += 1;
    }
    expect(length).toBe(size);
  });
});

describe("resumption", () => {
  test("a request whose stream had ids is answered on the stream that goes on with it", async () => {
    await using upstream = await streaming();
    await using proxy = await proxyBefore(upstream);
    const headers = { "Mcp-Session-Id": "s1" };
    const asking = ask(proxy.port, { body: rpc(1, "ping"), headers });
    (await upstream.next()).response.end("id: 1\ndata: \n\n");
    await asking;
    const resuming = ask(proxy.port, { method: "GET", headers: { ...headers, "Last-Event-ID": "1" } });
    const { got, response } = await upstream.next();
    expect([got.method, got.headers["last-event-id"], got.headers["mcp-session-id"]]).toEqual(["GET", "1", "s1"]);
    response.end(`id: 2\ndata: ${result(1)}\n\n`);
    expect((await resuming).body).toContain(result(1));
    await proxy.stop();
    expect(proxy.spans.map((span) => [span.name, span.status, span.attributes["mcp.session.id"]])).toEqual([
      ["ping", "unset", "s1"],
      ["ping", "unset", "s1"],
    ]);
  });

  test("one that is never gone on with ends with the session", async () => {
    await using upstream = await streaming();
    await using proxy = await proxyBefore(upstream);
    const headers = { "Mcp-Session-Id": "s1" };
    const asking = ask(proxy.port, { body: rpc(1, "ping"), headers });
    (await upstream.next()).response.end("id: 1\ndata: \n\n");
    await asking;
    expect(proxy.status().openSessions).toBe(1);
    const deleting = ask(proxy.port, { method: "DELETE", headers });
    const { got, response } = await upstream.next();
    response.end();
    await deleting;
    expect([got.method, proxy.status().openSessions]).toEqual(["DELETE", 0]);
    await proxy.stop();
    expect(spanOf(proxy.spans, "server", "ping").attributes["error.type"]).toBe("transport");
  });

  test("without ids a stream that ends without an answer is an error of the transport at once", async () => {
    await using upstream = await streaming();
    await using proxy = await proxyBefore(upstream, { injectContext: false });
    const asking = ask(proxy.port, { body: rpc(1, "ping"), headers: { "Mcp-Session-Id": "s1" } });
    (await upstream.next()).response.end(": nothing\n\n");
    expect((await asking).body).toBe(": nothing\n\n");
    await proxy.stop();
    expect(spanOf(proxy.spans, "server", "ping").attributes["error.type"]).toBe("transport");
  });
});

describe("stop", () => {
  test("ends GET streams at once and lets requests finish", async () => {
    await using upstream = await streaming();
    await using proxy = await proxyBefore(upstream);
    const [stream] = await Promise.all([begin(proxy.port, { method: "GET" }), upstream.next()]);
    stream.resume();
    const ended = once(stream, "error");
    const asking = ask(proxy.port, { body: rpc(1, "ping") });
    const { response } = await upstream.next();
    const stopping = proxy.stop();
    await ended;
    response.end(`data: ${result(1)}\n\n`);
    expect((await asking).body).toContain(result(1));
    expect(await stopping).toEqual([]);
    expect(spanOf(proxy.spans, "server", "ping").status).toBe("unset");
  });

  test("cuts off what takes longer than its patience", async () => {
    await using upstream = await streaming();
    await using proxy = await proxyBefore(upstream, { limits: { patienceMs: 20 } });
    const [answer] = await Promise.all([begin(proxy.port, { body: rpc(1, "ping") }), upstream.next()]);
    answer.on("error", () => undefined);
    await proxy.stop();
    expect(spanOf(proxy.spans, "client", "ping").attributes["error.type"]).toBe("transport");
  });
});

test("two chunks of one answer arrive as two, the second after the first was read", async () => {
  const second = Promise.withResolvers<void>();
  await using upstream = await listening((_request, response) => {
    response.writeHead(200, { "Content-Type": "application/octet-stream" });
    response.write("one");
    void second.promise.then(() => response.end("two"));
  });
  await using proxy = await proxyBefore(upstream);
  const chunks = (await begin(proxy.port, { method: "GET", path: "/file" })).setEncoding("utf8").iterator();
  expect((await chunks.next()).value).toBe("one");
  second.resolve();
  expect((await chunks.next()).value).toBe("two");
});
