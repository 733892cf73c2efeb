import { describe, expect, test } from "@jest/globals";
import pg from "pg";
import type { SpanStore } from "../../src/store/port.ts";
import { openPostgresStore } from "../../src/store/postgres.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { freshDatabase, postgresUrl } from "../support/postgres.ts";
import { temporaryPaths } from "./folder.ts";
import { span, spanId, traceId } from "./spans.ts";

const path = temporaryPaths();
const onServer = postgresUrl === undefined ? test.skip : test;

const WRITERS = 4;
const BATCHES = 15;
const PER_BATCH = 3;

async function write(store: SpanStore, writer: number): Promise<void> {
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const numbers = Array.from({ length: PER_BATCH }, (_, n) => (writer * BATCHES + batch) * PER_BATCH + n);
    // Traces are shared, so that writers meet.
    await store.append(numbers.map((n) => span({ traceId: traceId(n % 7), spanId: spanId(n) })));
  }
}

/** Follows while writers write; every span must come once. */
async function followWriters(writers: readonly SpanStore[], reader: SpanStore): Promise<void> {
  let { cursor } = await reader.arrivals({ limit: 1 });
  const seen: string[] = [];
  const written = Promise.all(writers.map(write));
  while (seen.length < WRITERS * BATCHES * PER_BATCH) {
    const page = await reader.arrivals({ limit: 5, cursor });
    seen.push(...page.arrivals.map((one) => one.span.spanId));
    cursor = page.cursor;
    await new Promise(setImmediate);
  }
  await written;
  expect(new Set(seen).size).toBe(seen.length);
  expect((await reader.arrivals({ limit: 5, cursor })).arrivals).toEqual([]);
}

describe("following several writers", () => {
  test("of one SQLite file", async () => {
    const file = path("shared.db");
    await using stack = new AsyncDisposableStack();
    const open = async () => stack.use(await openSqliteStore({ path: file }));
    const reader = await open();
    await followWriters(await Promise.all(Array.from({ length: WRITERS }, open)), reader);
  });

  onServer("of one PostgreSQL database", async () => {
    const { url, drop } = await freshDatabase(postgresUrl ?? "");
    {
      await using stack = new AsyncDisposableStack();
      const open = async () => stack.use(await openPostgresStore({ url }));
      const reader = await open();
      await followWriters(await Promise.all(Array.from({ length: WRITERS }, open)), reader);
    }
    await drop();
  });

  onServer(
    "what is stored while an older transaction is open comes when that has ended, before what it may yet write",
    async () => {
      const { url, drop } = await freshDatabase(postgresUrl ?? "");
      const older = new pg.Client({ connectionString: url });
      {
        await using store = await openPostgresStore({ url });
        await older.connect();
        await older.query("BEGIN; SELECT pg_current_xact_id()");
        const { cursor } = await store.arrivals({ limit: 1 });
        await store.append([span()]);
        expect((await store.arrivals({ limit: 9, cursor })).arrivals).toEqual([]);
        await older.query("COMMIT");
        let found: readonly unknown[] = [];
        while (found.length === 0) found = (await store.arrivals({ limit: 9, cursor })).arrivals;
        expect(found).toHaveLength(1);
      }
      await older.end();
      await drop();
    },
  );
});
