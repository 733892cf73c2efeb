import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { manualClock } from "../../../src/model/time.ts";
import { SessionEvent } from "../../../src/model/session.ts";
import { textRedactor } from "../../../src/protect/redact-text.ts";
import { openTimeline } from "../../../src/session/claude/timeline.ts";

const SECRET = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
const init = { type: "system", subtype: "init", tools: ["Read", "mcp__whetstone__get_traces"] };
const said = (text: string) => ({ type: "assistant", message: { content: [{ type: "text", text }] } });
const calls = (id: string, name: string, input: unknown = {}) => ({
  type: "assistant",
  message: { content: [{ type: "tool_use", id, name, input }] },
});
const answers = (id: string, content: unknown, more: { is_error?: boolean; decision?: string } = {}) => ({
  type: "user",
  message: { content: [{ type: "tool_result", tool_use_id: id, content, is_error: more.is_error }] },
  ...(more.decision && { tool_result_meta: [{ id, permission_decision: { decision: more.decision } }] }),
});

/** A timeline that saw these events, one every 10 ms. */
function seen(...events: readonly unknown[]) {
  const clock = manualClock();
  const timeline = openTimeline({ redact: textRedactor(), monotonicMs: clock.monotonicMs });
  for (const event of events) {
    clock.advance(10);
    timeline.see(typeof event === "string" ? event : JSON.stringify(event));
  }
  return timeline;
}

describe("a timeline", () => {
  test("holds texts, calls with what became of them, and retries, each at its time", () => {
    const timeline = seen(
      init,
      said("Looking."),
      calls("a", "Read", { file_path: "src/a.ts" }),
      answers("a", "12345"),
      { type: "system", subtype: "api_retry", error_status: 529 },
      calls("b", "Read", { file_path: "/etc/passwd" }),
      answers("b", "no", { is_error: true, decision: "reject" }),
      calls("c", "Bash", { command: "ls" }),
      answers("c", "unknown tool", { is_error: true }),
      calls("d", "Read", { file_path: "gone" }),
      answers("d", [{ type: "text", text: "not there" }], { is_error: true }),
      calls("e", "Read"),
    );
    const { events, denials, eventsOmitted } = timeline.record();
    expect(events).toMatchObject([
      { kind: "said", atMs: 20, text: "Looking." },
      { tool: "Read", atMs: 30, result: { status: "ok", durationMs: 10, length: 5 } },
      { kind: "retried", status: 529 },
      { tool: "Read", result: { status: "refused" } },
      { tool: "Bash", result: { status: "refused" } },
      { tool: "Read", result: { status: "error" } },
      { tool: "Read", input: "{}" },
    ]);
    expect(events.at(-1)).not.toHaveProperty("result");
    expect([denials, eventsOmitted]).toEqual([
      [
        { tool: "Read", count: 1 },
        { tool: "Bash", count: 1 },
      ],
      0,
    ]);
    expect(timeline.lastSaid()).toBe("Looking.");
  });

  test("secrets are taken out of texts and inputs, also where they are cut", () => {
    const long = `${"x ".repeat(240)}${SECRET} and more ${"y ".repeat(400)}`;
    const timeline = seen(said(long), said(SECRET), calls("a", "Write", { content: SECRET }));
    const text = JSON.stringify(timeline.record());
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain(SECRET.slice(0, 12));
    expect(text).toContain("[redacted");
    expect(text).toContain(`[cut: ${long.length} characters]`);
    expect(timeline.lastSaid()).not.toContain(SECRET);
  });

  test("of a long session the first and the newest events stay, and the rest is counted", () => {
    const timeline = seen(...Array.from({ length: 500 }, (_, n) => said(`step ${n}`)));
    const { events, eventsOmitted } = timeline.record();
    expect([events.length, eventsOmitted]).toEqual([200, 300]);
    expect(events[0]).toMatchObject({ text: "step 0" });
    expect(events[49]).toMatchObject({ text: "step 49" });
    expect(events[50]).toMatchObject({ text: "step 350" });
    expect(events.at(-1)).toMatchObject({ text: "step 499" });
  });

  test("a refusal is counted also when its event was left out", () => {
    const refusals = Array.from({ length: 300 }, (_, n) => [
      calls(`c${n}`, "Bash", { n }),
      answers(`c${n}`, "no", { is_error: true, decision: "reject" }),
    ]).flat();
    expect(seen(init, ...refusals).record().denials).toEqual([{ tool: "Bash", count: 300 }]);
  });

  test("the same call again and again is counted until another one comes", () => {
    const again = (n: number) => calls(`c${n}`, "Read", { file_path: "a" });
    expect(seen(again(1), answers("c1", ""), again(2), again(3)).repeats()).toBe(3);
    expect(seen(again(1), again(2), calls("o", "Read", { file_path: "b" })).repeats()).toBe(1);
    expect(seen().repeats()).toBe(0);
  });

  test("whatever the lines hold, it never throws, and what it records has the form of the record", () => {
    const block = fc.oneof(
      fc.record({ type: fc.constant("text"), text: fc.string() }),
      fc.record({ type: fc.constant("tool_use"), id: fc.string(), name: fc.string(), input: fc.jsonValue() }),
      fc.record({ type: fc.constant("tool_result"), tool_use_id: fc.string(), content: fc.jsonValue() }),
      fc.jsonValue(),
    );
    const event = fc.record({
      type: fc.constantFrom("assistant", "user", "system", "result"),
      subtype: fc.constantFrom("init", "api_retry", undefined),
      message: fc.oneof(fc.record({ content: fc.array(block, { maxLength: 4 }) }), fc.jsonValue()),
      error_status: fc.option(fc.integer()),
      tools: fc.jsonValue(),
      tool_result_meta: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(event, fc.string()), { maxLength: 20 }), (events) => {
        for (const one of seen(...events).record().events) SessionEvent.parse(JSON.parse(JSON.stringify(one)));
      }),
    );
  });
});
