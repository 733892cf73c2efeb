import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, test } from "@jest/globals";
import { openStore } from "../../src/store/open.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { startWhetstone } from "../support/whetstone.ts";
import { stdioClient } from "./stdio-client.ts";

const DATABASE = ".whetstone/whetstone.db";

async function fill(folder: string): Promise<void> {
  await using store = await openStore({ url: join(folder, DATABASE) });
  await store.append([
    span({ traceId: traceId(1), spanId: spanId(1), startNs: BigInt(Date.now()) * 1_000_000n }),
    span({ traceId: traceId(1), spanId: spanId(2), parentSpanId: spanId(1), kind: "client", name: "SELECT" }),
  ]);
}

describe("whetstone mcp on stdio", () => {
  test("shakes hands without a store, and tells what is missing when a tool needs it", async () => {
    await using folder = await temporaryFolder();
    await using server = await stdioClient(folder.path);
    expect(server.client.getServerVersion()).toMatchObject({ name: "whetstone" });
    const { isError, body } = await server.call("get_traces");
    expect(isError).toBe(true);
    expect(body).toMatchObject({
      error: { code: "not_found", remedy: expect.stringContaining("whetstone proxy") as unknown },
    });
    expect(existsSync(join(folder.path, DATABASE))).toBe(false);
  });

  test("finds a store that came to be after the handshake, shared with other servers", async () => {
    await using folder = await temporaryFolder();
    await using first = await stdioClient(folder.path);
    await fill(folder.path);
    await using second = await stdioClient(folder.path);
    for (const { call } of [first, second]) {
      const { body } = await call("get_traces", { service_name: "notes" });
      expect(body).toMatchObject({ traces: [{ traceId: traceId(1), spans: 2 }], total: 1, returned: 1 });
    }
    expect(first.logged() + second.logged()).toBe("");
  });

  test("an opening of the stateless revision is answered on the same pipe", async () => {
    await using folder = await temporaryFolder();
    const meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const request = { jsonrpc: "2.0", id: 1, method: "tools/list", params: { _meta: meta } };
    const { child, ended } = startWhetstone(["mcp"], { cwd: folder.path, keepInput: true });
    child.stdin?.write(`${JSON.stringify(request)}\n`);
    const [line] = (await once(createInterface({ input: child.stdout ?? process.stdin }), "line")) as [string];
    const answer = JSON.parse(line) as { result: { resultType: string; tools: { name: string }[] } };
    expect(answer.result.resultType).toBe("complete");
    expect(answer.result.tools.map(({ name }) => name)).toContain("get_traces");
    child.stdin?.end();
    expect(await ended).toMatchObject({ code: 0, err: "" });
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s ends it cleanly, with nothing but MCP on standard output",
    async (name) => {
      await using folder = await temporaryFolder();
      const { child, ended } = startWhetstone(["mcp"], { cwd: folder.path, keepInput: true });
      child.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" })}\n`);
      await once(child.stdout ?? child, "data");
      child.kill(name);
      const { code, out } = await ended;
      expect(code).toBe(0);
      expect(
        out
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as unknown),
      ).toHaveLength(1);
    },
  );

  test("an unknown toolset is refused before anything is served", async () => {
    await using folder = await temporaryFolder();
    const { ended } = startWhetstone(["mcp", "--toolsets", "traces,nonsense"], { cwd: folder.path });
    expect(await ended).toMatchObject({ code: 2, out: "", err: expect.stringContaining("nonsense") as unknown });
  });

  test("--toolsets offers those tools only", async () => {
    await using folder = await temporaryFolder();
    await using server = await stdioClient(folder.path, ["--toolsets", "traces"]);
    const { tools } = await server.client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([
      "correlate_distributed_traces",
      "get_trace_by_id",
      "get_traces",
      "list_services",
      "search_traces",
    ]);
  });
});
