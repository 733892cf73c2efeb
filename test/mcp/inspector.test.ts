import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { openStore } from "../../src/store/open.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { inspectorForTests } from "../support/inspector.ts";
import { processesIn } from "../support/leftovers.ts";
import { whetstone } from "../support/whetstone.ts";
import { httpProcess } from "./http-process.ts";

const inspector = await inspectorForTests();

const CALL = ["--method", "tools/call", "--tool-name", "get_trace_by_id", "--tool-arg", `trace_id=${traceId(1)}`];
const STDIO = [process.execPath, resolve("bin/whetstone.js"), "mcp"];

/** The inspector in a folder whose store holds one trace of two spans. */
async function inspection() {
  const folder = await temporaryFolder();
  await using store = await openStore({ url: join(folder.path, ".whetstone/whetstone.db") });
  await store.append([
    span({ traceId: traceId(1), spanId: spanId(1) }),
    span({ traceId: traceId(1), spanId: spanId(2), parentSpanId: spanId(1), kind: "client", name: "SELECT" }),
  ]);
  const inspect = (...args: string[]) => {
    if (inspector === undefined) throw new Error("There is no inspector.");
    return inspector(args, folder.path);
  };
  return { root: folder.path, inspect, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

function expectTrace({ code, out }: { code: number; out: string }): void {
  expect({ code, out: code === 0 ? "" : out }).toEqual({ code: 0, out: "" });
  const answer = JSON.parse(out) as { structuredContent: unknown };
  expect(answer.structuredContent).toMatchObject({ traceId: traceId(1) });
  expect(out).toContain("SELECT");
}

(inspector === undefined ? describe.skip : describe)("the MCP inspector", () => {
  test("lists the tools on stdio, and finds no fault in their schemas that a provider would refuse", async () => {
    await using folder = await inspection();
    const { code, out, err } = await folder.inspect(...STDIO, "--method", "tools/list", "--strict");
    expect({ code, summary: /\d+ errors?/.exec(err)?.[0] }).toEqual({ code: 0, summary: "0 errors" });
    const { tools } = JSON.parse(out) as { tools: { name: string; inputSchema: object; outputSchema: object }[] };
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(["get_traces", "get_trace_by_id"]));
    for (const tool of tools) expect(tool).toMatchObject({ inputSchema: {}, outputSchema: {} });
  }, 180_000);

  test("calls a tool on stdio and gets the stored trace; nothing keeps running", async () => {
    await using folder = await inspection();
    expectTrace(await folder.inspect(...STDIO, ...CALL));
    expect(await processesIn(folder.root)).toEqual([]);
  }, 180_000);

  test("a tool's error is one for the inspector too", async () => {
    await using folder = await inspection();
    const call = CALL.map((word) => word.replace(traceId(1), traceId(9)));
    const { code, out, err } = await folder.inspect(...STDIO, ...call);
    expect({ code, out: JSON.parse(out) as unknown }).toMatchObject({ code: 5, out: { isError: true } });
    expect(err).toContain("tool_is_error");
  }, 180_000);

  test("over HTTP with an API key it lists and calls; without, or with another, nothing", async () => {
    await using folder = await inspection();
    const created = await whetstone(["api-key", "create", "inspector", "--role", "developer", "--json"], {
      cwd: folder.root,
    });
    const { key } = JSON.parse(created.out) as { key: string };
    await using server = await httpProcess(folder.root, []);
    const at = (...args: string[]) => folder.inspect(server.url.href, ...args);
    const authorized = ["--header", `Authorization: Bearer ${key}`];

    expectTrace(await at(...CALL, ...authorized));
    const listed = await at("--method", "tools/list", ...authorized);
    expect({ code: listed.code, out: listed.out }).toMatchObject({
      code: 0,
      out: expect.stringContaining('"search_traces"') as unknown,
    });
    for (const refused of [[], ["--header", "Authorization: Bearer wrong"]]) {
      const { code, out, err } = await at(...CALL, ...refused);
      expect(err).toMatch(/auth_required/);
      expect(code).not.toBe(0);
      expect(out).not.toContain("SELECT");
    }
  }, 180_000);
});
