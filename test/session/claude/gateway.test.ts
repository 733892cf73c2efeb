import { describe, expect, test } from "@jest/globals";
import { type GatewayOptions, openGateway } from "../../../src/session/claude/gateway.ts";
import { type ScriptedTurn, startMessagesApi } from "../../support/messages-api.ts";

const KEY = "sk-ant-real";
const PLACEHOLDER = "sk-ant-placeholder-0123456789";
const HELLO: ScriptedTurn = { say: [{ type: "text", text: "Hello there." }] };

/** A gateway before a scripted API. */
async function gateway(script: readonly ScriptedTurn[], changes: Partial<GatewayOptions> = {}) {
  const api = await startMessagesApi({ key: KEY, script });
  const options = { upstream: api.url, key: KEY, placeholderKey: PLACEHOLDER, models: ["m-1"], maxRequests: 3 };
  const opened = await openGateway({ ...options, ...changes });
  return {
    api,
    opened,
    post: (changed: { path?: string; key?: string; body?: unknown; method?: string; raw?: string } = {}) =>
      fetch(`${opened.url}${changed.path ?? "/v1/messages?beta=true"}`, {
        method: changed.method ?? "POST",
        headers: {
          "x-api-key": changed.key ?? PLACEHOLDER,
          "anthropic-version": "2023-06-01",
          "anthropic-beta": "a,b",
          cookie: "secret=1",
        },
        ...(changed.method !== "GET" && {
          body: changed.raw ?? JSON.stringify(changed.body ?? { model: "m-1", stream: true, messages: [] }),
        }),
      }),
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

describe("the key gateway", () => {
  test("passes a request on with the real key, and the answer back as it streams", async () => {
    await using side = await gateway([HELLO]);
    const answer = await side.post();
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(answer.headers.get("request-id")).toMatch(/^req_/);
    const text = await answer.text();
    expect(text).toContain("message_stop");
    const [request] = side.api.requests;
    expect(request?.headers).toMatchObject({
      "x-api-key": KEY,
      "anthropic-version": "2023-06-01",
      "anthropic-beta": "a,b",
    });
    expect(request?.headers["cookie"]).toBeUndefined();
    expect(JSON.stringify([...answer.headers]) + text).not.toContain(KEY);
    expect(side.opened.passed()).toBe(1);
  });

  test("an answer is told as progress while it comes; a refusal is none", async () => {
    let told = 0;
    await using side = await gateway([{ status: 529 }, HELLO], { onProgress: () => (told += 1) });
    await (await side.post()).text();
    expect(told).toBe(0);
    await (await side.post()).text();
    expect(told).toBeGreaterThan(0);
  });

  test.each([
    ["another key", { key: "sk-ant-placeholder-9999999999" }, 403],
    ["the real key, which nobody but us should have", { key: KEY }, 403],
    ["another model", { body: { model: "m-2", messages: [] } }, 403],
    ["no model", { body: { messages: [] } }, 403],
    ["a body that is no JSON", { raw: "{" }, 403],
    ["a body of null", { raw: "null" }, 403],
    ["another path", { path: "/v1/files" }, 404],
    ["a path that leads there by detours", { path: "/v1/messages/../files" }, 404],
    ["another method", { method: "GET" }, 404],
  ])("refuses %s, and the API hears nothing of it", async (_name, changed, status) => {
    await using side = await gateway([HELLO]);
    const answer = await side.post(changed);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ type: "error" });
    expect(side.api.requests).toEqual([]);
    expect(side.opened.refused).toHaveLength(1);
    expect(side.opened.refused.join()).not.toContain("sk-ant");
  });

  test("more requests than the session may send are refused, so that nothing that runs in it can go on for ever", async () => {
    await using side = await gateway([HELLO, HELLO, HELLO], { maxRequests: 2 });
    const statuses: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      const answer = await side.post();
      await answer.text();
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([200, 200, 403, 403]);
    expect(side.api.requests).toHaveLength(2);
  });

  test("errors of the API come through with what tells when to try again", async () => {
    await using side = await gateway([{ status: 429, headers: { "retry-after": "7" } }]);
    const answer = await side.post();
    expect({ status: answer.status, after: answer.headers.get("retry-after") }).toEqual({ status: 429, after: "7" });
    await answer.text();
  });

  test("a path of the API's base address is kept", async () => {
    await using api = await startMessagesApi({ key: KEY, script: [] });
    await using side = await gateway([], { upstream: `${api.url}/proxy/` });
    await (await side.post()).text();
    expect(api.faults).toEqual(["POST /proxy/v1/messages"]);
  });

  test("an API that is not there is answered for, without its address", async () => {
    await using side = await gateway([], { upstream: "http://127.0.0.1:1" });
    const answer = await side.post();
    expect(answer.status).toBe(502);
    expect(await answer.text()).not.toContain("127.0.0.1");
  });

  test("a redirect is not followed: it would carry the key to another place", async () => {
    await using elsewhere = await startMessagesApi({ key: KEY, script: [HELLO] });
    const moved: ScriptedTurn = { status: 307, headers: { location: `${elsewhere.url}/v1/messages` } };
    await using side = await gateway([moved]);
    const answer = await side.post();
    expect(answer.status).toBe(307);
    expect(elsewhere.requests).toEqual([]);
    expect(answer.headers.get("location")).toBeNull();
  });

  test("an answer that breaks off is one that breaks off", async () => {
    await using side = await gateway([{ cut: "mid" }]);
    const answer = await side.post();
    await expect(answer.text()).rejects.toThrow();
  });

  test("closing it ends what hangs", async () => {
    await using side = await gateway([{ hang: true }]);
    const waiting = side.post().catch((error: unknown) => error);
    while (side.api.requests.length === 0) await new Promise((done) => setImmediate(done));
    await side.opened[Symbol.asyncDispose]();
    expect(await waiting).toMatchObject({ name: "TypeError" });
  });

  describe("with a budget", () => {
    const costing = (tokens: number): ScriptedTurn => ({
      say: [{ type: "text", text: "Hello there." }],
      usage: { input_tokens: tokens, output_tokens: 0 },
    });
    const budget = { usd: 100, tokens: 100 };
    const body = { model: "m-1", stream: true, messages: [{ role: "user", content: "Go on." }] };
    const said = (request: { readonly body: { readonly messages: unknown } } | undefined) =>
      JSON.stringify(request?.body.messages);

    test("counts, tells the session at four fifths to come to an end, and passes nothing on beyond it", async () => {
      await using side = await gateway([costing(79), costing(1), costing(30), costing(1)], { budget, maxRequests: 9 });
      const statuses: number[] = [];
      for (let n = 0; n < 4; n += 1) {
        const answer = await side.post({ body });
        statuses.push(answer.status);
        await answer.text();
      }
      expect(statuses).toEqual([200, 200, 200, 403]);
      expect(side.api.requests.map((request) => said(request)?.includes("Come to an end now"))).toEqual([
        false,
        false,
        true,
      ]);
      expect(said(side.api.requests[2])).toContain("Go on.");
      expect(side.opened.spent().tokens).toBe(110);
      expect(side.opened.spent().usd).toBeCloseTo((110 * 4) / 1e6, 9);
      expect(side.opened.exhausted()).toBe(true);
    });

    test("money counts as tokens do, answers in one piece as streamed ones", async () => {
      await using side = await gateway([costing(250), costing(1)], { budget: { usd: 0.001, tokens: 1_000 } });
      await (await side.post({ body: { ...body, stream: false } })).text();
      expect((await side.post({ body })).status).toBe(403);
    });

    test("an answer that breaks off was paid for as far as it came", async () => {
      const broken: ScriptedTurn = { cut: "mid" };
      await using side = await gateway([broken, HELLO], { budget: { usd: 1, tokens: 1 } });
      const answer = await side.post({ body });
      await expect(answer.text()).rejects.toThrow();
      expect(side.opened.spent().tokens).toBeGreaterThan(0);
      expect((await side.post({ body })).status).toBe(403);
    });

    test("counting tokens costs nothing, and is never told anything", async () => {
      await using side = await gateway([costing(90)], { budget });
      await (await side.post({ body })).text();
      expect((await side.post({ path: "/v1/messages/count_tokens", body })).status).toBe(200);
      expect(side.opened.spent().tokens).toBe(90);
    });
  });
});
