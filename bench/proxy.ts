import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { renderTable } from "../src/cli/table.ts";
import { overHttp, overStdio, processes, type Party, type Processes } from "./load/mcp-call.ts";

/**
 * What the proxy adds to a call, on stdio and HTTP, with the store that is the default: latency of calls one after the
 * other, and calls per second with many at a time. All ways take turns in one run, so that they meet the same machine.
 * Beside the direct way stands the least that anything between can be: a process that passes bytes on and looks at
 * nothing. Servers: one that does nothing shows the proxy's own limits, and on few processors most of all that client,
 * proxy and server share them; one of the SDK; one that computes for a millisecond, as a call that does something.
 * The goals are those for stdio.
 */
const ROUNDS = 10;
const AT_A_TIME = 32;
const SETTLE_MS = 2_000;

/** How many calls a round makes: one after the other, and many at a time. */
type Load = { readonly calls: number; readonly burst: number };
const LIGHT: Load = { calls: 1_000, burst: 4_000 };
const WORK: Load = { calls: 100, burst: 320 };

type Ways = { readonly direct: Party; readonly floor: Party; readonly proxied: Party };
type Way = keyof Ways;
const WAYS = ["direct", "floor", "proxied"] as const;

let nextId = 0;

async function oneByOne({ call }: Party, calls: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let n = 0; n < calls; n += 1) {
    nextId += 1;
    const begun = performance.now();
    await call(nextId);
    latencies.push(performance.now() - begun);
  }
  return latencies;
}

/** Calls per second, and processor time of the called process per call, µs. */
async function manyAtATime({ call, cpuMs }: Party, burst: number) {
  const [begun, cpu] = [performance.now(), cpuMs()];
  const lane = async (): Promise<void> => {
    for (let n = 0; n < burst / AT_A_TIME; n += 1) {
      nextId += 1;
      await call(nextId);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  const rate = (burst / (performance.now() - begun)) * 1_000;
  return { rate, cpuUs: (((cpuMs() ?? Number.NaN) - (cpu ?? Number.NaN)) / burst) * 1_000 };
}

type Measured = { readonly latencies: number[]; readonly rates: number[]; readonly cpuUs: number[] };

async function compare(ways: Ways, { calls, burst }: Load): Promise<Readonly<Record<Way, Measured>>> {
  const begin = (): Measured => ({ latencies: [], rates: [], cpuUs: [] });
  const measured = { direct: begin(), floor: begin(), proxied: begin() };
  for (const way of WAYS) await manyAtATime(ways[way], burst); // compiles what is measured
  await delay(SETTLE_MS); // the spans of that are written
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const way of WAYS) measured[way].latencies.push(...(await oneByOne(ways[way], calls)));
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const way of WAYS) {
      const { rate, cpuUs } = await manyAtATime(ways[way], burst);
      measured[way].rates.push(rate);
      measured[way].cpuUs.push(cpuUs);
    }
  }
  return measured;
}

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;

const ms = (value: number): string => `${value.toFixed(3)} ms`;
const signed = (value: number, text: string): string => `${value < 0 ? "−" : "+"} ${text}`;

function rowsOf(name: string, { direct, floor, proxied }: Readonly<Record<Way, Measured>>): string[][] {
  const latency = ([0.5, 0.99] as const).map((share) => {
    const [before, least, after] = [direct, floor, proxied].map(({ latencies }) => quantile(latencies, share)) as [
      number,
      number,
      number,
    ];
    const added = signed(after - before, ms(Math.abs(after - before)));
    return [`${name}: p${share * 100}`, ms(before), ms(least), ms(after), added, share === 0.5 ? "0.5 ms" : "2 ms"];
  });
  const rates = [direct, floor, proxied].map(({ rates: all }) => quantile(all, 0.5));
  const change = ((rates[2] ?? 0) / (rates[0] ?? 1) - 1) * 100;
  const cost = signed(change, `${Math.abs(change).toFixed(0)} %`);
  const cpu = [floor, proxied].map(({ cpuUs }) => `${mean(cpuUs).toFixed(1)} µs`);
  return [
    ...latency,
    [`${name}: calls/s, ${AT_A_TIME} at a time`, ...rates.map((rate) => rate.toFixed(0)), cost, "− 10 %"],
    [`${name}: processor time a call`, "", ...cpu, "", ""],
  ];
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

const folder = mkdtempSync(join(tmpdir(), "whetstone-bench-proxy-"));
const echo = resolve("bench/load/echo-server.ts");
const proxy = (name: string): string[] => [resolve("bin/whetstone.js"), "proxy", "--db", join(folder, `${name}.db`)];

const stdio = (started: Processes, mode: string): Ways => ({
  direct: overStdio(started, [echo, mode]),
  floor: overStdio(started, [echo, "pipe", mode]),
  proxied: overStdio(started, [...proxy(mode), "--", process.execPath, echo, mode]),
});

async function http(started: Processes): Promise<Ways> {
  const direct = await overHttp(started, [echo, "http"], AT_A_TIME);
  const url = `http://127.0.0.1:${direct.port}/mcp`;
  const floor = await overHttp(started, [echo, "bare", url], AT_A_TIME);
  const args = [...proxy("http"), "--json", "--listen", "0", "--upstream", url];
  return { direct, floor, proxied: await overHttp(started, args, AT_A_TIME) };
}

/** In processes of its own, ended before the next, lest what they have still to write holds others up. */
async function bench(
  name: string,
  load: Load,
  ways: (started: Processes) => Ways | Promise<Ways>,
): Promise<string[][]> {
  await using started = processes(folder);
  return rowsOf(name, await compare(await ways(started), load));
}

try {
  const rows = [
    ...(await bench("stdio, a server that does nothing", LIGHT, (started) => stdio(started, "stdio"))),
    ...(await bench("stdio, a server of the SDK", LIGHT, (started) => stdio(started, "sdk"))),
    ...(await bench("stdio, 1 ms of work a call", WORK, (started) => stdio(started, "work"))),
    ...(await bench("HTTP, a server that does nothing", LIGHT, http)),
  ];
  const head = ["call", "direct", "bare pipe or proxy", "through the proxy", "added", "goal"];
  process.stdout.write(renderTable(head, rows));
} finally {
  rmSync(folder, { recursive: true });
}
