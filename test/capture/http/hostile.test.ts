import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import { ask, json, listening, proxyBefore, recording, rpc, spanOf, traceparentOf } from "./parts.ts";

const OK = { jsonrpc: "2.0", id: 1, result: {} };

/** A connection on which the test writes what it likes. */
async function raw(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

describe("bodies that are no MCP", () => {
  test.each([
    ["invalid JSON", '{"jsonrpc":', "application/json"],
    ["invalid UTF-8", Buffer.from([0x22, 0xff, 0x22]), "application/json"],
    ["a JSON text that is no object", "42", "application/json"],
    ["nothing", "", "application/json"],
    ["another content type", rpc(1, "ping"), "text/plain"],
    ["a form", "a=b", "application/x-www-form-urlencoded"],
  ])("%s passes byte for byte, without spans", async (_what, body, type) => {
    const bodies: Buffer[] = [];
    await using upstream = await listening((request, response) => {
      const parts: Buffer[] = [];
      request
        .on("data", (part: Buffer) => parts.push(part))
        .on("end", () => {
          bodies.push(Buffer.concat(parts));
          response.writeHead(400, { "Content-Type": type }).end("the server's own words");
        });
    });
    await using proxy = await proxyBefore(upstream);
    const answer = await ask(proxy.port, { body, headers: { "Content-Type": type } });
    await proxy.stop();
    expect(answer).toMatchObject({ status: 400, body: "the server's own words" });
    expect(bodies).toEqual([Buffer.from(body)]);
    expect(proxy.spans).toEqual([]);
    expect(proxy.status().faults).toBe(0);
  });

  test("an answer that is no JSON-RPC passes, and the request ends as unanswered", async () => {
    await using upstream = await recording((_got, response) => json(response, "<html>"));
    await using proxy = await proxyBefore(upstream);
    expect((await ask(proxy.port, { body: rpc(1, "ping") })).body).toBe("<html>");
    await proxy.stop();
    expect(spanOf(proxy.spans, "client", "ping").attributes["error.type"]).toBe("transport");
  });

  test("a compressed request passes as it is and is counted", async () => {
    await using upstream = await recording((_got, response) => json(response, OK));
    await using proxy = await proxyBefore(upstream);
    await ask(proxy.port, { body: "not really gzip", headers: { "Content-Encoding": "gzip" } });
    expect(proxy.status().uninjected).toEqual({ tooLarge: 0, encoded: 1 });
    expect(await proxy.stop()).toEqual([
      "whetstone: 1 messages were compressed and went on without a trace context.\n",
    ]);
  });

  test("an answer in an unknown or a broken encoding passes, and is counted as unread", async () => {
    await using upstream = await recording((got, response) => {
      json(response, "odd", { "Content-Encoding": got.headers["x-coding"] as string });
    });
    await using proxy = await proxyBefore(upstream);
    for (const coding of ["compress", "gzip"]) {
      expect((await ask(proxy.port, { body: rpc(1, "ping"), headers: { "X-Coding": coding } })).body).toBe("odd");
    }
    const said = await proxy.stop();
    expect(said.join("")).toContain("2 answers could not be read");
    for (const span of proxy.spans) expect(span.status).toBe("unset");
  });
});

describe("large bodies", () => {
  const large = "x".repeat(50 * 1024 * 1024);

  test("50 MB pass with their context, and so does the answer", async () => {
    await using upstream = await recording((got, response) =>
      json(response, { ...OK, result: { length: got.body.length } }),
    );
    await using proxy = await proxyBefore(upstream);
    const body = rpc(1, "tools/call", { name: "a", arguments: { large } });
    const answer = await ask(proxy.port, { body });
    const sent = upstream.got[0]?.body ?? "";
    expect(traceparentOf(sent)).toMatch(/^00-/);
    expect(sent.replace(/"_meta":\{"traceparent":"[^"]+"\},/, "") === body).toBe(true);
    expect(answer.body).toBe(JSON.stringify({ ...OK, result: { length: sent.length } }));
    await proxy.stop();
    expect(proxy.spans).toHaveLength(2);
  });

  test("above the limit they pass as they are, are counted and said; the headers of the stateless wire name the call", async () => {
    await using upstream = await recording((_got, response) => json(response, OK));
    await using proxy = await proxyBefore(upstream, { limits: { messageBytes: 1_000 } });
    const body = rpc(1, "tools/call", { name: "a", arguments: { large: large.slice(0, 300_000) } });
    await ask(proxy.port, { body });
    const headers = { "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "=?base64?w6Q=?=" };
    await ask(proxy.port, { body, headers });
    expect(upstream.got.map((got) => got.body === body)).toEqual([true, true]);
    expect(upstream.got[0]?.headers["content-length"]).toBe(String(body.length));
    const said = await proxy.stop();
    expect(said).toEqual(["whetstone: 2 messages were too large to hold and went on without a trace context.\n"]);
    expect(proxy.spans.map(({ kind, name, status }) => [kind, name, status])).toEqual([
      ["client", "tools/call ä", "unset"],
      ["server", "tools/call ä", "unset"],
    ]);
    expect(proxy.spans[0]?.attributes).not.toHaveProperty(["jsonrpc.request.id"]);
  });

  test("a chunked body of unknown length above the limit stays chunked", async () => {
    await using upstream = await recording((_got, response) => json(response, OK));
    await using proxy = await proxyBefore(upstream, { limits: { messageBytes: 1_000 } });
    const parts = Array.from({ length: 100 }, (_, at) => `"${String(at).repeat(50)}",`);
    const answer = await fetch(`${proxy.url}/mcp`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: ReadableStream.from(parts.map((part) => new TextEncoder().encode(part))),
      duplex: "half",
    } as RequestInit);
    expect(answer.status).toBe(200);
    expect(upstream.got[0]?.body).toBe(parts.join(""));
    expect(upstream.got[0]?.headers["transfer-encoding"]).toBe("chunked");
  });

  test("an answer above the limit passes unread", async () => {
    const answer = JSON.stringify({ ...OK, result: { large: large.slice(0, 5_000) } });
    await using upstream = await recording((_got, response) => json(response, answer));
    await using proxy = await proxyBefore(upstream, { limits: { messageBytes: 1_000 } });
    expect((await ask(proxy.port, { body: rpc(1, "ping") })).body).toBe(answer);
    await proxy.stop();
    expect(proxy.status().unread).toBe(1);
    expect(spanOf(proxy.spans, "client", "ping").status).toBe("unset");
  });
});

describe("Origin and Host", () => {
  test.each([
    [{}, 200],
    [{ Origin: "http://localhost:5173" }, 200],
    [{ Origin: "https://127.0.0.1" }, 200],
    [{ Origin: "http://[::1]:1" }, 200],
    [{ Origin: "http://app.localhost" }, 200],
    [{ Origin: "https://tools.example" }, 200],
    [{ Host: "tools.example:99" }, 200],
    [{ Host: "LOCALHOST" }, 200],
    [{ Origin: "https://evil.example" }, 403],
    [{ Origin: "http://localhost.evil.example" }, 403],
    [{ Origin: "http://127.0.0.1.evil.example" }, 403],
    [{ Origin: "null" }, 403],
    [{ Origin: "" }, 403],
    [{ Host: "evil.example" }, 403],
    [{ Host: "127.0.0.1@evil.example" }, 403],
  ])("%j: %i", async (headers, status) => {
    await using upstream = await recording((_got, response) => json(response, OK));
    await using proxy = await proxyBefore(upstream, { allowedHosts: ["tools.example"] });
    const answer = await ask(proxy.port, { body: rpc(1, "ping"), headers });
    expect(answer.status).toBe(status);
    expect([upstream.got.length, proxy.status().refused]).toEqual(status === 200 ? [1, 0] : [0, 1]);
  });

  test("Host is free where others than this machine are to come, Origin is not", async () => {
    await using upstream = await recording((_got, response) => json(response, OK));
    await using proxy = await proxyBefore(upstream, { listen: { host: "0.0.0.0", port: 0 } });
    const status = async (headers: Record<string, string>) => (await ask(proxy.port, { body: "1", headers })).status;
    expect(await status({ Host: "server.example" })).toBe(200);
    expect(await status({ Host: "server.example", Origin: "http://server.example" })).toBe(403);
  });
});

describe("connections", () => {
  test("a head that does not come is given up; others are served meanwhile", async () => {
    await using upstream = await recording((_got, response) => json(response, OK));
    await using proxy = await proxyBefore(upstream, { limits: { headersMs: 50, requestMs: 60_000 } });
    const slow = await raw(proxy.port);
    slow.write("POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    const given = text(slow);
    expect((await ask(proxy.port, { body: rpc(1, "ping") })).status).toBe(200);
    expect(await given).toMatch(/^HTTP\/1.1 408 /);
  });

  test("a body that does not come is given up too, and leaves nothing behind", async () => {
    await using upstream = await recording((_got, response) => json(response, OK));
    await using proxy = await proxyBefore(upstream, { limits: { headersMs: 40, requestMs: 50 } });
    const slow = await raw(proxy.port);
    slow.write(
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"a"',
    );
    await text(slow);
    await proxy.stop();
    expect([upstream.got.length, proxy.status().requests]).toEqual([0, 0]);
  });

  test("a client that breaks off within a large body is told upstream", async () => {
    const broken = Promise.withResolvers<void>();
    await using upstream = await listening((request) => {
      request.on("error", () => undefined).once("close", () => broken.resolve());
    });
    await using proxy = await proxyBefore(upstream, { limits: { messageBytes: 10 } });
    const socket = await raw(proxy.port);
    socket.write(
      `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n`,
    );
    socket.write("x".repeat(500));
    await once(upstream.server, "request");
    socket.resetAndDestroy();
    await broken.promise;
  });

  test("a half-closed connection is one that is over: Node does not tell it from a closed one", async () => {
    const arrived = Promise.withResolvers<ServerResponse>();
    await using upstream = await recording((_got, response) => arrived.resolve(response));
    await using proxy = await proxyBefore(upstream);
    const body = rpc(1, "ping");
    const socket = await raw(proxy.port);
    socket.end(
      `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await once(await arrived.promise, "close");
    expect(await text(socket)).toBe("");
    await proxy.stop();
    expect(spanOf(proxy.spans, "server", "ping").attributes["error.type"]).toBe("transport");
  });

  test("headers of 40 KB pass both ways; beyond the limit the answer is 431", async () => {
    await using upstream = await recording((got, response) =>
      json(response, OK, { "X-Back": got.headers["x-large"] as string }),
    );
    await using proxy = await proxyBefore(upstream);
    const value = "v".repeat(40 * 1024);
    const status = async (large: string) => {
      const socket = await raw(proxy.port);
      const answer = text(socket);
      socket.write(`GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Large: ${large}\r\n\r\n`);
      return answer;
    };
    const answer = await status(value);
    expect([answer.split("\r\n")[0], answer.includes(`X-Back: ${value}`)]).toEqual(["HTTP/1.1 200 OK", true]);
    expect((await status("v".repeat(70 * 1024))).split("\r\n")[0]).toBe("HTTP/1.1 431 Request Header Fields Too Large");
  });

  test("what is no HTTP is answered with 400 and harms nobody", async () => {
    await using upstream = await recording((_got, response) => json(response, OK));
    await using proxy = await proxyBefore(upstream);
    const socket = await raw(proxy.port);
    socket.write("\x16\x03\x01 nonsense\r\n\r\n");
    expect(await text(socket)).toMatch(/^HTTP\/1.1 400 /);
    expect((await ask(proxy.port, { body: rpc(1, "ping") })).status).toBe(200);
  });

  test("more connections than the limit are refused and counted", async () => {
    await using upstream = await recording((_got, response) => json(response, OK));
    await using proxy = await proxyBefore(upstream, { limits: { connections: 2 } });
    const open = [await raw(proxy.port), await raw(proxy.port)];
    const third = await raw(proxy.port);
    await once(third.resume(), "close");
    expect(proxy.status().connectionsRefused).toBe(1);
    for (const socket of open) socket.destroy();
  });

  test("connections to the upstream are kept and used again", async () => {
    let connections = 0;
    await using upstream = await recording((_got, response) => json(response, OK));
    upstream.server.on("connection", () => (connections += 1));
    await using proxy = await proxyBefore(upstream);
    for (let turn = 0; turn < 10; turn += 1) await ask(proxy.port, { body: rpc(turn, "ping") });
    expect(connections).toBe(1);
  });
});

describe("headers and targets", () => {
  test("those of the connection stay on it; all others pass in order, spelling and number", async () => {
    await using upstream = await listening((request, response) => {
      response.sendDate = false;
      const pairs = ["Set-Cookie", "a=1", "set-cookie", "b=2", "X-Hop", "no", "Proxy-Authenticate", "Basic"];
      response.writeHead(200, "Fine", [...pairs, "Connection", "X-Hop", "X-Seen", request.rawHeaders.join("|")]);
      response.end();
    });
    await using proxy = await proxyBefore(upstream);
    const socket = await raw(proxy.port);
    const answer = text(socket);
    socket.write(
      "GET /mcp HTTP/1.1\r\nHost: localhost\r\nX-B: 1\r\nx-a: 2\r\nX-B: 3\r\nX-Mine: 4\r\nTE: trailers\r\n" +
        "Proxy-Authorization: Basic x\r\nAuthorization: Bearer y\r\nUpgrade: websocket\r\nConnection: x-mine, close\r\n\r\n",
    );
    const [status, ...lines] = (await answer).split("\r\n");
    expect(status).toBe("HTTP/1.1 200 Fine");
    expect(lines.slice(0, 2)).toEqual(["Set-Cookie: a=1", "set-cookie: b=2"]);
    const head = lines.join("\n").toLowerCase();
    for (const gone of ["x-hop", "proxy-authenticate", "date"]) expect(head).not.toContain(`\n${gone}:`);
    const seen = lines.find((line) => line.startsWith("X-Seen: "))?.slice(8);
    expect(seen).toBe(`Host|${upstream.url.host}|X-B|1|x-a|2|X-B|3|Authorization|Bearer y|Connection|keep-alive`);
  });

  test.each([
    ["/mcp", "/api/v2/mcp", "/api/v2/mcp"],
    ["/", "/api/v2/mcp", "/api/v2/mcp"],
    ["/mcp?x=1", "/api/mcp?key=k", "/api/mcp?key=k&x=1"],
    ["/api/mcp?x=1", "/api/mcp", "/api/mcp?x=1"],
    ["/.well-known/oauth-protected-resource/mcp", "/api/mcp", "/.well-known/oauth-protected-resource/mcp"],
    ["/any?x", "/", "/any?x"],
    ["/mcp", "/", "/mcp"],
  ])("%s before an upstream at %s asks for %s", async (path, at, expected) => {
    await using upstream = await recording((_got, response) => json(response, OK));
    await using proxy = await proxyBefore({ url: new URL(at, upstream.url) });
    await ask(proxy.port, { method: "GET", path });
    expect(upstream.got[0]?.url).toBe(expected);
  });

  test("a POST elsewhere than to the endpoint is no MCP, whatever it looks like", async () => {
    await using upstream = await recording((_got, response) => json(response, OK));
    await using proxy = await proxyBefore(upstream);
    const body = rpc(1, "ping");
    await ask(proxy.port, { body, path: "/register" });
    await proxy.stop();
    expect([upstream.got[0]?.body, proxy.spans]).toEqual([body, []]);
  });

  test("HEAD, OPTIONS and a status without a body pass", async () => {
    await using upstream = await listening((request, response) => {
      response.writeHead(request.method === "HEAD" ? 200 : 204, {
        "X-Method": request.method ?? "",
        ...(request.method === "HEAD" && { "Content-Length": "7" }),
      });
      response.end();
    });
    await using proxy = await proxyBefore(upstream);
    expect(await ask(proxy.port, { method: "HEAD" })).toMatchObject({
      status: 200,
      headers: { "content-length": "7" },
    });
    expect(await ask(proxy.port, { method: "OPTIONS" })).toMatchObject({
      status: 204,
      headers: { "x-method": "OPTIONS" },
    });
  });
});
