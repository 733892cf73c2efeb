import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { SessionRecord } from "../../../src/model/proposal.ts";
import { traceId } from "../../store/spans.ts";
import { claudeForTests } from "../../support/claude.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { type Said, type ScriptedTurn, toolResults } from "../../support/messages-api.ts";
import { hostileFiles } from "./hostile-files.ts";
import { ANSWER, MODEL, type Ran, REAL_KEY, run } from "./running.ts";

const cli = await claudeForTests();

const call = (name: string, input: Readonly<Record<string, unknown>>): Said => ({ type: "tool_use", name, input });
const answering: ScriptedTurn = { say: [call("StructuredOutput", ANSWER)] };
const looking: ScriptedTurn = { say: [call("Glob", { pattern: "**/*.js" })] };

/** Nothing of a session is left, however it ended. */
function expectClean({ leftovers, api }: Ran): void {
  expect(leftovers).toEqual({ files: [], changed: [], pids: [] });
  expect(api.faults).toEqual([]);
  // The real key stands where the API wants it and nowhere else of what the session sent.
  for (const { headers, body } of api.requests) {
    expect(headers["x-api-key"]).toBe(REAL_KEY);
    expect(JSON.stringify(body)).not.toContain(REAL_KEY);
  }
}

(cli === undefined ? describe.skip : describe)("an analysis on the real Claude Code", () => {
  test("reads the code and the telemetry, answers in the form that was asked for, and leaves nothing", async () => {
    const ran = await run({
      cli,
      script: [
        { say: [call("Read", { file_path: "src/notes.js" })] },
        { say: [call("mcp__whetstone__get_trace_by_id", { trace_id: traceId(1) })] },
        answering,
      ],
    });
    expect(ran.error).toBeUndefined();
    expect(SessionRecord.parse(ran.record)).toMatchObject({
      id: "s-1",
      mode: "analysis",
      model: MODEL,
      partial: false,
      usage: { inputTokens: 300, outputTokens: 30 },
      summary: expect.stringContaining("a query in a loop") as unknown,
    });
    expect(ran.record?.run).toMatchObject({ stop: "answered", provider: "anthropic", denials: [], analysis: ANSWER });
    expect(ran.record?.run?.cliVersion).toBe(cli?.version);
    const called = ran.record?.run?.events.flatMap((event) => (event.kind === "called" ? [event] : []));
    expect(called?.map(({ tool, result }) => [tool, result?.status])).toEqual([
      ["Read", "ok"],
      ["mcp__whetstone__get_trace_by_id", "ok"],
      ["StructuredOutput", "ok"],
    ]);
    const last = ran.api.requests.at(-1);
    const results = last === undefined ? [] : toolResults(last);
    expect(results.map(({ name, isError }) => [name, isError])).toEqual([
      ["Read", false],
      ["mcp__whetstone__get_trace_by_id", false],
    ]);
    expect(results[0]?.text).toContain("export const notes");
    expect(results[1]?.text).toContain(traceId(1));
    expect(ran.api.left()).toBe(0);
    expectClean(ran);
  }, 180_000);

  test("a model that never gives the form is no success", async () => {
    const talk: ScriptedTurn = { say: [{ type: "text", text: "All is well." }] };
    const ran = await run({ cli, script: [talk, talk] });
    expect(ran.error).toMatchObject({ code: "session_failed", data: { outcome: "structured_output_missing" } });
    expectClean(ran);
  }, 180_000);

  test("endless calls end at the turn limit, with a partial record", async () => {
    const options = { limits: { maxTurns: 3, maxBudgetUsd: 1, timeoutMs: 60_000 } };
    const ran = await run({ cli, script: Array.from({ length: 3 }, () => looking), options });
    expect(ran.record).toMatchObject({ partial: true, summary: "Cut off: max_turns." });
    expect(ran.api.requests).toHaveLength(3);
    expectClean(ran);
  }, 180_000);

  test("money ends it too, with what it cost", async () => {
    const options = { limits: { maxTurns: 9, maxBudgetUsd: 0.01, timeoutMs: 60_000 } };
    const dear: ScriptedTurn = {
      say: [call("Glob", { pattern: "*" })],
      usage: { input_tokens: 1e6, output_tokens: 1 },
    };
    const ran = await run({ cli, script: [dear], options });
    expect(ran.record).toMatchObject({ partial: true, summary: "Cut off: max_budget." });
    expect(ran.record?.usage.costUsd).toBeGreaterThan(1);
    expectClean(ran);
  }, 180_000);

  test("a refused key fails at once instead of being tried for minutes", async () => {
    const ran = await run({ cli, script: [{ status: 401 }, { status: 401 }, { status: 401 }] });
    expect(ran.error).toMatchObject({ code: "session_failed", data: { outcome: "api_error" } });
    expect(ran.api.requests.length).toBeLessThanOrEqual(2);
    expectClean(ran);
  }, 180_000);

  test.each<[string, ScriptedTurn]>([
    ["too many requests", { status: 429, headers: { "retry-after": "0" } }],
    ["an overloaded API", { status: 529 }],
    ["a connection that breaks", { cut: "before" }],
  ])(
    "%s: it waits and goes on",
    async (_name, trouble) => {
      const ran = await run({ cli, script: [trouble, answering] });
      expect(ran.error).toBeUndefined();
      expect(ran.record).toMatchObject({ partial: false });
      expectClean({ ...ran, leftovers: ran.leftovers });
    },
    90_000,
  );

  test("an API that hangs is given up at the time limit; nothing keeps running", async () => {
    const options = { limits: { maxTurns: 3, maxBudgetUsd: 1, timeoutMs: 6_000 } };
    const ran = await run({ cli, script: [{ hang: true }, { hang: true }], options });
    expect(ran.record).toMatchObject({ partial: true, summary: "Cut off: timeout." });
    expectClean(ran);
  }, 180_000);

  test("an API that only refuses for now is no progress, and neither is the same call for ever", async () => {
    const limits = { maxTurns: 20, maxBudgetUsd: 1, timeoutMs: 100_000 };
    const busy: ScriptedTurn[] = Array.from({ length: 6 }, () => ({ status: 529 }));
    const idle = await run({ cli, script: busy, options: { limits: { ...limits, idleMs: 4_000 } } });
    expect(idle.record).toMatchObject({ partial: true, run: { stop: "no_progress" } });
    const again = await run({ cli, script: Array.from({ length: 20 }, () => looking), options: { limits } });
    expect(again.record).toMatchObject({ partial: true, run: { stop: "no_progress" } });
    expect(again.api.requests.length).toBeLessThan(12);
    // Claude Code says nothing of its cost when it is ended: what the gateway counted is booked.
    expect(again.record?.usage.inputTokens).toBeGreaterThan(0);
    expect(again.record?.usage.costUsd).toBeGreaterThan(0);
    expect([idle.leftovers.pids, again.leftovers.pids]).toEqual([[], []]);
  }, 180_000);

  test("without its telemetry server it does not start", async () => {
    const options = { server: { name: "whetstone", command: ["/nowhere/server"], tools: ["x"] } } as const;
    const ran = await run({ cli, script: [answering], options });
    expect(ran.error).toMatchObject({
      code: "session_failed",
      message: expect.stringContaining("whetstone is failed") as unknown,
      data: { outcome: "setup_error" },
    });
    expectClean(ran);
  }, 180_000);

  test("hooks, servers, key helper, settings and instructions of the repository do nothing", async () => {
    await using outside = await temporaryFolder();
    const marker = join(outside.path, "ran");
    const files = hostileFiles(marker);
    // By the program's own rules: in namespaces the marker's folder would not even be there.
    const ran = await run({ cli, script: [looking, answering], files, options: { confinement: undefined } });
    expect(ran.error).toBeUndefined();
    expect(existsSync(marker)).toBe(false);
    expect(new Set(ran.api.requests.map(({ body }) => body.model))).toEqual(new Set([MODEL]));
    expect(JSON.stringify(ran.api.requests[0]?.body)).not.toContain("HOSTILE-INSTRUCTION");
    expectClean(ran);
  }, 180_000);

  test("what writes, runs, fetches or reads outside the checkout is refused", async () => {
    const attempts = [
      call("Write", { file_path: "src/new.js", content: "x" }),
      call("Edit", { file_path: "src/notes.js", old_string: "1", new_string: "2" }),
      call("Bash", { command: "touch src/x" }),
      call("WebFetch", { url: "http://127.0.0.1:1/", prompt: "x" }),
      call("WebSearch", { query: "x" }),
      call("NotebookEdit", { notebook_path: "src/x.ipynb", new_source: "x" }),
      call("Agent", { description: "x", prompt: "x", subagent_type: "general-purpose" }),
      call("Read", { file_path: "/etc/passwd" }),
      call("Read", { file_path: "/proc/self/environ" }),
      call("Read", { file_path: `/proc/${process.pid}/environ` }),
      call("Read", { file_path: "../mcp.json" }),
      call("Grep", { pattern: "root", path: "/etc", output_mode: "content" }),
      call("mcp__whetstone__search_traces", {}),
    ];
    const options = { limits: { maxTurns: 16, maxBudgetUsd: 1, timeoutMs: 60_000 }, confinement: undefined };
    const script = [...attempts.map((said): ScriptedTurn => ({ say: [said] })), answering];
    const ran = await run({ cli, script, options });
    expect(ran.error).toBeUndefined();
    const last = ran.api.requests.at(-1);
    const results = last === undefined ? [] : toolResults(last);
    expect(results).toHaveLength(attempts.length);
    expect(results.filter(({ isError }) => !isError)).toEqual([]);
    expectClean(ran);
  }, 180_000);
});

describe("before a session", () => {
  test("a mode that could write is refused before anything starts", async () => {
    const ran = await run({ cli: undefined, script: [], mode: "refinement" });
    expect(ran.error).toMatchObject({ code: "usage" });
    expect(ran.api.requests).toEqual([]);
  });
});
