import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { renderTable } from "../src/cli/table.ts";
import { openStore } from "../src/store/open.ts";
import { spansOfTrace } from "./load/mcp-spans.ts";

/**
 * What a client of `whetstone mcp` on stdio waits for: from the start of the process to the answered handshake, the list
 * of tools, the first and the second call over a store of 1,000 traces; beside a bare Node process.
 */
const RUNS = 9;
const TRACES = 1_000;
const folder = mkdtempSync(join(tmpdir(), "whetstone-bench-"));
const bin = resolve("bin/whetstone.js");

const initialize = {
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "bench", version: "1" } },
};
const meta = {
  _meta: {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  },
};
const call = { method: "tools/call", params: { name: "detect_performance_issues", arguments: {} } };
const SCRIPTS: Readonly<Record<string, readonly object[]>> = {
  "handshake, revisions with initialize": [initialize],
  "handshake, stateless revision": [{ method: "server/discover", params: meta }],
  "then tools/list": [initialize, { method: "tools/list" }],
  "then the first call (1,000 traces analysed)": [initialize, call],
  "then the second call": [initialize, call, call],
};

/** Wall time in ms from the start of a server to its answer to each request, one after the other. */
async function measure(requests: readonly object[]): Promise<number[]> {
  const begun = performance.now();
  const child = spawn(process.execPath, [bin, "mcp"], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const times: number[] = [];
  for (const [id, request] of requests.entries()) {
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...request })}\n`);
    const { value } = await lines.next();
    const answer = JSON.parse(String(value)) as { error?: unknown; result?: { isError?: boolean } };
    if (answer.error !== undefined || answer.result?.isError === true) throw new Error(String(value));
    times.push(performance.now() - begun);
  }
  child.stdin.end();
  await once(child, "close");
  return times;
}

/** Wall time in ms of a Node process that does nothing. */
async function bareNode(): Promise<number> {
  const begun = performance.now();
  await once(spawn(process.execPath, ["-e", "0"]), "close");
  return performance.now() - begun;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

{
  await using store = await openStore({ url: join(folder, ".whetstone", "whetstone.db") });
  const now = BigInt(Date.now()) * 1_000_000n;
  await store.append(Array.from({ length: TRACES }, (_, n) => spansOfTrace(n, now)).flat());
}
const bare: number[] = [];
for (let run = 0; run < RUNS; run += 1) bare.push(await bareNode());
const rows = [["bare Node, start to end", `${median(bare).toFixed(0)} ms`, ""]];
for (const [name, requests] of Object.entries(SCRIPTS)) {
  const last: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const times = await measure(requests);
    last.push((times.at(-1) ?? 0) - (times.at(-2) ?? 0));
  }
  rows.push([name, `${median(last).toFixed(0)} ms`, name.startsWith("handshake") ? "500 ms" : "1000 ms"]);
}
rmSync(folder, { recursive: true });
process.stdout.write(renderTable(["from the answer before (first: from the start)", "median", "aim"], rows));
