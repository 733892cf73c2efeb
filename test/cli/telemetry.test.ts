import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { resolve } from "node:path";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { whetstone, type Ended } from "../support/whetstone.ts";

let folder = "";
let project: SampleProject;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-telemetry-"));
  project = await sampleProject();
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await project.remove();
});

function cli(...args: string[]): Promise<Ended> {
  return whetstone(args, { cwd: folder });
}

const TRACE = "0af7651916cd43dd8448eb211c80319c";

function otlp(spans: object[]): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
        scopeSpans: [{ scope: { name: "s" }, spans }],
      },
    ],
  };
}

function span(id: number, extra: object = {}): object {
  const start = 1_763_635_500_000_000_000n + BigInt(id) * 1_000_000n;
  return {
    traceId: TRACE,
    spanId: id.toString(16).padStart(16, "0"),
    ...(id === 1 ? {} : { parentSpanId: "0000000000000001" }),
    name: id === 1 ? "checkout" : "charge",
    kind: 2,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 5_000_000n),
    status: {},
    ...extra,
  };
}

describe("import and traces", () => {
  test("reads a file once, however often it is imported; gz too", async () => {
    const text = JSON.stringify(otlp([span(1), span(2, { status: { code: 2 } }), span(3, { endTimeUnixNano: "5" })]));
    await writeFile(join(folder, "trace.json"), text);
    await writeFile(join(folder, "trace.json.gz"), gzipSync(text));
    const first = JSON.parse((await cli("import", "trace.json", "--json")).out).files[0];
    expect(first).toMatchObject({ format: "otlp", read: 3, stored: 2, duplicates: 0 });
    expect(first.rejected).toHaveLength(1);
    const again = JSON.parse((await cli("import", "trace.json.gz", "trace.json", "--json")).out).files;
    expect(again.map(({ stored }: { stored: number }) => stored)).toEqual([0, 0]);
  });

  test("search meets all span filters in one span; show prints a waterfall and JSON", async () => {
    const search = async (...args: string[]) => JSON.parse((await cli("traces", "search", ...args, "--json")).out);
    expect((await search("--operation", "charge", "--status", "error")).returned).toBe(1);
    expect((await search("--operation", "checkout", "--status", "error")).returned).toBe(0);
    expect(
      (await search("--attr", "service.name=shop", "--min-duration", "5ms", "--max-duration", "5ms")).returned,
    ).toBe(1);
    expect(
      (await search("--since", "2025-11-20T10:45:00Z", "--until", "2025-11-20T10:46:00Z")).traces[0],
    ).toMatchObject({
      traceId: TRACE,
      rootService: "shop",
      rootOperation: "checkout",
      spans: 2,
      errors: 1,
    });
    const shown = JSON.parse((await cli("traces", "show", TRACE, "--json")).out);
    expect(
      shown.spans.map(({ operation, durationMs }: { operation: string; durationMs: number }) => [
        operation,
        durationMs,
      ]),
    ).toEqual([
      ["checkout", 5],
      ["charge", 5],
    ]);
    expect((await cli("traces", "show", TRACE)).out).toContain("charge");
  });

  test.each([
    [["traces", "show", "f".repeat(32)], "not_found"],
    [["traces", "search", "--limit", "0"], "usage"],
    [["traces", "search", "--since", "yesterday"], "usage"],
    [["traces", "search", "--since", "-1m", "--until", "-2m"], "usage"],
    [["traces", "search", "--min-duration", "long"], "usage"],
    [["traces", "search", "--attr", "novalue"], "usage"],
    [["traces", "search", "--cursor", "bogus"], "usage"],
    [["import", "missing.json"], "input_unreadable"],
    [["analyze", "--since", "soon"], "usage"],
  ])("%j is refused with %s", async (args, code) => {
    const ended = await cli(...args);
    expect([ended.code, ended.out]).toEqual([2, ""]);
    expect(ended.err).toContain(`error (${code})`);
    const json = await cli(...args, "--json");
    expect(JSON.parse(json.out).error.code).toBe(code);
  });

  test("a file of which nothing can be kept is no success, and is named; the others are imported all the same", async () => {
    const backwards = span(4, { traceId: "4".repeat(32), endTimeUnixNano: "5" });
    await writeFile(join(folder, "backwards.json"), JSON.stringify(otlp([backwards])));
    await writeFile(join(folder, "fine.json"), JSON.stringify(otlp([span(5, { traceId: "5".repeat(32) })])));
    const ended = await cli("import", "backwards.json", "fine.json", "--json");
    expect([ended.code, ended.err]).toEqual([1, "backwards.json: every span was rejected.\n"]);
    const counts = JSON.parse(ended.out).files.map(({ read, stored }: Record<string, number>) => [read, stored]);
    expect(counts).toEqual([
      [1, 0],
      [1, 1],
    ]);
    expect((await cli("import", "fine.json")).code).toBe(0);
  });

  test("a truncated file stores nothing", async () => {
    await writeFile(
      join(folder, "cut.json"),
      JSON.stringify(otlp([span(1, { traceId: "1".repeat(32) })])).slice(0, -5),
    );
    const ended = await cli("import", "cut.json");
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining("cut.json")]);
    expect((await cli("traces", "show", "1".repeat(32))).code).toBe(2);
  });

  test("a store that is no database is named", async () => {
    await writeFile(join(folder, "text.db"), "no database at all, but long enough to be looked at".repeat(40));
    const ended = await cli("traces", "search", "--db", "text.db");
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining("text.db")]);
  });

  test("a store that is not there, or of another kind, is not taken for an empty one", async () => {
    const typo = await cli("traces", "search", "--db", "typo.db");
    expect([typo.code, typo.err]).toEqual([2, expect.stringContaining("typo.db")]);
    expect((await cli("traces", "search", "--db", "mysql://x/y")).err).toContain("error (usage)");
    expect(await readdir(folder)).not.toContain("typo.db");
  });

  test("a target that no span is of is named, with those that there are", async () => {
    const ended = await cli("analyze", "--since", "2025-11-20T00:00:00Z", "--target", "shp");
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining("The window holds shop")]);
  });

  test("analyze on an empty window says so", async () => {
    expect((await cli("analyze", "--since", "-1s")).out).toContain("No traces in this window");
  });
});

describe("proxy", () => {
  test("an SDK client notices nothing, and every call is in the store", async () => {
    const db = join(folder, "proxy.db");
    const args = [resolve("bin/whetstone.js"), "proxy", "--service", "sample", "--db", db, "--", "node", "server.mjs"];
    const client = new Client({ name: "test", version: "1" });
    await client.connect(
      new StdioClientTransport({ command: process.execPath, args, cwd: project.root, stderr: "inherit" }),
    );
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["work", "fail", "stamp"]);
    const results = await Promise.all([1, 2, 3].map((n) => client.callTool({ name: "work", arguments: { n } })));
    expect(results).toHaveLength(3);
    expect((await client.callTool({ name: "fail", arguments: {} })).isError).toBe(true);
    await client.close();
    const found = JSON.parse(
      (await cli("traces", "search", "--db", db, "--attr", "mcp.method.name=tools/call", "--json")).out,
    );
    expect(found).toMatchObject({ total: 4 });
    const failed = JSON.parse((await cli("traces", "search", "--db", db, "--status", "error", "--json")).out);
    expect(failed.traces.map(({ rootOperation }: { rootOperation: string }) => rootOperation)).toEqual([
      "tools/call fail",
    ]);
  });

  test("passes exit codes and bytes through, also without a store", async () => {
    const odd =
      "process.stdin.on('data', d => process.stdout.write(d)); process.stdin.on('end', () => { process.stderr.write('bye'); process.exitCode = 7; });";
    const input = '{"jsonrpc":"2.0","id":1,"result":{}}\r\nno json at all\n\nlast line without end';
    const ended = await whetstone(["proxy", "--db", join(folder, "trace.json", "x.db"), "--", "node", "-e", odd], {
      cwd: folder,
      input,
    });
    expect([ended.code, ended.out]).toEqual([7, input]);
    expect(ended.err).toContain("bye");
  });

  test("a program that does not exist is said, not hung on", async () => {
    const ended = await whetstone(["proxy", "--", "no-such-program"], { cwd: folder });
    expect([ended.code, ended.out]).toEqual([1, ""]);
    expect(ended.err).toContain("no-such-program");
  });
});
