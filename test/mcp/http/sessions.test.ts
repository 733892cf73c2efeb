import { describe, expect, test } from "@jest/globals";
import { McpServer } from "@modelcontextprotocol/server";
import { keepSessions, type Sessions } from "../../../src/mcp/http/sessions.ts";
import { manualClock } from "../../../src/model/time.ts";

const HEADERS = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };

const open = (): McpServer => {
  const server = new McpServer({ name: "t", version: "1" }, { capabilities: { tools: {} } });
  server.registerTool("echo", { description: "echoes" }, () => ({ content: [{ type: "text", text: "hello" }] }));
  return server;
};

function post(body: object, headers: Record<string, string> = {}): Request {
  const message = JSON.stringify({ jsonrpc: "2.0", ...body });
  return new Request("http://localhost/mcp", { method: "POST", headers: { ...HEADERS, ...headers }, body: message });
}

const initialize = {
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } },
};

/** Opens a session of an owner and returns its id. */
async function opened(sessions: Sessions, owner = "me"): Promise<string> {
  const response = await sessions.serve(post(initialize), owner, open);
  expect(response.status).toBe(200);
  await response.text();
  return response.headers.get("mcp-session-id") ?? "";
}

const list = (id: string): Request => post({ id: 2, method: "tools/list" }, { "Mcp-Session-Id": id });

describe("sessions", () => {
  test("open with initialize and go on by their id", async () => {
    const sessions = keepSessions({ clock: manualClock() });
    const id = await opened(sessions);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const response = await sessions.serve(list(id), "me", open);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("echo");
    await sessions.close();
  });

  test("belong to who opened them", async () => {
    const sessions = keepSessions({ clock: manualClock() });
    const id = await opened(sessions, "me");
    expect((await sessions.serve(list(id), "you", open)).status).toBe(404);
    expect((await sessions.serve(list(id), "me", open)).status).toBe(200);
    await sessions.close();
  });

  test("that nobody opened are not found", async () => {
    const sessions = keepSessions({ clock: manualClock() });
    const response = await sessions.serve(list("made-up"), "me", open);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining("initialize") } });
  });

  test("end with DELETE", async () => {
    const sessions = keepSessions({ clock: manualClock() });
    const id = await opened(sessions);
    const end = new Request("http://localhost/mcp", { method: "DELETE", headers: { "Mcp-Session-Id": id } });
    expect((await sessions.serve(end, "me", open)).status).toBe(200);
    expect(sessions.count()).toBe(0);
    expect((await sessions.serve(list(id), "me", open)).status).toBe(404);
  });

  test("leave nothing behind when a request opens none", async () => {
    const sessions = keepSessions({ clock: manualClock() });
    const response = await sessions.serve(post({ id: 2, method: "tools/list" }), "me", open);
    expect(response.status).toBe(400);
    expect(sessions.count()).toBe(0);
  });

  test("beyond the limit push out the one that was used longest ago", async () => {
    const clock = manualClock();
    const sessions = keepSessions({ clock, maxSessions: 3 });
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      ids.push(await opened(sessions));
      clock.advance(1_000);
    }
    const [first = "", second = "", third = ""] = ids;
    await (await sessions.serve(list(first), "me", open)).text();
    clock.advance(1_000);
    const fourth = await opened(sessions);
    expect(sessions.count()).toBe(3);
    const statuses = await Promise.all(
      [first, second, third, fourth].map(async (id) => (await sessions.serve(list(id), "me", open)).status),
    );
    expect(statuses).toEqual([200, 404, 200, 200]);
    await sessions.close();
  });

  test("that are idle for an hour go when another one opens", async () => {
    const clock = manualClock();
    const sessions = keepSessions({ clock });
    await opened(sessions);
    clock.advance(61 * 60_000);
    await opened(sessions);
    expect(sessions.count()).toBe(1);
    await sessions.close();
    expect(sessions.count()).toBe(0);
  });
});
