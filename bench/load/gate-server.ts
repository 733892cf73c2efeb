import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { once } from "node:events";
import { startAppServer } from "../../src/app/server.ts";
import { openWorkQueue } from "../../src/app/work/open.ts";
import { gateLooks } from "../../src/capture/gate-looks.ts";
import { countingThread } from "../../src/cli/run/counting-thread.ts";
import { keepYoungGeneration } from "../../src/cli/run/steady-heap.ts";
import { CanarySettings } from "../../src/config/schema.ts";
import { openStore } from "../../src/store/open.ts";
import { GATE_DAY_MS } from "./gate-calls.ts";

/**
 * `gate-server PATH floor`: reads the spans of a store once. `gate-server PATH look`: listens for deliveries, which it puts
 * into the queue of the same file, and on a line of standard input looks at a gate of the whole day, and again ten minutes
 * later. Prints a line of JSON for each; ends when its input does.
 */
keepYoungGeneration();
const [path = "", what = ""] = process.argv.slice(2);
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const say = (facts: object): void => void process.stdout.write(`${JSON.stringify(facts)}\n`);
/** Largest resident memory of this process so far, MB. */
const peakMb = (): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? NaN) / 1_024;

await using store = await openStore({ url: path });
if (what === "floor") {
  const begun = performance.now();
  let spans = 0;
  for await (const batch of store.spans({ service: "notes" })) spans += batch.length;
  say({ spans, ms: performance.now() - begun, peakMb: peakMb() });
} else {
  await serveAndLook();
}

async function serveAndLook(): Promise<void> {
  await using queue = await openWorkQueue({ url: path });
  await using thread = countingThread();
  const looks = gateLooks(store, thread.count);
  const server = await startAppServer({ host: "127.0.0.1", port: 0, patienceMs: 1_000, onError: () => undefined });
  server.ready(async (request, response, body) => {
    const [id, now] = [String(request.headers["x-github-delivery"]), Date.now()];
    await queue.add({ id, event: "ping", key: "o/r", payload: body, receivedAt: now, notBefore: now + DAY_MS });
    response.writeHead(202).end();
  });
  say({ url: server.url, peakMb: peakMb() });
  const ended = once(process.stdin, "end");
  await once(process.stdin, "data");
  const startedMs = GATE_DAY_MS + HOUR_MS;
  const rules = { settings: CanarySettings.parse({}), look: { weight: null, minimumCalls: 20, startedMs } };
  for (const nowMs of [GATE_DAY_MS + DAY_MS - 600_000, GATE_DAY_MS + DAY_MS]) {
    const loop = monitorEventLoopDelay({ resolution: 5 });
    loop.enable();
    const begun = performance.now();
    const window = { target: "notes", sha: "a".repeat(40), startedMs, beforeMs: HOUR_MS, nowMs };
    const { verdict } = await looks.look({ id: "bench", window, rules });
    const ms = performance.now() - begun;
    loop.disable();
    const blocked = { p99: loop.percentile(99) / 1e6, longest: loop.max / 1e6 };
    say({ ms, blocked, peakMb: peakMb(), verdict: verdict.verdict, calls: verdict.calls });
  }
  // Deliveries go on until the other side has ended its part.
  await ended;
  await server.stop();
}
