import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { build } from "rolldown";
import { renderTable } from "../src/cli/table.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";
import { gateDay } from "./load/gate-calls.ts";

// `npm run bench -- gate`, or `node bench/gate.ts CALLS…`: one look at a gate whose canary has had so many calls in a day
// (default 10,000, 100,000 and 1,000,000), on SQLite, beside the floor: reading the same spans once and doing nothing. A server
// in the same process takes 50 deliveries a second into its queue meanwhile. Built as `npm run build` builds, since
// reading TypeScript takes memory that nobody who installed it spends.
const SIZES = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10_000, 100_000, 1_000_000];
const DELIVERY_MS = 20;
/** Below the dependencies, which it finds from there; `dist/` is written anew by every build. */
const OUT = mkdtempSync(resolve("node_modules/.bench-gate-"));

await build({
  cwd: process.cwd(),
  platform: "node",
  logLevel: "warn",
  input: { "run/gate-server": "bench/load/gate-server.ts", "gate-counter": "src/cli/gate-counter.ts" },
  external: (id) => !id.startsWith(".") && !id.startsWith("/"),
  output: { dir: OUT, format: "esm", entryFileNames: "[name].js", chunkFileNames: "chunks/[name]-[hash].js" },
});

type Look = { readonly ms: number; readonly blocked: { p99: number; longest: number }; readonly peakMb: number };
type Floor = { readonly ms: number; readonly peakMb: number };

function start(path: string, what: "floor" | "look") {
  const child = spawn(process.execPath, [join(OUT, "run/gate-server.js"), path, what], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`The server of the bench ended with ${child.exitCode}.`);
    return JSON.parse(value) as T;
  };
  return { child, next };
}

/** Delivers at a fixed rate until told to stop; how long each took to be acknowledged, ms. */
function deliver(url: string): { readonly stop: () => Promise<readonly number[]> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const [times, under]: [number[], Promise<void>[]] = [[], []];
  let [going, n] = [true, 0];
  const post = (id: number): Promise<void> => {
    const begun = performance.now();
    const { promise, resolve: ended, reject } = Promise.withResolvers<void>();
    const headers = { "x-github-delivery": `d-${id}`, "content-type": "application/json" };
    const sent = request(`${url}/api/github/webhooks`, { method: "POST", agent, headers }, (response) => {
      response.resume().once("end", () => {
        times.push(performance.now() - begun);
        if (response.statusCode === 202) ended();
        else reject(new Error(`A delivery was answered ${response.statusCode}.`));
      });
    });
    sent.once("error", reject).end(JSON.stringify({ action: "created", filler: "x".repeat(8_000) }));
    return promise;
  };
  const run = (async () => {
    for (const begun = performance.now(); going; n += 1) {
      const wait = begun + n * DELIVERY_MS - performance.now();
      if (wait > 0) await setTimeout(wait);
      under.push(post(n));
    }
  })();
  return {
    stop: async () => {
      going = false;
      await run;
      await Promise.all(under);
      agent.destroy();
      return times.toSorted((a, b) => a - b);
    },
  };
}

async function measure(calls: number, folder: string): Promise<string[]> {
  const path = join(folder, `${calls}.db`);
  {
    await using store = await openSqliteStore({ path });
    for (const batch of gateDay(calls, 2_000)) await store.append(batch);
  }
  const reading = start(path, "floor");
  const floor = await reading.next<Floor>();
  await once(reading.child, "exit");
  const looking = start(path, "look");
  const { url, peakMb } = await looking.next<{ readonly url: string; readonly peakMb: number }>();
  const deliveries = deliver(url);
  looking.child.stdin.write("go\n");
  const looks = [await looking.next<Look>(), await looking.next<Look>()] as const;
  const times = await deliveries.stop();
  looking.child.stdin.end();
  await once(looking.child, "exit");
  const [first, later] = looks;
  const at = (q: number): string => (times[Math.min(times.length - 1, Math.floor(q * times.length))] ?? NaN).toFixed(0);
  return [
    String(calls),
    `${floor.ms.toFixed(0)} ms, ${floor.peakMb.toFixed(0)} MB`,
    `${first.ms.toFixed(0)} ms (${(first.ms / floor.ms).toFixed(2)} ×)`,
    `${later.ms.toFixed(0)} ms (${(later.ms / floor.ms).toFixed(3)} ×)`,
    `${peakMb.toFixed(0)} → ${Math.max(first.peakMb, later.peakMb).toFixed(0)} MB`,
    `${first.blocked.p99.toFixed(0)}, ${Math.max(first.blocked.longest, later.blocked.longest).toFixed(0)} ms`,
    `${at(0.5)}, ${at(0.99)}, ${at(1)} ms of ${times.length}`,
  ];
}

const folder = mkdtempSync(join(tmpdir(), "whetstone-bench-"));
try {
  const rows: string[][] = [];
  for (const calls of SIZES) rows.push(await measure(calls, folder));
  const head = [
    "calls",
    "floor: read once",
    "first look",
    "look 10 min later",
    "memory before → peak",
    "loop held p99, longest",
    "acknowledged p50, p99, max",
  ];
  process.stdout.write(renderTable(head, rows));
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(OUT, { recursive: true, force: true });
}
