import { describe, expect, test } from "@jest/globals";
import { type MessagesApi, startMessagesApi, toolResults } from "./messages-api.ts";

const KEY = "k";

function post(api: MessagesApi, options: { path?: string; key?: string; stream?: boolean; messages?: unknown } = {}) {
  const { path = "/v1/messages", key = KEY, stream = false, messages = [] } = options;
  const body = JSON.stringify({ model: "m", stream, messages });
  return fetch(`${api.url}${path}`, { method: "POST", headers: { "x-api-key": key }, body });
}

describe("the scripted Messages API", () => {
  test("a streamed answer put together again is the one that is sent without streaming", async () => {
    const input = { path: "ä.js", nested: [1, { a: null }] };
    const say = [
      { type: "text", text: "Let me look." },
      { type: "tool_use", name: "Read", input },
    ] as const;
    await using api = await startMessagesApi({ key: KEY, script: [{ say }, { say }] });
    const events = (await (await post(api, { stream: true })).text())
      .split("\n")
      .filter((line) => line.startsWith("data: "))
      .map((line) => JSON.parse(line.slice(6)) as { type: string; index?: number; delta?: Record<string, string> });
    const pieces = (index: number, key: string): string =>
      events.map((event) => (event.index === index ? (event.delta?.[key] ?? "") : "")).join("");
    const whole = (await (await post(api)).json()) as { content: object[]; stop_reason: string };
    expect(pieces(0, "text")).toBe("Let me look.");
    expect(JSON.parse(pieces(1, "partial_json"))).toEqual(input);
    expect(whole).toMatchObject({ content: say, stop_reason: "tool_use" });
    const block = ["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"];
    expect(events.map(({ type }) => type)).toEqual([
      "message_start",
      "ping",
      ...block,
      ...block,
      "message_delta",
      "message_stop",
    ]);
  });

  test("what a script does not foresee is a fault: another path, another key, one request too many", async () => {
    await using api = await startMessagesApi({ key: KEY, script: [{ status: 529 }] });
    expect((await post(api, { path: "/v1/other" })).status).toBe(404);
    expect((await post(api, { key: "x" })).status).toBe(401);
    expect({ faults: api.faults.length, left: api.left() }).toEqual({ faults: 2, left: 1 });
    expect((await post(api)).status).toBe(529);
    expect({ faults: api.faults.length, left: api.left() }).toEqual({ faults: 2, left: 0 });
    expect((await post(api)).status).toBe(400);
    expect(api.faults.at(-1)).toContain("beyond the script");
  });

  test("a turn can follow from the request, which is kept with the results that it brings", async () => {
    const script = [
      ({ body }: { body: { model: string } }) => ({ say: [{ type: "text", text: body.model }] as const }),
    ];
    await using api = await startMessagesApi({ key: KEY, script });
    const messages = [
      { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "Read", input: {} }] },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "t1", is_error: true, content: [{ type: "text", text: "no" }] }],
      },
    ];
    expect(await (await post(api, { messages })).json()).toMatchObject({ content: [{ text: "m" }] });
    const [request] = api.requests;
    expect(request === undefined ? [] : toolResults(request)).toEqual([{ name: "Read", text: "no", isError: true }]);
  });

  test.each(["before", "mid"] as const)("a connection can break %s", async (cut) => {
    await using api = await startMessagesApi({ key: KEY, script: [{ cut }] });
    const text = post(api, { stream: true }).then((answer) => answer.text());
    await expect(text).rejects.toMatchObject({ name: "TypeError" });
  });

  test("tokens are counted roughly", async () => {
    await using api = await startMessagesApi({ key: KEY, script: [] });
    const counted = (await (await post(api, { path: "/v1/messages/count_tokens?beta=true" })).json()) as object;
    expect(counted).toMatchObject({ input_tokens: expect.any(Number) as unknown });
    expect(api.faults).toEqual([]);
  });
});
