import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { renderTable } from "../src/cli/table.ts";
import type { Span } from "../src/model/span.ts";
import type { SpanFilter, SpanStore } from "../src/store/port.ts";
import { toRow, toSharedRow } from "../src/store/row.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";
import { loadTrace, SPANS_PER_TRACE } from "./load/spans.ts";

// `npm run bench store`, or `node bench/store.ts SPANS`: the SQLite store with so many spans of ten attributes over a day
// (default 400,000; the aims are for 10,000,000). Rates stand beside the floor of the engine: the same rows in a table
// without keys and indexes, batch by batch in the same run.
const SPANS = Number(process.argv[2] ?? 400_000);
const BATCH = 2_000;
const DAY_NS = 86_400_000_000_000n;
const LOAD = { traces: SPANS / SPANS_PER_TRACE, spreadNs: DAY_NS };
const folder = mkdtempSync(join(tmpdir(), "whetstone-bench-"));
const path = join(folder, "store.db");
const rows: string[][] = [];

/** Inserts rows as the store encodes them, and nothing else. */
function openFloor(): (spans: readonly Span[]) => void {
  const db = new DatabaseSync(join(folder, "floor.db"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000");
  db.exec("CREATE TABLE spans (a, b, c, d, e, f, g, h, i, j, k, l)");
  const insert = db.prepare(`INSERT INTO spans VALUES (${Array(12).fill("?").join(", ")})`);
  return (spans) => {
    db.exec("BEGIN IMMEDIATE");
    for (const span of spans) {
      const row = toRow(span);
      const { service, name } = toSharedRow(span);
      const own = [row.spanId, row.parentSpanId, row.kind, row.startNs, row.durationNs, row.status, row.statusMessage];
      insert.run(...own, row.attributes, row.events, row.links, service, name);
    }
    db.exec("COMMIT");
  };
}

async function fill(store: SpanStore): Promise<void> {
  const floor = openFloor();
  let [storeMs, floorMs, batch] = [0, 0, [] as Span[]];
  for (let trace = 0; trace < LOAD.traces; trace += 1) {
    batch.push(...loadTrace(trace, LOAD));
    if (batch.length < BATCH && trace < LOAD.traces - 1) continue;
    const begun = performance.now();
    floor(batch);
    const between = performance.now();
    await store.append(batch);
    floorMs += between - begun;
    storeMs += performance.now() - between;
    batch = [];
  }
  const rate = (ms: number): string => `${Math.round((SPANS / ms) * 1_000)} spans/s`;
  rows.push(["append, rollups included", rate(storeMs), "", `${(storeMs / floorMs).toFixed(2)} × the floor's time`]);
  rows.push(["floor: the same rows, no key, no index", rate(floorMs), "", ""]);
  const { usedBytes = 0 } = await store.extent();
  rows.push(["on disk", `${Math.round(usedBytes / SPANS)} B/span`, "450 B/span", ""]);
  const rss = process.memoryUsage.rss() / 1e6;
  rows.push(["resident memory, the load's own included", `${Math.round(rss)} MB`, "256 MB", ""]);
}

/** How often a question is asked, and what its time is to be. */
type Question = { readonly aim?: string; readonly runs: number; readonly ask: (n: number) => Promise<unknown> };

async function time(what: string, { aim = "", runs, ask }: Question): Promise<void> {
  const times: number[] = [];
  for (let n = 0; n < runs; n += 1) {
    const begun = performance.now();
    await ask(n);
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  const at = (q: number): string => (times[Math.floor(q * (runs - 1))] ?? 0).toFixed(2);
  rows.push([what, `p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)} ms`, aim, ""]);
}

async function ask(store: SpanStore): Promise<void> {
  const newest = await store.search({}, { limit: 1_000 });
  const ids = newest.traces.map(({ traceId }) => traceId);
  const byId = (n: number) => store.trace(ids[(n * 37) % ids.length] ?? "");
  const services = ["notes", "index", "mail", "calendar"] as const;
  const search = (filter: SpanFilter) => (n: number) =>
    store.search({ service: services[n % 4] ?? "", ...filter }, { limit: 20 });
  const sinceNs = (newest.traces[0]?.startNs ?? 0n) - DAY_NS + DAY_NS / 50n;
  await time("trace by id", { aim: "p95 2 ms", runs: 500, ask: byId });
  const slow = { minDurationNs: 2e7 };
  const latest = { aim: "p95 25 ms", runs: 60 };
  await time("latest 20 by service, error, duration", { ...latest, ask: search({ status: "error", ...slow }) });
  await time("latest 20 by service, unset, duration", { ...latest, ask: search({ status: "unset", ...slow }) });
  await time("latest 20 by error.type", { runs: 20, ask: search({ attributes: { "error.type": "timeout" } }) });
  await time("none, by attribute", { runs: 3, ask: search({ attributes: { "user.tier": "9" } }) });
  const day = () => store.operations({ sinceNs, untilNs: sinceNs + DAY_NS });
  await time("operations of 24 h", { aim: "p95 50 ms", runs: 40, ask: day });
  const writer = spawn(process.execPath, [join(import.meta.dirname, "soak/store-writer.ts"), path, "0", "600", "300"]);
  await once(writer.stdout, "data");
  writer.stdin.write("go\n");
  await time("trace by id while another process appends", { aim: "p99 10 ms", runs: 2_000, ask: byId });
  writer.kill();
}

try {
  await using store = await openSqliteStore({ path });
  await fill(store);
  await ask(store);
  process.stdout.write(renderTable(["what", "measured", "aim", "beside"], rows));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
