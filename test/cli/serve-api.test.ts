import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { span, traceId } from "../store/spans.ts";
import { whetstone } from "../support/whetstone.ts";
import { startServe, type ServeProcess } from "./serve-process.ts";

nock.restore();

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-serve-"));
  await using store = await openSqliteStore({ path: join(folder, "store.db") });
  await store.append([span(), span({ traceId: traceId(1), startNs: 1_800_000_000_000_000_000n })]);
});
afterAll(() => rm(folder, { recursive: true }));

const serve = (...args: string[]): Promise<ServeProcess> =>
  startServe(["--port", "0", "--json", "--db", "store.db", ...args], { cwd: folder });
const keys = (...args: string[]) => whetstone(["api-key", ...args], { cwd: folder });

async function newKey(...args: string[]): Promise<{ id: string; key: string }> {
  return JSON.parse((await keys("create", "ci", "--role", "developer", "--json", ...args)).out) as {
    id: string;
    key: string;
  };
}

describe("whetstone serve with the JSON API", () => {
  test("answers holders of keys without credentials of GitHub, hears of a revocation at once, and stops", async () => {
    const { id, key } = await newKey();
    await using server = await serve();
    const announced = server.announced as { url: string; api: string; metrics: string };
    expect(announced).not.toHaveProperty("appId");
    const get = (credential: string) =>
      fetch(`${announced.api}/traces`, { headers: { Authorization: `Bearer ${credential}` } });
    expect(await (await get(key)).json()).toMatchObject({ total: 2, returned: 2 });
    const session = await fetch(`${announced.api}/session`, {
      method: "POST",
      headers: { Authorization: `Bearer ${key}` },
    });
    const { token } = (await session.json()) as { token: string };
    expect((await get(token)).status).toBe(200);
    expect(JSON.parse((await keys("revoke", id, "--json")).out)).toMatchObject({ id, state: "revoked" });
    for (const credential of [key, token]) expect((await get(credential)).status).toBe(401);
    for (const probe of ["healthz", "readyz"]) expect((await fetch(`${announced.url}/${probe}`)).status).toBe(200);
    expect(await (await fetch(announced.metrics)).text()).toContain("whetstone_api_requests_total");
    expect((await fetch(`${announced.url}/api/github/webhooks`, { method: "POST", body: "{}" })).status).toBe(404);
    expect(await server.stop()).toEqual([0, null]);
    expect(server.output()).not.toContain(key.slice(17));
  });

  test("streams what another process stores, and ends streams in words when it is stopped", async () => {
    await using server = await serve("--no-auth");
    const { api } = server.announced as { api: string };
    const response = await fetch(`${api}/stream?service=live`);
    const body = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
    await using store = await openSqliteStore({ path: join(folder, "store.db") });
    await store.append([span({ traceId: traceId(7), service: "live" })]);
    expect(JSON.parse((await body.read()).value ?? "")).toMatchObject({ type: "span", span: { traceId: traceId(7) } });
    const stopped = server.stop();
    expect(JSON.parse((await body.read()).value ?? "")).toMatchObject({ type: "end" });
    expect((await body.read()).done).toBe(true);
    expect(await stopped).toEqual([0, null]);
  });

  test("--no-auth needs no key on loopback; --rate-limit changes the quota", async () => {
    await using server = await serve("--no-auth", "--rate-limit", "2");
    const { api } = server.announced as { api: string };
    const statuses = [];
    for (let n = 0; n < 3; n += 1) statuses.push((await fetch(`${api}/services`)).status);
    expect(statuses).toEqual([200, 200, 429]);
  });

  test.each([
    [["--no-auth", "--host", "0.0.0.0"], "--no-auth would open the traces to whoever reaches 0.0.0.0"],
    [["--keys", "none"], "There is nothing to serve: there is no API key"],
    [["--no-auth", "--db", "elsewhere.db"], "There is no store at"],
    [["--no-auth", "--rate-limit", "0"], "--rate-limit 0"],
  ])("%j: exit 2 and what to do", async (args, message) => {
    const { code, err } = await whetstone(["serve", "--port", "0", "--db", "store.db", ...args], { cwd: folder });
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) });
  });
});

describe("whetstone api-key", () => {
  test("shows a key once: neither the list nor the folder has it", async () => {
    const { id, key } = await newKey("--expires", "90d", "--keys", "shown");
    const listed = await keys("list", "--json", "--keys", "shown");
    expect(JSON.parse(listed.out)).toMatchObject({
      total: 1,
      keys: [{ id, name: "ci", role: "developer", state: "active" }],
    });
    expect(listed.out + (await keys("list", "--keys", "shown")).out).not.toContain(key.slice(17));
    const text = await keys("create", "two words", "--role", "security", "--keys", "shown");
    expect(text.out).toMatch(/^whk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n$/);
  });

  test.each([
    [["create", "x"], "--role"],
    [["create", "x", "--role", "root"], "root"],
    [["create", "../x", "--role", "developer"], "cannot name a key"],
    [["create", "x", "--role", "developer", "--expires", "2020-01-01T00:00:00Z"], "expired already"],
    [["create", "x", "--role", "developer", "--expires", "soon"], "soon"],
    [["revoke", "../../etc/passwd"], "There is no API key"],
  ])("%j: exit 2", async (args, message) => {
    const { code, err } = await keys(...args);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) });
  });
});
