import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readMigrations } from "../../src/store/migrations.ts";
import type { SpanStore } from "../../src/store/port.ts";
import { openPostgresStore } from "../../src/store/postgres.ts";
import { execute, freshDatabase, postgresUrl } from "../support/postgres.ts";
import {
  allPages,
  allRollups,
  allSpans,
  expectReport,
  naiveRollups,
  naiveSpans,
  naiveTraces,
  sortedRollups,
} from "./naive.ts";
import { EMPTY_TABLES } from "./harness.ts";
import { backToFirstPostgres } from "./old-schema.ts";
import { numberedBatch, span, spanId, traceId } from "./spans.ts";

const onServer = postgresUrl === undefined ? describe.skip : describe;

onServer("PostgreSQL with several clients and faults", () => {
  let url = "";
  let drop = async (): Promise<void> => undefined;
  beforeAll(async () => {
    ({ url, drop } = await freshDatabase(postgresUrl ?? ""));
  });
  afterAll(() => drop());

  const open = async (count: number): Promise<AsyncDisposableStack & { stores: readonly SpanStore[] }> => {
    const stack = new AsyncDisposableStack();
    const stores = await Promise.all(Array.from({ length: count }, () => openPostgresStore({ url })));
    for (const store of stores) stack.use(store);
    return Object.assign(stack, { stores });
  };
  const empty = () => execute(url, EMPTY_TABLES);

  test("twenty clients that open a new database at one moment all succeed", async () => {
    await using opened = await open(20);
    expect(await Promise.all(opened.stores.map((store) => allSpans(store)))).toEqual(Array(20).fill([]));
  });

  test("clients that write to the same traces at once lose nothing and agree on roots", async () => {
    await using opened = await open(4);
    await empty();
    // Every batch brings an earlier parentless span to a shared trace, so that each append changes the root.
    const batches = Array.from({ length: 40 }, (_, n) => [
      ...numberedBatch(n),
      span({ traceId: traceId(n % 3), spanId: spanId(90_000 + n), startNs: BigInt(1_000 - n), name: `root ${n}` }),
    ]);
    await Promise.all(
      batches.map(async (batch, n) => opened.stores[n % 4]?.append(n % 2 === 0 ? batch : batch.toReversed())),
    );
    const spans = batches.flat();
    for (const store of opened.stores) {
      expect(await allSpans(store)).toEqual(naiveSpans(spans));
      expect((await allPages(store, {}, 1_000)).traces).toEqual(naiveTraces(spans));
    }
  });

  test("the same spans from several clients at once are stored once", async () => {
    await using opened = await open(4);
    await empty();
    const results = await Promise.all(opened.stores.map((store) => store.append(numberedBatch(1))));
    expect(results.reduce((sum, { stored }) => sum + stored, 0)).toBe(40);
    expect(results.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(120);
  });

  test("a write that fails half-way keeps nothing, and the store goes on when the fault is gone", async () => {
    await using opened = await open(1);
    const [store] = opened.stores as [SpanStore];
    await empty();
    await execute(url, "ALTER TABLE whetstone.spans ADD CONSTRAINT fault CHECK (duration_ns <> 666)");
    const batch = [span({ name: "new" }), span({ spanId: spanId(1), durationNs: 666 })];
    await expect(store.append(batch)).rejects.toMatchObject({ code: "store_write_failed" });
    expect(await allSpans(store)).toEqual([]);
    expect((await store.search({}, { limit: 1 })).total).toBe(0);
    await execute(url, "ALTER TABLE whetstone.spans DROP CONSTRAINT fault");
    expect(await store.append(batch)).toEqual({ stored: 2, duplicates: 0 });
  });

  test("connections that the server ends while they are idle are replaced", async () => {
    await using opened = await open(1);
    const [store] = opened.stores as [SpanStore];
    await empty();
    await execute(
      url,
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'whetstone' AND datname = current_database()",
    );
    // The first query may still meet a connection whose end has not been noticed: it fails with its code.
    const first = await store.search({}, { limit: 1 }).then(
      () => "ok",
      (thrown: { code?: string }) => thrown.code,
    );
    expect(["ok", "store_read_failed"]).toContain(first);
    expect(await store.append([span()])).toEqual({ stored: 1, duplicates: 0 });
  });

  test("clients that write at once to the same rollups lose no count", async () => {
    await using opened = await open(4);
    await empty();
    const batches = Array.from({ length: 24 }, (_, n) =>
      numberedBatch(n).map((one, at) => ({
        ...one,
        startNs: BigInt((n + at) % 5) * 3_600_000_000_000n,
        name: `op ${at % 3}`,
      })),
    );
    await Promise.all(batches.map(async (batch, n) => opened.stores[n % 4]?.append(batch.toReversed())));
    const always = { sinceNs: 0n, untilNs: 2n ** 62n };
    for (const store of opened.stores) expectReport(await store.operations(always), batches.flat(), always);
  });

  test("traces and rollups that are removed while clients write to them lose no span that is written afterwards", async () => {
    await using opened = await open(4);
    const [pruner, ...writers] = opened.stores as [SpanStore, ...SpanStore[]];
    await empty();
    const batches = Array.from({ length: 60 }, (_, n) => numberedBatch(n));
    let isOver = false;
    const pruning = (async () => {
      let spans = 0;
      while (!isOver) {
        spans += (await pruner.prune({ kind: "plain", beforeNs: 2n ** 63n })).spans;
        await pruner.prune({ kind: "rollups", beforeNs: 2n ** 63n });
      }
      return spans;
    })();
    const written = await Promise.all(
      writers.map(async (writer, n) => {
        let stored = 0;
        for (const batch of batches.filter((_, at) => at % 3 === n)) stored += (await writer.append(batch)).stored;
        return stored;
      }),
    );
    isOver = true;
    const removed = await pruning;
    expect(written.reduce((a, b) => a + b)).toBe(60 * 40);
    const left = await allSpans(pruner);
    expect(left.length).toBe(60 * 40 - removed);
    expect((await allPages(pruner, {}, 1_000)).traces).toEqual(naiveTraces(left));
  });

  test("a store from before there were rollups gets those of the spans that it holds", async () => {
    const sampled = span({ traceId: traceId(61), attributes: { "whetstone.sample_weight": 7 } });
    const spans = [...numberedBatch(1), span({ status: "error", attributes: { "error.type": "timeout" } }), sampled];
    {
      await using opened = await open(1);
      await empty();
      await opened.stores[0]?.append(spans);
    }
    await backToFirstPostgres(url);
    await using opened = await open(2);
    const always = { sinceNs: 0n, untilNs: 2n ** 62n };
    for (const store of opened.stores) {
      expect(sortedRollups(await allRollups(store, always))).toEqual(naiveRollups(spans, always));
    }
  });

  test("a user without the right to create opens a store that is up to date", async () => {
    await using _opened = await open(1);
    const role = `reader_${process.pid}_${Math.random().toString(36).slice(2)}`;
    await execute(
      url,
      `CREATE ROLE ${role} LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA whetstone TO ${role};
      GRANT SELECT ON ALL TABLES IN SCHEMA whetstone TO ${role}`,
    );
    const theirs = new URL(url);
    theirs.username = role;
    theirs.password = "p";
    {
      await using store = await openPostgresStore({ url: theirs.href });
      await store.search({}, { limit: 1 });
      await expect(store.append([span({ traceId: traceId(9) })])).rejects.toMatchObject({
        code: "store_write_failed",
        remedy: expect.stringContaining("right"),
      });
    }
    await execute(url, `DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  test("a newer schema is refused, and reading a damaged one fails with its code", async () => {
    await using opened = await open(1);
    const newest = (await readMigrations("postgres")).length;
    await execute(url, "UPDATE whetstone.schema_version SET version = 999");
    await expect(openPostgresStore({ url })).rejects.toMatchObject({
      code: "store_open_failed",
      message: expect.stringContaining("999"),
      remedy: expect.stringContaining("Update"),
    });
    await execute(
      url,
      `UPDATE whetstone.schema_version SET version = ${newest}; ALTER TABLE whetstone.spans RENAME TO gone`,
    );
    await expect(opened.stores[0]?.trace(traceId(0))).rejects.toMatchObject({ code: "store_read_failed" });
    await execute(url, "ALTER TABLE whetstone.gone RENAME TO spans");
  });

  test("a wrong password and a missing database are refused without the password in any text", async () => {
    const wrong = new URL(url);
    wrong.password = "hunter2";
    const missing = new URL(url);
    missing.pathname = "/no_such_database";
    for (const bad of [wrong, missing]) {
      const thrown = await openPostgresStore({ url: bad.href }).catch((error: unknown) => error);
      expect(thrown).toMatchObject({ code: "store_open_failed", message: expect.stringContaining(bad.host) });
      expect((thrown as { remedy?: string }).remedy).toMatch(/password|database/);
      expect(String((thrown as Error).stack)).not.toMatch(/hunter2|whetstone:/);
    }
  });
});

describe("PostgreSQL that is not there", () => {
  test.each(["postgres://user:hunter2@127.0.0.1:1/db", "postgres://user:hunter2@:::/db"])(
    "%s is refused without its password",
    async (url) => {
      const thrown = await openPostgresStore({ url }).catch((error: unknown) => error);
      expect(thrown).toMatchObject({ code: "store_open_failed", remedy: expect.any(String) });
      expect(String((thrown as Error).message)).not.toContain("hunter2");
    },
  );
});
