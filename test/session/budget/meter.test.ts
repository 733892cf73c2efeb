import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openMeter } from "../../../src/session/budget/meter.ts";
import { costOf } from "../../../src/session/budget/prices.ts";
import { shareSpent, withWrapUp, WRAP_UP_NOTE } from "../../../src/session/budget/wrap-up.ts";

const NONE = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0 };
const start = (usage: object, model = "claude-sonnet-5-5") =>
  `event: message_start\ndata: ${JSON.stringify({ type: "message_start", message: { model, usage } })}\n\n`;
const delta = (usage: object) =>
  `event: message_delta\ndata: ${JSON.stringify({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage })}\n\n`;
const words = `event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"é \\"message_delta\\""}}\n\n`;

/** What a meter counts of a stream that comes in these pieces. */
function metered(pieces: readonly Uint8Array[], form: "stream" | "json" = "stream") {
  const meter = openMeter();
  const answer = meter.answer(form);
  for (const piece of pieces) answer.see(piece);
  answer.end();
  return meter.spent();
}

describe("costOf", () => {
  test.each([
    ["claude-sonnet-5-5", { ...NONE, input: 1e6 }, 2],
    ["claude-sonnet-5-5-20261101", { ...NONE, output: 1e6 }, 10],
    ["claude-opus-5-5", { ...NONE, cacheRead: 1e6 }, 0.2],
    ["claude-opus-5-5", { ...NONE, cacheWrite: 1e6 }, 5],
    ["claude-opus-5-5", { ...NONE, cacheWriteLong: 1e6 }, 8],
    ["nobody-knows", { ...NONE, input: 1e6, output: 1e6 }, 24],
  ])("%s, %j: %d USD", (model, usage, usd) => expect(costOf(model, usage)).toBeCloseTo(usd, 9));
});

describe("a meter", () => {
  const text =
    start({ input_tokens: 100, cache_read_input_tokens: 30, output_tokens: 1 }) + words + delta({ output_tokens: 50 });

  test("counts a stream the same in whatever pieces it comes", () => {
    const bytes = Buffer.from(text);
    const whole = metered([bytes]);
    expect(whole).toEqual({ usd: (100 * 2 + 30 * 0.1 + 50 * 10) / 1e6, tokens: 180 });
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        expect(metered(at.slice(1).map((end, index) => bytes.subarray(at[index], end)))).toEqual(whole);
      }),
    );
  });

  test("counts what a stream that broke off had said by then", () => {
    expect(metered([Buffer.from(start({ input_tokens: 100, output_tokens: 1 }) + words)]).tokens).toBe(101);
  });

  test("counts an answer in one piece, written caches, and several answers together", () => {
    const usage = {
      input_tokens: 1,
      output_tokens: 2,
      cache_creation_input_tokens: 40,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 30 },
    };
    const body = Buffer.from(JSON.stringify({ model: "claude-opus-5-5", usage, content: [] }));
    expect(metered([body], "json")).toEqual({ usd: (4 + 40 + 10 * 5 + 30 * 8) / 1e6, tokens: 43 });
    const meter = openMeter();
    for (const form of ["stream", "json"] as const) {
      const answer = meter.answer(form);
      answer.see(form === "json" ? body : Buffer.from(text));
      answer.end();
      answer.end();
    }
    expect(meter.spent().tokens).toBe(223);
  });

  test("counts nothing of what is no answer, and never fails", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), fc.string(), (pieces, line) => {
        expect(metered([...pieces, Buffer.from(`\ndata: ${line}"message_delta"\n`)]).tokens).toBe(0);
        expect(metered(pieces, "json").tokens).toBe(0);
      }),
    );
  });
});

describe("wrapping up", () => {
  test("shareSpent is the greater share; a budget of nothing is spent", () => {
    expect(shareSpent({ usd: 1, tokens: 10 }, { usd: 2, tokens: 100 })).toBe(0.5);
    expect(shareSpent({ usd: 0, tokens: 90 }, { usd: 2, tokens: 100 })).toBe(0.9);
    expect(shareSpent({ usd: 0, tokens: 0 }, { usd: 0, tokens: 100 })).toBe(1);
  });

  const noted = (body: unknown): unknown => JSON.parse(withWrapUp(Buffer.from(JSON.stringify(body))).toString());
  const note = { type: "text", text: WRAP_UP_NOTE };
  const result = { type: "tool_result", tool_use_id: "t", content: "x" };

  test.each([
    [[{ role: "user", content: "hello" }], [{ role: "user", content: [{ type: "text", text: "hello" }, note] }]],
    [[{ role: "user", content: [result] }], [{ role: "user", content: [result, note] }]],
    [
      [
        { role: "user", content: "a" },
        { role: "system", content: "b" },
      ],
      [
        { role: "user", content: "a" },
        { role: "system", content: "b" },
        { role: "user", content: [note] },
      ],
    ],
  ])("the note stands behind %j", (messages, expected) => {
    expect(noted({ model: "m", messages, max_tokens: 5 })).toEqual({ model: "m", messages: expected, max_tokens: 5 });
  });

  test.each(["", "{", "[]", '{"messages":[]}', '{"messages":"x"}'])("%j is passed on as it is", (text) => {
    expect(withWrapUp(Buffer.from(text)).toString()).toBe(text);
  });
});
