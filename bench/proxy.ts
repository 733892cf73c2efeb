import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { Readable, Writable } from "node:stream";
import { renderTable } from "../src/cli/table.ts";

/**
 * What the proxy adds to a call, on stdio and HTTP, with the store that is the default: latency of calls one after the
 * other, and calls per second with many at a time. Direct and proxied calls take turns in one run, so that both meet
 * the same machine. The server that does nothing shows the proxy's own limits; beside it stand a server of the SDK and,
 * for HTTP, the least that a proxy on node:http can be. The goals are those for stdio.
 */
const ROUNDS = 10;
const CALLS = 1_000;
const BURST = 4_000;
const AT_A_TIME = 32;
const SETTLE_MS = 1_000;

const folder = mkdtempSync(join(tmpdir(), "whetstone-bench-proxy-"));
const echo = resolve("bench/load/echo-server.ts");
/** With a store of its own, lest what one has still to write hold up another. */
const whetstone = (name: string): string[] => [
  resolve("bin/whetstone.js"),
  "proxy",
  "--db",
  join(folder, `${name}.db`),
];
const children: ChildProcessByStdio<Writable, Readable, null>[] = [];

/** Sends one call and resolves with its answer. */
type Call = (id: number) => Promise<void>;

function start(args: readonly string[]): ChildProcessByStdio<Writable, Readable, null> {
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"], cwd: folder });
  children.push(child);
  return child;
}

const message = (id: number): string =>
  JSON.stringify({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: { name: "search", arguments: { query: "sharp" } },
  });

function overStdio(args: readonly string[]): Call {
  const child = start(args);
  const waiting = new Map<number, () => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id } = JSON.parse(line) as { id: number };
    waiting.get(id)?.();
    waiting.delete(id);
  });
  return (id) =>
    new Promise((done) => {
      waiting.set(id, done);
      child.stdin.write(`${message(id)}\n`);
    });
}

async function portOf(args: readonly string[]): Promise<number> {
  const [line] = (await once(createInterface({ input: start(args).stdout }), "line")) as [string];
  return (JSON.parse(line) as { port: number }).port;
}

function overHttp(port: number): Call {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_A_TIME });
  return (id) =>
    new Promise((done, fail) => {
      const body = message(id);
      const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
      const outgoing = httpRequest(
        { agent, host: "127.0.0.1", port, method: "POST", path: "/mcp", headers },
        (answer) => {
          answer.resume().on("end", done);
        },
      );
      outgoing.on("error", fail).end(body);
    });
}

let nextId = 0;

async function oneByOne(call: Call, into: number[]): Promise<void> {
  for (let n = 0; n < CALLS; n += 1) {
    nextId += 1;
    const begun = performance.now();
    await call(nextId);
    into.push(performance.now() - begun);
  }
}

/** Calls per second. */
async function manyAtATime(call: Call): Promise<number> {
  const begun = performance.now();
  const lane = async (): Promise<void> => {
    for (let n = 0; n < BURST / AT_A_TIME; n += 1) {
      nextId += 1;
      await call(nextId);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  return (BURST / (performance.now() - begun)) * 1_000;
}

type Measured = { readonly latencies: number[]; readonly rates: number[] };

async function compare(direct: Call, proxied: Call): Promise<readonly [Measured, Measured]> {
  const begin = (call: Call): Measured & { readonly call: Call } => ({ call, latencies: [], rates: [] });
  const measured = [begin(direct), begin(proxied)] as const;
  for (const { call } of measured) await manyAtATime(call); // compiles what is measured
  await delay(SETTLE_MS); // the spans of that are written
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { call, latencies } of measured) await oneByOne(call, latencies);
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { call, rates } of measured) rates.push(await manyAtATime(call));
  }
  return measured;
}

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;

function rowsOf(name: string, [direct, proxied]: readonly [Measured, Measured]): string[][] {
  const latency = ([0.5, 0.99] as const).map((share) => {
    const [before, after] = [quantile(direct.latencies, share), quantile(proxied.latencies, share)];
    const goal = share === 0.5 ? "0.5 ms" : "2 ms";
    return [`${name}: p${share * 100}`, ms(before), ms(after), `+ ${ms(after - before)}`, goal];
  });
  const [before, after] = [quantile(direct.rates, 0.5), quantile(proxied.rates, 0.5)];
  const cost = `− ${((1 - after / before) * 100).toFixed(0)} %`;
  return [
    ...latency,
    [`${name}: calls/s, ${AT_A_TIME} at a time`, before.toFixed(0), after.toFixed(0), cost, "− 10 %"],
  ];
}

const ms = (value: number): string => `${value.toFixed(3)} ms`;

try {
  const wrap = (mode: string): string[] => [...whetstone(mode), "--", process.execPath, echo, mode];
  const stdio = await compare(overStdio([echo, "stdio"]), overStdio(wrap("stdio")));
  const sdk = await compare(overStdio([echo, "sdk"]), overStdio(wrap("sdk")));
  const upstream = await portOf([echo, "http"]);
  const url = `http://127.0.0.1:${upstream}/mcp`;
  const proxied = await portOf([...whetstone("http"), "--json", "--listen", "0", "--upstream", url]);
  const http = await compare(overHttp(upstream), overHttp(proxied));
  const floor = await compare(overHttp(upstream), overHttp(await portOf([echo, "bare", url])));
  const rows = [
    ...rowsOf("stdio, a server that does nothing", stdio),
    ...rowsOf("stdio, a server of the SDK", sdk),
    ...rowsOf("HTTP, a server that does nothing", http),
    ...rowsOf("HTTP, the same behind a bare node:http proxy", floor),
  ];
  process.stdout.write(renderTable(["call", "direct", "through the proxy", "added", "goal"], rows));
} finally {
  const ended = children.filter(({ exitCode }) => exitCode === null).map((child) => once(child, "exit"));
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(ended);
  rmSync(folder, { recursive: true });
}
