import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { analysisMode } from "../../src/session/claude/analysis.ts";
import { runClaude } from "../../src/session/claude/process.ts";
import { sessionArguments, sessionEnvironment, toolNames } from "../../src/session/claude/recipe.ts";
import { openStore } from "../../src/store/open.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { claudeForTests, DUMMY_KEY, sessionFolders, stayingIn, telemetryServer } from "../support/claude.ts";
import { startMessagesApi, toolResults, type ScriptedTurn } from "../support/messages-api.ts";
import { stdioClient } from "./stdio-client.ts";

const claude = await claudeForTests();

/** The real program with the telemetry server mounted, over two known traces. */
async function session(script: readonly ScriptedTurn[], tools: readonly string[]) {
  await using folders = await sessionFolders();
  await using api = await startMessagesApi({ key: DUMMY_KEY, script });
  const database = join(folders.root, "whetstone.db");
  await fill(database);
  const server = telemetryServer(database, tools);
  const mcpConfigFile = join(folders.root, "mcp.json");
  // In its own words: the script has no last turn that fits the schema of an answer.
  const {
    setUp: { answer: _answer, ...setUp },
    mcpConfig,
  } = analysisMode({ worktree: folders.checkout, changedPaths: async () => [], server });
  await writeFile(mcpConfigFile, mcpConfig, { mode: 0o600 });
  const end = await runClaude({
    program: claude?.path ?? "",
    args: sessionArguments({ model: "claude-sonnet-5-5", maxTurns: 5, maxBudgetUsd: 1, mcpConfigFile, ...setUp }),
    cwd: folders.checkout,
    env: sessionEnvironment(folders.environment(api.url)),
    prompt: "Which traces are there?",
    timeoutMs: 60_000,
  });
  await using own = await stdioClient(folders.root, ["--db", database]);
  const offered = await own.client.listTools();
  return { end, api, offered: offered.tools, left: await stayingIn(folders.checkout) };
}

async function fill(database: string): Promise<void> {
  await using store = await openStore({ url: database });
  const startNs = BigInt(Date.now()) * 1_000_000n;
  await store.append([
    span({ traceId: traceId(1), spanId: spanId(1), startNs }),
    span({ traceId: traceId(1), spanId: spanId(2), parentSpanId: spanId(1), kind: "client", name: "SELECT", startNs }),
    span({ traceId: traceId(2), spanId: spanId(3), service: "other", startNs }),
  ]);
}

(claude === undefined ? describe.skip : describe)("the real Claude Code", () => {
  test("connects to whetstone mcp, offers its tools to the model, and brings the answer of a call back", async () => {
    const { end, api, offered, left } = await session(
      [
        { say: [{ type: "tool_use", name: "mcp__whetstone__get_traces", input: { service_name: "notes" } }] },
        { say: [{ type: "text", text: "There is one." }] },
      ],
      ["get_traces"],
    );
    expect({ code: end.code, text: end.text, stopped: end.stopped, faults: api.faults }).toEqual({
      code: 0,
      text: "",
      stopped: undefined,
      faults: [],
    });
    expect(end.init).toMatchObject({
      claude_code_version: claude?.version,
      permissionMode: "dontAsk",
      mcp_servers: [{ name: "whetstone", status: "connected" }],
    });
    expect(end.result).toMatchObject({ subtype: "success", is_error: false, result: "There is one.", num_turns: 2 });

    const [first, second] = api.requests;
    const shown = (first?.body.tools ?? []).filter(({ name }) => name.startsWith("mcp__"));
    const names = offered.map(({ name }) => name);
    expect(shown.map(({ name }) => name).sort()).toEqual([...toolNames({ name: "whetstone", tools: names })].sort());
    for (const tool of offered) {
      const seen = shown.find(({ name }) => name === `mcp__whetstone__${tool.name}`);
      expect(seen?.input_schema).toMatchObject({ properties: tool.inputSchema.properties ?? {} });
      expect(seen?.description).toBe(tool.description);
    }

    const [result] = second === undefined ? [] : toolResults(second);
    expect(result).toMatchObject({ name: "mcp__whetstone__get_traces", isError: false });
    expect(JSON.parse(result?.text ?? "")).toMatchObject({ traces: [{ traceId: traceId(1), spans: 2 }], total: 1 });
    expect(api.left()).toBe(0);
    expect(left).toEqual([]);
  }, 180_000);

  test("calls no tool of the server that was not allowed, and has no tool that writes or runs anything", async () => {
    const { end, api } = await session(
      [
        { say: [{ type: "tool_use", name: "mcp__whetstone__search_traces", input: { query: "{}" } }] },
        { say: [{ type: "tool_use", name: "Write", input: { file_path: "x", content: "x" } }] },
        { say: [{ type: "tool_use", name: "Bash", input: { command: "touch x" } }] },
        { say: [{ type: "text", text: "Nothing worked." }] },
      ],
      ["get_traces"],
    );
    expect({ code: end.code, faults: api.faults }).toEqual({ code: 0, faults: [] });
    const builtIn = end.init?.tools.filter((name) => !name.startsWith("mcp__")).sort();
    expect(builtIn).toEqual(["Glob", "Grep", "Read"]);
    const last = api.requests.at(-1);
    expect(last === undefined ? [] : toolResults(last).map(({ name, isError }) => [name, isError])).toEqual([
      ["mcp__whetstone__search_traces", true],
      ["Write", true],
      ["Bash", true],
    ]);
  }, 180_000);
});
