import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InitEvent, parseLine, ResultEvent } from "../../../src/session/claude/events.ts";
import { judgeEnd, setUpFault, watcher } from "../../../src/session/claude/outcome.ts";
import type { ClaudeEnd } from "../../../src/session/claude/process.ts";

const EXPECTED = { builtIn: ["Read", "Grep", "Glob"], servers: ["whetstone"], version: "2.1.328" };

const INIT = InitEvent.parse({
  type: "system",
  subtype: "init",
  model: "m",
  permissionMode: "dontAsk",
  tools: ["Read", "Grep", "Glob", "mcp__whetstone__get_traces", "StructuredOutput"],
  mcp_servers: [{ name: "whetstone", status: "connected" }],
  claude_code_version: "2.1.328",
});

const RESULT = ResultEvent.parse({
  type: "result",
  subtype: "success",
  is_error: false,
  result: "done",
  structured_output: { summary: "x" },
  total_cost_usd: 0.1,
  num_turns: 2,
});

const GOOD: ClaudeEnd = { code: 0, init: INIT, result: RESULT, text: "" };

describe("how a session ended", () => {
  test("success takes everything together", () => {
    expect(judgeEnd(GOOD, EXPECTED)).toEqual({ kind: "success", output: { summary: "x" } });
  });

  test.each<[string, Partial<ClaudeEnd>, string]>([
    ["another exit code", { code: 1 }, "died"],
    ["a signal", { code: null }, "died"],
    ["no form", { result: { ...RESULT, structured_output: undefined } }, "structured_output_missing"],
    [
      "the form was wrong too often",
      { result: { ...RESULT, subtype: "error_max_structured_output_retries" } },
      "structured_output_missing",
    ],
    [
      "an API error that calls itself a success",
      { result: { ...RESULT, is_error: true, api_error_status: 529 } },
      "api_error",
    ],
    ["turns", { code: 1, result: { ...RESULT, is_error: true, subtype: "error_max_turns" } }, "max_turns"],
    ["money", { code: 1, result: { ...RESULT, is_error: true, subtype: "error_max_budget_usd" } }, "max_budget"],
    ["an error while working", { result: { ...RESULT, is_error: true, subtype: "error_during_execution" } }, "died"],
    ["a subtype that nobody knows", { result: { ...RESULT, subtype: "splendid" } }, "died"],
    ["a failed start", { result: { ...RESULT, startup_failure_reason: "bypass_root" } }, "setup_error"],
    ["our time limit, whatever it said before", { stopped: "timeout" }, "timeout"],
    ["our stop", { stopped: "set-up: x" }, "setup_error"],
    ["a set-up that was never told", { init: undefined as never }, "setup_error"],
    ["a set-up that was not ordered", { init: { ...INIT, permissionMode: "default" } }, "setup_error"],
    ["events but no result", { result: undefined as never }, "died"],
    ["nothing at all", { result: undefined as never, init: undefined as never, text: "bad flag" }, "setup_error"],
  ])("%s is no success", (_name, changes, kind) => {
    expect(judgeEnd({ ...GOOD, ...changes }, EXPECTED).kind).toBe(kind);
  });

  test("whatever else comes together, one fault is enough", () => {
    const faults: Partial<ClaudeEnd>[] = [
      { code: 1 },
      { stopped: "timeout" },
      { init: { ...INIT, mcp_servers: [] } },
      { result: { ...RESULT, is_error: true } },
      { result: { ...RESULT, subtype: "error_max_turns" } },
    ];
    fc.assert(
      fc.property(fc.subarray(faults), (some) => {
        const end = some.reduce<ClaudeEnd>((all, fault) => ({ ...all, ...fault }), GOOD);
        expect(judgeEnd(end, EXPECTED).kind === "success").toBe(some.length === 0);
      }),
    );
  });
});

describe("what the session tells of its set-up", () => {
  test.each<[Partial<InitEvent>, string]>([
    [{ claude_code_version: "2.2.0" }, "2.2.0"],
    [{ permissionMode: "bypassPermissions" }, "bypassPermissions"],
    [{ mcp_servers: [{ name: "whetstone", status: "failed" }] }, "failed"],
    [{ mcp_servers: [] }, "missing"],
    [{ mcp_servers: [...INIT.mcp_servers, { name: "other", status: "connected" }] }, "other"],
    [{ tools: [...INIT.tools, "Bash"] }, "Bash"],
    [{ tools: ["mcp__other__x"] }, "mcp__other__x"],
  ])("%j is said", (changes, word) => {
    expect(setUpFault({ ...INIT, ...changes }, EXPECTED)).toContain(word);
  });

  test("each of several servers must be there, connected, once; their tools and no other server's are theirs", () => {
    const both = { ...EXPECTED, servers: ["whetstone", "checks"] };
    const connected = (...names: readonly string[]) => names.map((name) => ({ name, status: "connected" }));
    const init = { ...INIT, mcp_servers: connected("checks", "whetstone"), tools: ["Read", "mcp__checks__run_checks"] };
    expect(setUpFault(init, both)).toBeUndefined();
    expect(setUpFault({ ...init, mcp_servers: connected("whetstone") }, both)).toContain("checks is missing");
    expect(setUpFault({ ...init, mcp_servers: connected("checks") }, both)).toContain("whetstone is missing");
    expect(setUpFault({ ...init, mcp_servers: connected("checks", "whetstone", "checks") }, both)).toContain("checks");
    expect(setUpFault({ ...init, tools: ["mcp__checks_evil__run"] }, both)).toContain("mcp__checks_evil__run");
  });

  test("as ordered, nothing is said, by the watcher neither", () => {
    expect(setUpFault(INIT, EXPECTED)).toBeUndefined();
    expect(watcher(EXPECTED)({ kind: "init", event: INIT })).toBeUndefined();
  });

  test.each([
    [401, true],
    [403, true],
    [429, false],
    [529, false],
    [null, false],
  ])("a retry after status %s ends the session: %s", (status, ends) => {
    const event = { type: "system", subtype: "api_retry", error_status: status } as const;
    expect(watcher(EXPECTED)({ kind: "retry", event }) !== undefined).toBe(ends);
  });
});

describe("a line of output", () => {
  test("known events are read, unknown ones passed over, anything else is text", () => {
    expect(parseLine(JSON.stringify(INIT)).kind).toBe("init");
    expect(parseLine(JSON.stringify(RESULT)).kind).toBe("result");
    expect(parseLine('{"type":"news"}')).toEqual({ kind: "other" });
    expect(parseLine("Error: x")).toEqual({ kind: "text", text: "Error: x" });
    expect(parseLine('{"type":"result","subtype":"success"}').kind).toBe("text");
  });

  test("no line makes the reader fail, and none that lacks the form is a result", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        expect(["other", "text"]).toContain(parseLine(line).kind);
      }),
    );
  });
});
