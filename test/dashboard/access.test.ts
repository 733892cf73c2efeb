import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { PERMISSIONS, ROLES } from "../../src/model/role.ts";
import { newApiKey } from "../../src/protect/api-key.ts";
import { span } from "../store/spans.ts";
import { runningApi } from "./running.ts";

nock.restore();

const PRIVATE = ["/traces", "/traces/0af7651916cd43dd8448eb211c80319c", "/operations", "/services"];
const read = async (response: Response): Promise<unknown> => response.json();

describe("without a credential that holds", () => {
  test.each(PRIVATE)("%s says nothing", async (path) => {
    await using running = await runningApi();
    await running.store.append([span({ traceId: "0af7651916cd43dd8448eb211c80319c" })]);
    const response = await running.get(path);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="whetstone"');
    expect(await read(response)).toMatchObject({
      code: "unauthenticated",
      remedy: expect.stringContaining("api-key create"),
    });
  });

  test("a forged, an altered, a revoked, an expired and a foreign key, and a key in the address, are refused", async () => {
    await using running = await runningApi();
    const key = await running.key();
    const revoked = await running.key();
    await running.keys.revoke(revoked.slice(4, 16), running.clock.now());
    const expired = newApiKey({
      name: "short",
      role: "developer",
      nowNs: running.clock.now() - 9_000_000n,
      expiresNs: running.clock.now() - 1_000_000n,
      random: (bytes) => randomBytes(bytes),
    });
    await running.keys.add(expired.record);
    const foreign = newApiKey({ name: "x", role: "developer", nowNs: 1n, random: (bytes) => randomBytes(bytes) }).text;
    for (const [credential, why] of [
      [`${key.slice(0, -1)}${key.endsWith("A") ? "B" : "A"}`, "not valid"],
      [`${key} x`, "needed"],
      [revoked, "revoked"],
      [expired.text, "expired"],
      [foreign, "not valid"],
      ["null", "not valid"],
    ] as const) {
      const response = await running.get("/traces", credential);
      expect(response.status).toBe(401);
      expect(await read(response)).toMatchObject({ detail: expect.stringContaining(why) });
    }
    expect((await running.get(`/traces?key=${key}`)).status).toBe(401);
    expect((await running.get("/traces", key)).status).toBe(200);
  });

  test("many attempts of one address are answered 429, and a key that holds is still let in", async () => {
    await using running = await runningApi({ limits: { attempts: { limit: 3, windowMs: 60_000 } } });
    const key = await running.key();
    const statuses: number[] = [];
    for (let at = 0; at < 5; at += 1) statuses.push((await running.get("/traces", "wrong")).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    const limited = await running.get("/traces", "wrong");
    expect(limited.headers.get("retry-after")).toBe("60");
    expect(await read(limited)).toMatchObject({ code: "rate_limited", remedy: "Wait 60 s before the next request." });
    expect((await running.get("/traces", key)).status).toBe(200);
    running.clock.advance(60_000);
    expect((await running.get("/traces", "wrong")).status).toBe(401);
  });

  test("a store of keys that cannot be read lets nobody in, and the server hears of it", async () => {
    await using running = await runningApi();
    const key = await running.key();
    const broken = { identify: () => Promise.reject(new Error("disk")), issue: () => ({ token: "", expiresNs: 0n }) };
    await using failing = await runningApi({ access: { kind: "keys", authenticator: broken } });
    const response = await failing.get("/traces", key);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("disk");
    expect(failing.errors).toEqual([new Error("disk")]);
  });
});

describe("roles", () => {
  test.each(ROLES)("%s sees what the table says and no more", async (role) => {
    await using running = await runningApi();
    const key = await running.key(role);
    for (const [path, permission] of [
      ["/traces", "traces"],
      ["/operations", "aggregates"],
      ["/services", "aggregates"],
    ] as const) {
      const response = await running.get(path, key);
      const expected = (PERMISSIONS[permission] as readonly string[]).includes(role) ? 200 : 403;
      expect({ path, status: response.status }).toEqual({ path, status: expected });
      if (expected === 403) expect(await read(response)).toMatchObject({ code: "forbidden" });
    }
  });
});

describe("sessions", () => {
  test("a key is exchanged for a token that works as it does and ends by itself", async () => {
    await using running = await runningApi();
    const key = await running.key("executive");
    const response = await running.get("/session", key, { method: "POST" });
    const session = (await response.json()) as { token: string };
    expect(session).toMatchObject({ role: "executive", name: "executive", expires: "2023-11-14T22:28:20.000Z" });
    expect((await running.get("/services", session.token)).status).toBe(200);
    expect((await running.get("/traces", session.token)).status).toBe(403);
    running.clock.advance(15 * 60_000);
    expect((await running.get("/services", session.token)).status).toBe(401);
  });

  test("a token opens no further session, and one that nobody signed opens nothing", async () => {
    await using running = await runningApi();
    const open = async (credential: string) => running.get("/session", credential, { method: "POST" });
    const { token } = (await (await open(await running.key())).json()) as { token: string };
    expect(await read(await open(token))).toMatchObject({ code: "usage" });
    const [payload = "", mac = ""] = token.split(".");
    const claims = JSON.parse(Buffer.from(payload.slice(4), "base64url").toString()) as object;
    const longer = Buffer.from(JSON.stringify({ ...claims, expires: 9e15 })).toString("base64url");
    for (const forged of [`whs_${longer}.${mac}`, `${payload}.`, payload, `${payload}.${"A".repeat(43)}`])
      expect((await running.get("/services", forged)).status).toBe(401);
  });

  test("revoking the key ends its sessions", async () => {
    await using running = await runningApi();
    const key = await running.key();
    const { token } = (await (await running.get("/session", key, { method: "POST" })).json()) as { token: string };
    await running.keys.revoke(key.slice(4, 16), running.clock.now());
    expect((await running.get("/services", token)).status).toBe(401);
  });
});

describe("open on loopback", () => {
  test("needs no key, but a name of this machine: another site's name that points here is refused", async () => {
    await using running = await runningApi({ access: { kind: "open" } });
    expect((await running.get("/traces")).status).toBe(200);
    const ask = (host: string, more = "") =>
      running.raw(`GET /api/v1/traces HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`);
    expect(await ask("localhost:3000")).toMatch(/^HTTP\/1\.1 200/);
    expect(await ask("evil.example")).toMatch(/^HTTP\/1\.1 403[^]*host_refused/);
    expect(await ask("127.0.0.1.evil.example")).toMatch(/^HTTP\/1\.1 403/);
    expect(await ask("localhost", "Origin: https://evil.example\r\n")).toMatch(/^HTTP\/1\.1 403/);
    expect((await running.get("/session", undefined, { method: "POST" })).status).toBe(400);
  });
});
