import { execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { startCollector } from "../src/capture/collect/start.ts";
import { BATCH_ITEMS } from "../src/capture/collect/group-commit.ts";
import { decodeOtlpProtobuf } from "../src/capture/otlp/decode-protobuf.ts";
import { renderTable } from "../src/cli/table.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";
import { otlpRequests, REQUEST_SPANS } from "./load/otlp.ts";

/**
 * The receiver end to end, protobuf to durable rows: one process receives, another one sends 512 spans with ten
 * attributes per request over eight connections. The floors run in turn with it: what HTTP alone takes, decoding alone,
 * and inserting alone. Every round begins with an empty store. Medians over the rounds.
 */
const ROUNDS = 3;
const SPANS = Math.ceil(Number(process.argv[2] ?? 60_000) / REQUEST_SPANS) * REQUEST_SPANS;

type Measure = { readonly spansPerSecond: number; readonly cpuMicros: number };

const folder = mkdtempSync(join(tmpdir(), "whetstone-bench-"));
let files = 0;
const freshStore = () => openSqliteStore({ path: join(folder, `${(files += 1)}.db`) });

/** CPU of this process, µs per span, and spans per second of wall time. */
async function measure(work: () => Promise<number> | number): Promise<Measure> {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const ms = (await work()) || performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  return { spansPerSecond: (SPANS / ms) * 1_000, cpuMicros: (user + system) / SPANS };
}

/** Sends every request from another process and measures from its first to its last answer. */
async function load(mode: "protobuf" | "gzip" | "grpc", address: string, part: number): Promise<Measure> {
  const sender = fork(join(import.meta.dirname, "load/send-otlp.ts"), [mode, address, String(SPANS), String(part)]);
  await once(sender, "message");
  return measure(async () => {
    const report = once(sender, "message") as Promise<[{ taken: number; requests: number; ms: number }]>;
    sender.send("go");
    const [{ taken, requests, ms }] = await report;
    if (taken !== requests) throw new Error(`${requests - taken} of ${requests} requests were not taken`);
    return ms;
  });
}

async function httpOnly(part: number): Promise<Measure> {
  const server = createServer((request, response) => {
    request.resume().once("end", () => response.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const measured = await load("protobuf", `http://127.0.0.1:${(server.address() as AddressInfo).port}`, part);
  server.close();
  server.closeAllConnections();
  return measured;
}

async function collector(mode: "protobuf" | "gzip" | "grpc", keep: "memory" | "store", part: number): Promise<Measure> {
  await using store = keep === "store" ? await freshStore() : undefined;
  await using running = await startCollector({
    host: "127.0.0.1",
    port: 0,
    ...(mode === "grpc" && { grpcPort: 0 }),
    onSpans: store?.append ?? (async (spans) => ({ stored: spans.length, duplicates: 0 })),
    clock: { monotonicMs: () => performance.now() },
  });
  const measured = await load(mode, (mode === "grpc" ? running.grpcUrl : running.url) ?? "", part);
  const { stored } = running.totals();
  if (stored !== SPANS) throw new Error(`${stored} of ${SPANS} spans were stored`);
  return measured;
}

async function insertOnly(part: number): Promise<Measure> {
  const spans = otlpRequests(SPANS, part).flatMap((body) => decodeOtlpProtobuf(body).spans);
  await using store = await freshStore();
  return await measure(async () => {
    for (let from = 0; from < spans.length; from += BATCH_ITEMS)
      await store.append(spans.slice(from, from + BATCH_ITEMS));
    return 0;
  });
}

/** Resident memory of a `whetstone collect` of its own, bytes: highest of samples while it takes the spans in. */
async function memoryOfProcess(): Promise<number> {
  const args = ["collect", "--port", "0", "--json", "--db", join(folder, "process.db")];
  const child = spawn(process.execPath, [resolve("bin/whetstone.js"), ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "close");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { url } = JSON.parse(line) as { url: string };
  let highest = 0;
  const sample = setInterval(() => {
    const rss = Number(execFileSync("ps", ["-o", "rss=", "-p", String(child.pid)], { encoding: "utf8" })) * 1_024;
    highest = Math.max(highest, rss);
  }, 200);
  await load("protobuf", url, ROUNDS);
  clearInterval(sample);
  child.kill("SIGTERM");
  await ended;
  return highest;
}

function decodeOnly(part: number): Promise<Measure> {
  const bodies = otlpRequests(SPANS, part);
  return measure(() => {
    for (const body of bodies) decodeOtlpProtobuf(body);
    return 0;
  });
}

const CASES: Readonly<Record<string, (part: number) => Promise<Measure>>> = {
  "floor: HTTP only": httpOnly,
  "floor: decode only": decodeOnly,
  "floor: insert only": insertOnly,
  "HTTP + decode, nothing stored": (part) => collector("protobuf", "memory", part),
  "end to end, HTTP protobuf": (part) => collector("protobuf", "store", part),
  "end to end, HTTP protobuf, gzip": (part) => collector("gzip", "store", part),
  "end to end, gRPC": (part) => collector("grpc", "store", part),
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

try {
  const results = new Map<string, Measure[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, run] of Object.entries(CASES))
      results.set(name, [...(results.get(name) ?? []), await run(round)]);
  }
  const speed = (name: string): number => median((results.get(name) ?? []).map((one) => one.spansPerSecond));
  const insert = speed("floor: insert only");
  const rows = [...results].map(([name, measures]) => [
    name,
    Math.round(speed(name)).toLocaleString("en"),
    median(measures.map((one) => one.cpuMicros)).toFixed(1),
    (speed(name) / insert).toFixed(2),
  ]);
  process.stdout.write(renderTable(["receiver", "spans/s", "CPU µs/span", "× insert only"], rows));
  const bytes = statSync(join(folder, `${files}.db`)).size;
  process.stdout.write(`${SPANS} spans a round, ${ROUNDS} rounds; ${Math.round(bytes / SPANS)} bytes/span on disk; `);
  const memory = Math.round((await memoryOfProcess()) / 1e6);
  process.stdout.write(`memory of a receiving process at most ${memory} MB (goal 256 MB).\n`);
} finally {
  rmSync(folder, { recursive: true });
}
