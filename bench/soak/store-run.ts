import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { serviceOf } from "./store-load.ts";

/** How many processes share a store, and for how long. */
export type Soak = {
  readonly path: string;
  readonly writers: number;
  readonly readers: number;
  readonly seconds: number;
  /** Most batches of a writer. */
  readonly batches: number;
};

/** What the processes were told, and what the store holds afterwards. */
export type SoakResult = {
  readonly stored: readonly number[];
  readonly held: readonly number[];
  readonly rolledUp: readonly number[];
  readonly rounds: number;
  readonly slowestWriteMs: number;
  readonly slowestReadMs: number;
  readonly errors: readonly string[];
  readonly integrity: string;
};

type Report = { stored?: number; rounds?: number; slowestMs: number; errors: string[] };

/** Runs writers and readers in processes of their own on one SQLite file, all starting at one moment. */
export async function soakStore({ path, writers, readers, seconds, batches }: Soak): Promise<SoakResult> {
  const writing = Array.from({ length: writers }, (_, n) => start("store-writer.ts", [path, n, seconds, batches]));
  const reading = Array.from({ length: readers }, () => start("store-reader.ts", [path]));
  for (const { line } of [...writing, ...reading]) await line();
  for (const { child } of [...writing, ...reading]) child.stdin.write("go\n");
  const written = await Promise.all(writing.map(async ({ line }) => JSON.parse(await line()) as Report));
  for (const { child } of reading) child.stdin.end();
  const read = await Promise.all(reading.map(async ({ line }) => JSON.parse(await line()) as Report));
  await Promise.all([...writing, ...reading].map(({ ended }) => ended));
  const slowest = (reports: readonly Report[]): number => Math.max(0, ...reports.map(({ slowestMs }) => slowestMs));
  return {
    stored: written.map(({ stored }) => stored ?? 0),
    ...(await contents(path, writers)),
    rounds: read.reduce((sum, { rounds }) => sum + (rounds ?? 0), 0),
    slowestWriteMs: slowest(written),
    slowestReadMs: slowest(read),
    errors: [...written, ...read].flatMap(({ errors }) => errors),
  };
}

function start(script: string, args: readonly (string | number)[]) {
  const file = new URL(script, import.meta.url).pathname;
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file, ...args.map(String)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value } = (await lines.next()) as { value: string | undefined };
    if (value === undefined) throw new Error(`${script} ended early`);
    return value;
  };
  return { child, line, ended: once(child, "exit") };
}

async function contents(path: string, writers: number) {
  await using store = await openSqliteStore({ path });
  const { operations } = await store.operations({ sinceNs: 0n, untilNs: 2n ** 62n });
  using db = new DatabaseSync(path, { readOnly: true });
  const rows = db
    .prepare("SELECT o.service, count(*) AS n FROM spans s JOIN operations o ON o.ref = s.operation_ref GROUP BY 1")
    .all();
  const services = Array.from({ length: writers }, (_, n) => serviceOf(n));
  const of = <T>(list: readonly T[], count: (one: T) => number): number =>
    list.reduce((sum, one) => sum + count(one), 0);
  return {
    held: services.map((name) =>
      of(
        rows.filter(({ service }) => service === name),
        ({ n }) => Number(n),
      ),
    ),
    rolledUp: services.map((name) =>
      of(
        operations.filter(({ service }) => service === name),
        ({ calls }) => calls,
      ),
    ),
    integrity: String(db.prepare("PRAGMA integrity_check").get()?.["integrity_check"]),
  };
}
