import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { WhetstoneError } from "../../src/model/error.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { runningApi } from "./running.ts";

nock.restore();

describe("the form of requests", () => {
  test("paths that are not the API's are left to others", async () => {
    await using running = await runningApi();
    for (const path of ["/", "/api", "/api/v10/traces", "/api/v1x", "/metricsx"])
      expect(await (await fetch(running.url + path)).text()).toBe("not ours");
  });

  test.each([
    "",
    "/",
    "/nothing",
    "/traces/",
    "/traces/%2e%2e/session",
    "/traces/a/b",
    "/%E0%A4%A",
    "/traces%2F",
    "//traces",
  ])("/api/v1%s is 404 in words", async (path) => {
    await using running = await runningApi();
    const answer = await running.raw(`GET /api/v1${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 404 [^]*no_such_route/);
  });

  test("dots in a path lead nowhere: they are segments like any other", async () => {
    await using running = await runningApi();
    const path = "/api/v1/traces/..%2f..%2f..%2fetc%2fpasswd";
    const answer = await running.raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(await (await running.get("/traces/..%2f..%2fetc%2fpasswd", await running.key())).json()).toMatchObject({
      status: 400,
    });
  });

  test.each([
    ["/traces", "DELETE", "GET, HEAD, OPTIONS"],
    ["/traces", "POST", "GET, HEAD, OPTIONS"],
    ["/session", "GET", "POST, OPTIONS"],
    ["/session", "HEAD", "POST, OPTIONS"],
  ])("%s has no %s", async (path, method, allowed) => {
    await using running = await runningApi();
    const response = await running.get(path, await running.key(), { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, allowed]);
  });

  test("OPTIONS names the methods and grants no other origin anything", async () => {
    await using running = await runningApi();
    const response = await running.get("/traces", undefined, {
      method: "OPTIONS",
      headers: { Origin: "https://evil.example", "Access-Control-Request-Method": "GET" },
    });
    expect([response.status, response.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
    const names = [...response.headers.keys(), ...(await running.get("/traces", await running.key())).headers.keys()];
    expect(names.filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });

  test("an address that is too long is 414, a body 413, and the connection is closed without reading on", async () => {
    await using running = await runningApi();
    const long = await running.raw(`GET /api/v1/traces?service=${"x".repeat(9_000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(long).toMatch(/^HTTP\/1\.1 414 [^]*Connection: close/);
    const body = await running.raw("POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nx");
    expect(body).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close/);
    const chunked = await running.raw(
      "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("every answer says that it is not to be kept, framed, guessed at or read by other origins", async () => {
    await using running = await runningApi();
    const key = await running.key();
    for (const response of [
      await running.get("/traces", key),
      await running.get("/traces"),
      await running.get("/nothing"),
      await running.get("/openapi.json"),
      await fetch(`${running.url}/metrics`),
    ]) {
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
      });
    }
  });
});

describe("faults", () => {
  test("a store that cannot be read is 503 with its own words; a bug is 500 without them", async () => {
    let failure: Error = new WhetstoneError("store_read_failed", "The span store is damaged.", {
      remedy: "Restore it.",
    });
    const store = { ...memoryStore(), search: () => Promise.reject(failure) };
    await using running = await runningApi({ store });
    const key = await running.key();
    const refused = await running.get("/traces", key);
    expect(await refused.json()).toMatchObject({ status: 503, code: "store_read_failed", remedy: "Restore it." });
    expect(refused.headers.get("ratelimit-remaining")).toBe("999");
    failure = new TypeError("secret inside");
    const broken = await running.get("/traces", key);
    expect(broken.status).toBe(500);
    expect(await broken.text()).not.toContain("secret");
    expect(running.errors).toHaveLength(2);
  });
});

describe("/metrics", () => {
  test("counts requests by route and status, refusals and quotas, in Prometheus' text format", async () => {
    await using running = await runningApi({ limits: { requests: { limit: 1, windowMs: 1_000 } } });
    const key = await running.key();
    for (const credential of [key, key, "wrong", undefined]) await running.get("/traces", credential);
    await running.get("/nothing/<script>");
    const response = await fetch(`${running.url}/metrics`);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const text = await response.text();
    for (const line of [
      'whetstone_api_requests_total{route="/traces",method="GET",status="200"} 1',
      'whetstone_api_requests_total{route="/traces",method="GET",status="429"} 1',
      'whetstone_api_requests_total{route="/traces",method="GET",status="401"} 2',
      'whetstone_api_requests_total{route="none",method="GET",status="404"} 1',
      'whetstone_api_refused_credentials_total{reason="unknown"} 1',
      'whetstone_api_rate_limited_total{quota="requests"} 1',
      "whetstone_api_streams 0",
    ])
      expect(text.split("\n")).toContain(line);
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(text).not.toContain("script");
    for (const line of text.trimEnd().split("\n"))
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{.+\})? [\d.e+-]+)$/);
    expect((await fetch(`${running.url}/metrics`, { method: "POST" })).status).toBe(405);
  });
});
