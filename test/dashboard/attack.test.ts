import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { runningApi, type RunningApi } from "./running.ts";

nock.restore();

const statusesOf = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

/** A request as bytes; `lines` are further head lines. */
const request = (start: string, lines: readonly string[] = [], body = ""): string =>
  [`${start} HTTP/1.1`, "Host: x", ...lines, "", body].join("\r\n");

const bearer = (key: string): string => `Authorization: Bearer ${key}`;
const CLOSE = "Connection: close";

async function withKey(): Promise<{ running: RunningApi; key: string }> {
  const running = await runningApi();
  return { running, key: await running.key() };
}

describe("paths", () => {
  test.each([
    "/api/v1/%2e%2e/v1/traces",
    "/api/v1/./traces",
    "/api/v1/traces/../services",
    "/api/v1//traces",
    "/api/v1/traces//",
    "/api/v1/traces%00",
    "/api/v1/TRACES",
    "/api/v1/traces;role=admin",
    "/api/v1/traces\\..\\services",
    "/api/v1/metrics/a/b",
    "/api/v1/openapi.json/",
    "/api/v1/%74races%2f",
    "/api/v1/__proto__",
    "/api/v1/constructor",
  ])("%s leads nowhere, key or not", async (path) => {
    const { running, key } = await withKey();
    await using _ = running;
    for (const lines of [[bearer(key), CLOSE], [CLOSE]]) {
      expect(await running.raw(request(`GET ${path}`, lines))).toMatch(/^HTTP\/1\.1 404 [^]*no_such_route/);
    }
  });

  test.each(["http://evil.example/api/v1/traces", "//evil.example/api/v1/traces", "*", "/api/v1%2ftraces"])(
    "%s is not the API's",
    async (target) => {
      const { running, key } = await withKey();
      await using _ = running;
      expect(await running.raw(request(`OPTIONS ${target}`, [bearer(key), CLOSE]))).toContain("not ours");
    },
  );

  test("an encoded letter is the letter, and needs the key as it does", async () => {
    const { running, key } = await withKey();
    await using _ = running;
    const start = "GET /api/v1/%74races";
    expect(statusesOf(await running.raw(request(start, [CLOSE])))).toEqual([401]);
    expect(statusesOf(await running.raw(request(start, [bearer(key), CLOSE])))).toEqual([200]);
  });
});

describe("methods", () => {
  test.each(["DELETE", "PUT", "PATCH", "TRACE", "PROPFIND", "QUERY", "PURGE"])(
    "%s is 405 without a credential being looked at, and echoes nothing",
    async (method) => {
      const { running, key } = await withKey();
      await using _ = running;
      const answer = await running.raw(request(`${method} /api/v1/traces`, [bearer(key), "X-Echo: marker", CLOSE]));
      expect(statusesOf(answer)).toEqual([405]);
      expect(answer).not.toContain("marker");
      expect(answer).not.toContain(key);
    },
  );

  test.each(["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method", "_method"])(
    "%s changes no method",
    async (name) => {
      const { running, key } = await withKey();
      await using _ = running;
      const get = request("GET /api/v1/session", [bearer(key), `${name}: POST`, CLOSE]);
      expect(statusesOf(await running.raw(get))).toEqual([405]);
      const post = request("POST /api/v1/traces", [bearer(key), `${name}: GET`, "Content-Length: 0", CLOSE]);
      expect(statusesOf(await running.raw(post))).toEqual([405]);
    },
  );

  test("CONNECT and an unknown verb end the connection without an answer of the API", async () => {
    await using running = await runningApi();
    expect(await running.raw(request("CONNECT /api/v1/traces"))).not.toContain("200");
    expect(await running.raw(request("SHOW /api/v1/traces"))).toMatch(/^HTTP\/1\.1 400 /);
  });

  test.each(["/traces", "/services", "/openapi.json", "/stream", "/nothing", "/session"])(
    "HEAD %s has the head of GET and no body",
    async (path) => {
      const { running, key } = await withKey();
      await using _ = running;
      const head = await running.raw(request(`HEAD /api/v1${path}`, [bearer(key), CLOSE]));
      expect(head.slice(head.indexOf("\r\n\r\n"))).toBe("\r\n\r\n");
      if (path !== "/stream") {
        const got = await running.get(path, key);
        expect(statusesOf(head)).toEqual([got.status]);
        expect(head).toContain(`Content-Type: ${got.headers.get("content-type")}`);
      }
      expect(await (await fetch(`${running.url}/metrics`)).text()).toContain("whetstone_api_streams 0");
    },
  );
});

describe("heads and bodies", () => {
  test.each([
    ["two lengths", ["Content-Length: 0", "Content-Length: 5"]],
    ["length and chunks", ["Content-Length: 4", "Transfer-Encoding: chunked"]],
    ["chunks that are none", ["Transfer-Encoding: xchunked"]],
    ["a negative length", ["Content-Length: -1"]],
    ["a length in words", ["Content-Length: ten"]],
    ["a folded head line", ["X-A: 1", " Authorization: Bearer x"]],
    ["blank before the colon", ["Authorization : Bearer x"]],
    ["a head of 64 KiB", [`X-Long: ${"x".repeat(65_536)}`]],
    ["3,000 head lines", Array.from({ length: 3_000 }, (_, i) => `X-${i}: ${i}`)],
  ])("%s: refused, one answer at most, the connection closed", async (_, lines) => {
    const { running, key } = await withKey();
    await using __ = running;
    const smuggled = request("GET /api/v1/services", [bearer(key)]);
    const answers = statusesOf(await running.raw(request("GET /api/v1/traces", lines, smuggled)));
    expect(answers.length).toBeLessThanOrEqual(1);
    for (const status of answers) expect([400, 413, 431, 501]).toContain(status);
  });

  test("what follows a refused body is not taken for a request", async () => {
    const { running, key } = await withKey();
    await using _ = running;
    const inner = request("GET /api/v1/services", [bearer(key)]);
    const chunked = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`;
    const outer = request("GET /api/v1/traces", [bearer(key), "Transfer-Encoding: chunked"], chunked + inner);
    expect(statusesOf(await running.raw(outer))).toEqual([413]);
  });

  test("pipelined requests are answered in order, each for itself", async () => {
    const { running, key } = await withKey();
    await using _ = running;
    const bytes = [
      request("GET /api/v1/traces", [bearer(key)]),
      request("GET /api/v1/traces"),
      request("GET /api/v1/nothing", [bearer(key)]),
      request("OPTIONS /api/v1/traces"),
      request("GET /api/v1/services?x=1", [bearer(key), CLOSE]),
    ].join("");
    expect(statusesOf(await running.raw(bytes))).toEqual([200, 401, 404, 204, 400]);
  });

  test.each([
    ["", 401],
    ["Bearer", 401],
    ["Bearer  ", 401],
    ["Basic d2hrOmE=", 401],
    ["Bearer KEY, Bearer KEY", 401],
    ["Bearer KEY extra", 401],
    ["KEY", 401],
    ["bearer KEY", 200],
    ["BEARER   KEY  ", 200],
  ])("Authorization: %s is %d", async (value, status) => {
    const { running, key } = await withKey();
    await using _ = running;
    const line = `Authorization: ${value.replaceAll("KEY", key)}`;
    expect(statusesOf(await running.raw(request("GET /api/v1/traces", [line, CLOSE])))).toEqual([status]);
  });

  test.each([`?key=`, `?token=`, `?access_token=`, `?authorization=Bearer%20`])(
    "a key in the address (%s) opens nothing, and the answer does not repeat it",
    async (query) => {
      const { running, key } = await withKey();
      await using _ = running;
      const response = await running.get(`/traces${query}${key}`);
      expect(response.status).toBe(401);
      expect(await response.text()).not.toContain(key);
    },
  );

  test("a header that looks like one of a proxy's changes neither sender nor quota", async () => {
    await using running = await runningApi({ limits: { attempts: { limit: 3, windowMs: 60_000 } } });
    const statuses: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      const headers = { "X-Forwarded-For": `10.0.0.${n}`, Forwarded: `for=10.0.0.${n}`, "X-Real-IP": `10.0.0.${n}` };
      statuses.push((await running.get("/traces", "wrong", { headers })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
  });

  test("a sender that never ends its head or goes away in the middle leaves the server as it was", async () => {
    const { running, key } = await withKey();
    await using _ = running;
    const port = Number(new URL(running.url).port);
    for (const bytes of ["GET /api/v1/tra", request("GET /api/v1/stream", [bearer(key)])]) {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      socket.write(bytes, () => socket.destroy());
      await once(socket, "close");
    }
    expect((await running.get("/traces", key)).status).toBe(200);
    let text = "";
    do text = await (await fetch(`${running.url}/metrics`)).text();
    while (!text.includes("whetstone_api_streams 0"));
    expect(running.errors).toEqual([]);
  });
});
