import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { temporaryFolder } from "../support/git-repository.ts";
import { run, stageRepository, toolPath } from "./staging.ts";

let staging: Awaited<ReturnType<typeof stageRepository>>;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  staging = await stageRepository();
  await run("npm", ["run", "--silent", "build"], { cwd: staging.path, env: toolPath });
  folder = await temporaryFolder();
  await mkdir(join(folder.path, "node_modules"));
  await symlink(staging.path, join(folder.path, "node_modules/whetstone"));
  await symlink(resolve("node_modules/@modelcontextprotocol"), join(folder.path, "node_modules/@modelcontextprotocol"));
}, 180_000);
afterAll(async () => {
  await staging[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Connects a client and a server in memory and calls a tool; prints the names of the patched functions. */
const PROGRAM = `
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { Protocol } from "@modelcontextprotocol/sdk/shared/protocol.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
const server = new McpServer({ name: "s", version: "1" });
server.registerTool("t", {}, () => ({ content: [] }));
const [near, far] = InMemoryTransport.createLinkedPair();
await server.connect(far);
const client = new Client({ name: "c", version: "1" });
await client.connect(near);
await client.callTool({ name: "t" });
console.log(Object.getOwnPropertySymbols(Protocol.prototype.connect).map(String).join());
await client.close();
`;

/** The environment in which the spans go to the log and nowhere else: nothing listens. */
const env = { ...toolPath, OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_METRICS_EXPORTER: "none" };

test("node --import whetstone/register patches the SDK of the program", async () => {
  await writeFile(join(folder.path, "program.mjs"), PROGRAM);
  const { stdout, stderr } = await run(process.execPath, ["--import", "whetstone/register", "program.mjs"], {
    cwd: folder.path,
    env,
  });
  expect(stdout).toBe("Symbol(whetstone.instrument.patched)\n");
  // initialize, its notification and the call, on both sides.
  expect(stderr).toContain("6 not exported");
}, 180_000);

test("whetstone/instrument does the same from inside, and exports what it promises", async () => {
  const program = `
    import * as library from "whetstone/instrument";
    const { counts, shutdown } = library.instrument();
    await import("./program.mjs");
    console.log(Object.keys(library).sort().join(), counts().waiting);
    await shutdown(1);
  `;
  await writeFile(join(folder.path, "program.mjs"), PROGRAM);
  await writeFile(join(folder.path, "inside.mjs"), program);
  const { stdout } = await run(process.execPath, ["inside.mjs"], { cwd: folder.path, env });
  expect(stdout.split("\n")).toEqual([
    "Symbol(whetstone.instrument.patched)",
    "MonitoringSpanProcessor,SAMPLE_WEIGHT,createInstrumentation,headSampler,instrument,tailSampler 6",
    "",
  ]);
}, 180_000);
