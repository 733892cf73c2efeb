import { describe, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  type CheckResult,
  type ChecksServerOptions,
  openChecksServer,
} from "../../../src/session/claude/checks-server.ts";

const PASSED: CheckResult = { name: "tests", exitCode: 0, timedOut: false, output: "fine" };
const FAILED: CheckResult = { name: "types", exitCode: 2, timedOut: false, output: "wrong" };

const open = (changes: Partial<ChecksServerOptions> = {}) =>
  openChecksServer({ names: ["tests", "types"], run: () => Promise.resolve([PASSED]), token: "secret", ...changes });

const post = (
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = { authorization: "Bearer secret" },
) => fetch(url, { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });

const message = (method: string, params?: unknown) => ({ jsonrpc: "2.0", id: 1, method, params });

describe("the server of the checks", () => {
  test("serves the official client: one tool without arguments, and what the checks said", async () => {
    let runs = 0;
    const run = () => Promise.resolve(++runs === 1 ? [PASSED, FAILED] : [PASSED]);
    await using server = await open({ run });
    const client = new Client({ name: "test", version: "1" });
    const requestInit = { headers: { Authorization: server.authorization } };
    await client.connect(new StreamableHTTPClientTransport(new URL(server.url), { requestInit }) as Transport);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(server.tools);
    expect(tools[0]?.description).toContain("tests, types");
    expect(tools[0]?.inputSchema).toMatchObject({ properties: {}, additionalProperties: false });
    const call = async () => {
      const { content } = await client.callTool({ name: "run_checks", arguments: { command: "rm -rf /" } });
      return JSON.parse((content as { text: string }[])[0]?.text ?? "") as unknown;
    };
    expect(await call()).toEqual({ passed: false, checks: [PASSED, FAILED] });
    expect(await call()).toEqual({ passed: true, checks: [PASSED] });
    await client.close();
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ["no token", {}],
    ["another token", { authorization: "Bearer secre" }],
    ["a longer one", { authorization: "Bearer secrets" }],
    ["another scheme", { authorization: "Basic secret" }],
  ])("runs nothing for %s", async (_name, headers) => {
    let runs = 0;
    await using server = await open({ run: () => Promise.resolve([{ ...PASSED, name: String(++runs) }]) });
    expect((await post(server.url, message("tools/call", { name: "run_checks" }), headers)).status).toBe(401);
    expect(runs).toBe(0);
  });

  test.each<[string, unknown, unknown]>([
    ["another tool", message("tools/call", { name: "rm" }), { error: { code: -32_602 } }],
    ["another method", message("resources/list"), { error: { code: -32_601 } }],
    ["ping", message("ping"), { result: {} }],
    [
      "an old revision",
      message("initialize", { protocolVersion: "2024-11-05" }),
      { result: { protocolVersion: "2025-11-25" } },
    ],
    [
      "a known revision",
      message("initialize", { protocolVersion: "2025-06-18" }),
      { result: { protocolVersion: "2025-06-18" } },
    ],
  ])("%s", async (_name, body, answer) => {
    await using server = await open();
    expect(await (await post(server.url, body)).json()).toMatchObject({ jsonrpc: "2.0", id: 1, ...(answer as object) });
  });

  test.each<[string, unknown, number]>([
    ["a notification", { jsonrpc: "2.0", method: "notifications/initialized" }, 202],
    ["no JSON", "{", 400],
    ["JSON that is no message", [], 400],
    ["a message of another protocol", { id: 1, method: "ping" }, 400],
    ["more than a mebibyte", "x".repeat(1024 * 1024 + 1), 400],
  ])("%s: status", async (_name, body, status) => {
    await using server = await open();
    expect((await post(server.url, body)).status).toBe(status);
  });

  test("has no stream and no session to delete", async () => {
    await using server = await open();
    const headers = { authorization: server.authorization };
    for (const method of ["GET", "DELETE"]) expect((await fetch(server.url, { method, headers })).status).toBe(405);
  });

  test("checks that cannot be run are an error of the call, not a pass", async () => {
    await using server = await open({ run: () => Promise.reject(new Error("no shell")) });
    const answer = await post(server.url, message("tools/call", { name: "run_checks" }));
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe("no shell");
  });

  test("at its end what runs is told to stop, and has stopped", async () => {
    const running = Promise.withResolvers<void>();
    let ended = false;
    const run = async (signal: AbortSignal) => {
      running.resolve();
      await new Promise((done) => signal.addEventListener("abort", done, { once: true }));
      await new Promise((done) => setImmediate(done));
      ended = true;
      return [PASSED];
    };
    const server = await open({ run });
    const asked = post(server.url, message("tools/call", { name: "run_checks" })).catch(() => "broken off");
    await running.promise;
    await server[Symbol.asyncDispose]();
    expect(ended).toBe(true);
    expect(await asked).toBe("broken off");
  });

  test("a caller that gives up ends what it started", async () => {
    const [running, stopped] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const run = async (signal: AbortSignal) => {
      running.resolve();
      await new Promise((done) => signal.addEventListener("abort", done, { once: true }));
      stopped.resolve();
      return [PASSED];
    };
    await using server = await open({ run });
    const given = new AbortController();
    const headers = { authorization: server.authorization };
    const body = JSON.stringify(message("tools/call", { name: "run_checks" }));
    const asked = fetch(server.url, { method: "POST", headers, body, signal: given.signal }).catch(() => "given up");
    await running.promise;
    given.abort();
    expect(await asked).toBe("given up");
    await stopped.promise;
  });
});
