import { describe, expect, test } from "@jest/globals";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { sqliteError } from "../../src/store/sqlite-errors.ts";
import { temporaryPaths } from "./folder.ts";
import { allRollups, allSpans, expectReport, naiveRollups, sortedRollups } from "./naive.ts";
import { backToFirstSqlite } from "./old-schema.ts";
import { numberedBatch, span, traceId } from "./spans.ts";

const path = temporaryPaths();

/** A file with this content. */
async function written(content: string | Uint8Array): Promise<string> {
  const file = path();
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

/** Runs SQL on a database file, creating it. */
async function withSql(file: string, sql: string): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
  return file;
}

async function newStore(): Promise<string> {
  const file = path();
  await using store = await openSqliteStore({ path: file });
  await store.append([span()]);
  return file;
}

describe("opening a SQLite store", () => {
  test("creates the folders above it and keeps what was stored", async () => {
    const file = path("a/b/c.db");
    for (const stored of [1, 0]) {
      await using store = await openSqliteStore({ path: file });
      expect(await store.append([span()])).toEqual({ stored, duplicates: 1 - stored });
    }
  });

  test("an empty file becomes a store, as a fresh one", async () => {
    await using store = await openSqliteStore({ path: await written("") });
    expect((await store.search({}, { limit: 1 })).total).toBe(0);
  });

  test.each<[string, string | Uint8Array]>([
    ["a short text", "not a database"],
    ["one byte", "x"],
    ["a long text", "timestamp,value\n".repeat(5_000)],
    ["bytes", new Uint8Array(4_096).fill(7)],
  ])("%s is refused and left as it is", async (_, content) => {
    const file = await written(content);
    await expect(openSqliteStore({ path: file })).rejects.toMatchObject({
      code: "store_open_failed",
      message: expect.stringContaining(file),
      remedy: expect.stringContaining("--db"),
    });
    expect(await readFile(file)).toEqual(Buffer.from(content));
  });

  test.each([
    "CREATE TABLE theirs (a)",
    "PRAGMA application_id = 7",
    "CREATE TABLE theirs (a); PRAGMA user_version = 1",
  ])("the database of another program (%s) is refused and left as it is", async (sql) => {
    const file = await withSql(path(), sql);
    const before = await readFile(file);
    await expect(openSqliteStore({ path: file })).rejects.toMatchObject({
      code: "store_open_failed",
      remedy: expect.stringContaining("not changed"),
    });
    expect(await readFile(file)).toEqual(before);
  });

  test.each([false, true])("a newer schema is refused with its version (readOnly %p)", async (readOnly) => {
    const file = await withSql(await newStore(), "PRAGMA user_version = 999");
    await expect(openSqliteStore({ path: file, readOnly })).rejects.toMatchObject({
      code: "store_open_failed",
      message: expect.stringContaining("999"),
      remedy: expect.stringContaining("Update"),
    });
  });

  test("a store from before there were rollups gets those of the spans that it holds", async () => {
    const spans = Array.from({ length: 3 }, (_, n) => numberedBatch(n)).flat();
    const failed = span({ traceId: traceId(60), status: "error", attributes: { "error.type": "timeout" } });
    const sampled = span({ traceId: traceId(61), attributes: { "whetstone.sample_weight": 7 } });
    const file = path();
    {
      await using store = await openSqliteStore({ path: file });
      await store.append([...spans, failed, sampled]);
    }
    await backToFirstSqlite(file);
    await using store = await openSqliteStore({ path: file });
    const always = { sinceNs: 0n, untilNs: 2n ** 62n };
    expect(sortedRollups(await allRollups(store, always))).toEqual(naiveRollups([...spans, failed, sampled], always));
    await store.append([...numberedBatch(2), ...numberedBatch(3)]);
    expectReport(await store.operations(always), [...spans, failed, sampled, ...numberedBatch(3)], always);
  });

  test("an older schema is refused for reading only", async () => {
    const file = await withSql(await newStore(), "PRAGMA user_version = 0");
    await expect(openSqliteStore({ path: file, readOnly: true })).rejects.toMatchObject({
      code: "store_open_failed",
      remedy: expect.stringContaining("writing"),
    });
  });

  test("a folder, and a path below a file, are refused", async () => {
    const file = await written("x");
    for (const wrong of [dirname(file), `${file}/store.db`]) {
      await expect(openSqliteStore({ path: wrong })).rejects.toMatchObject({ code: "store_open_failed" });
    }
  });
});

test("a folder that may not be made is told with what to look at", () => {
  const thrown = Object.assign(new Error("EACCES: permission denied, mkdir '/x'"), { code: "EACCES" });
  const told = sqliteError(thrown, { code: "store_open_failed", what: "The span store /x/a.db could not be opened" });
  expect(told).toMatchObject({
    message: "The span store /x/a.db could not be opened: this user has no permission for it.",
    remedy: "Check the permissions of the file and its folder.",
  });
});

describe("a SQLite store that is open", () => {
  test("read-only: reads what another connection writes, and refuses to write", async () => {
    const file = await newStore();
    await using writer = await openSqliteStore({ path: file });
    await using reader = await openSqliteStore({ path: file, readOnly: true });
    await writer.append(numberedBatch(1));
    expect(await allSpans(reader)).toEqual(await allSpans(writer));
    await expect(reader.append([span()])).rejects.toMatchObject({ code: "store_write_failed" });
  });

  test("read-only: a missing store is not created", async () => {
    const file = path();
    await expect(openSqliteStore({ path: file, readOnly: true })).rejects.toMatchObject({ code: "store_open_failed" });
    await expect(readFile(file)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a reader that pauses in one connection holds up no writer in another", async () => {
    const file = path();
    await using writer = await openSqliteStore({ path: file });
    await using reader = await openSqliteStore({ path: file });
    await writer.append(Array.from({ length: 30 }, (_, n) => numberedBatch(n)).flat());
    const stream = reader.spans({})[Symbol.asyncIterator]();
    expect((await stream.next()).value).toHaveLength(1_000);
    expect(await writer.append(numberedBatch(40))).toEqual({ stored: 40, duplicates: 0 });
    expect((await stream.next()).value).toHaveLength(240);
  });

  test("damage is reported as such when it is read", async () => {
    const file = path();
    {
      await using store = await openSqliteStore({ path: file });
      await store.append(Array.from({ length: 60 }, (_, n) => numberedBatch(n)).flat());
    }
    const bytes = await readFile(file);
    // After the pages that hold the schema and the roots of all tables and indexes.
    await writeFile(file, bytes.fill(0xee, 200_000, bytes.length - 4_096));
    await using store = await openSqliteStore({ path: file });
    await expect(allSpans(store)).rejects.toMatchObject({
      code: "store_read_failed",
      remedy: expect.stringContaining("damaged"),
    });
  });

  test("after closing, writing and reading fail with their codes; closing twice is allowed", async () => {
    const store = await openSqliteStore({ path: path() });
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await expect(store.append([span()])).rejects.toMatchObject({ code: "store_write_failed" });
    await expect(store.search({}, { limit: 1 })).rejects.toMatchObject({ code: "store_read_failed" });
  });
});
