import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { appendFile, copyFile, mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, jest, test } from "@jest/globals";
import { backupSqlite } from "../../src/store/sqlite-backup.ts";
import { restoreSqlite } from "../../src/store/sqlite-restore.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { startChild } from "./child.ts";
import { temporaryPaths } from "./folder.ts";
import { allPages, allRollups, allSpans, naiveRollups, naiveSpans, naiveTraces, sortedRollups } from "./naive.ts";
import { backToFirstSqlite } from "./old-schema.ts";
import { numberedBatch, span } from "./spans.ts";

const path = temporaryPaths();
jest.setTimeout(120_000);

const ALWAYS = { sinceNs: 0n, untilNs: 2n ** 62n };
const SPANS = Array.from({ length: 30 }, (_, n) => numberedBatch(n)).flat();

async function newStore(spans = SPANS): Promise<string> {
  const file = path();
  await using store = await openSqliteStore({ path: file });
  await store.append(spans);
  return file;
}

async function newBackup(): Promise<string> {
  const file = path("backup.db");
  await backupSqlite({ path: await newStore(), file });
  return file;
}

async function expectStore(file: string, spans = SPANS): Promise<void> {
  await using store = await openSqliteStore({ path: file });
  expect(await allSpans(store)).toEqual(naiveSpans(spans));
  expect((await allPages(store, {}, 1_000)).traces).toEqual(naiveTraces(spans));
  expect(sortedRollups(await allRollups(store, ALWAYS))).toEqual(naiveRollups(spans, ALWAYS));
}

const names = (file: string): string[] => readdirSync(dirname(file)).sort();

describe("a backup", () => {
  test("is one file that holds the store, and a checksum that sha256sum accepts", async () => {
    const store = await newStore();
    const file = path("deep/backup.db");
    const pages: { done: number; total: number }[] = [];
    const made = await backupSqlite({ path: store, file, onProgress: (at) => pages.push(at) });
    expect(made).toMatchObject({ traces: 50, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(names(file)).toEqual(["backup.db", "backup.db.sha256"]);
    expect((await readFile(file)).length).toBe(made.bytes);
    expect(execFileSync("sha256sum", ["-c", "backup.db.sha256"], { cwd: dirname(file) }).toString()).toContain("OK");
    for (const { done, total } of pages) expect(done).toBeLessThanOrEqual(total);
    await expectStore(file);
    await expectStore(store);
  });

  test("is of one moment while others write, and they are not held up", async () => {
    const store = path();
    const children = [0, 1].map((n) => startChild("append.ts", [store, String(n * 1_000), "150"]));
    for (const child of children) await child.printed(1);
    for (const child of children) child.tell("go");
    const backups: string[] = [];
    await children[0]?.printed(20);
    for (let n = 0; n < 3; n += 1) {
      backups.push(path("backup.db"));
      await backupSqlite({ path: store, file: backups.at(-1) ?? "" });
    }
    for (const child of children) await child.ended;
    const written = children.map(({ lines }) => lines.filter((line) => /^\d+$/.test(line)).map(Number));
    expect(written.map((lines) => lines.length)).toEqual([150, 150]);
    for (const file of backups) {
      await using copied = await openSqliteStore({ path: file });
      const batches = new Set((await allSpans(copied)).map(({ attributes }) => Number(attributes["batch"])));
      const held = written.flatMap((lines) => lines.filter((n) => batches.has(n)));
      expect(held).toHaveLength(batches.size);
      // Each writer's batches up to one, none missing between.
      for (const lines of written)
        expect(lines.filter((n) => batches.has(n))).toEqual(lines.slice(0, lines.filter((n) => batches.has(n)).length));
      await expectStore(file, held.flatMap(numberedBatch));
    }
  });

  test("replaces an older one only when told to", async () => {
    const file = await newBackup();
    const store = await newStore([span()]);
    await expect(backupSqlite({ path: store, file })).rejects.toMatchObject({
      code: "usage",
      remedy: expect.stringContaining("--force"),
    });
    await expectStore(file);
    const again = await newBackup();
    expect(await backupSqlite({ path: store, file: again, force: true })).toMatchObject({ traces: 1 });
    const target = path();
    await restoreSqlite({ file: again, path: target });
    await expectStore(target, [span()]);
  });

  test("can be made of a store of an older schema, which stays as it is", async () => {
    const store = await newStore();
    await backToFirstSqlite(store);
    const file = path("backup.db");
    await backupSqlite({ path: store, file });
    const after = new DatabaseSync(store);
    expect(after.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
    after.close();
    const target = path();
    await restoreSqlite({ file, path: target });
    await expectStore(target);
  });

  test("is not made of a damaged store, of what is no store, or where nothing can be written", async () => {
    const damaged = await newStore();
    const bytes = await readFile(damaged);
    await writeFile(damaged, bytes.fill(0xee, 40_960, 81_920));
    const file = path("backup.db");
    await mkdir(dirname(file), { recursive: true });
    await expect(backupSqlite({ path: damaged, file })).rejects.toMatchObject({ code: "store_read_failed" });
    const text = path("text");
    await mkdir(dirname(text), { recursive: true });
    await writeFile(text, "no database at all".repeat(100));
    await expect(backupSqlite({ path: text, file })).rejects.toMatchObject({ code: "store_open_failed" });
    await expect(backupSqlite({ path: path(), file })).rejects.toMatchObject({ code: "store_open_failed" });
    expect(names(file)).toEqual([]);
    const below = join(text, "backup.db");
    await expect(backupSqlite({ path: await newStore(), file: below })).rejects.toMatchObject({ code: "write_failed" });
  });
});

describe("restoring", () => {
  test("brings the store back, into a new place or over one that nobody uses", async () => {
    const file = await newBackup();
    const fresh = path("deep/store.db");
    expect(await restoreSqlite({ file, path: fresh })).toMatchObject({ traces: 50 });
    expect(names(fresh)).toEqual(["store.db"]);
    await expectStore(fresh);
    const other = await newStore([span()]);
    await expect(restoreSqlite({ file, path: other })).rejects.toMatchObject({
      code: "usage",
      remedy: expect.stringContaining("--force"),
    });
    await expectStore(other, [span()]);
    await restoreSqlite({ file, path: other, force: true });
    expect(names(other)).toEqual(["store.db"]);
    await expectStore(other);
  });

  test("over a store that a process left without closing takes nothing of its log along", async () => {
    const store = path();
    const child = startChild("append.ts", [store, "500", "1000"]);
    child.tell("go");
    await child.printed(10);
    child.kill();
    await child.ended;
    expect(names(store)).toContain("store.db-wal");
    await restoreSqlite({ file: await newBackup(), path: store, force: true });
    expect(names(store)).toEqual(["store.db"]);
    await expectStore(store);
  });

  test("over a store that is damaged beyond opening works", async () => {
    const store = path();
    await mkdir(dirname(store), { recursive: true });
    await writeFile(store, "SQLite format 3\0".padEnd(8_192, "x"));
    await writeFile(`${store}-wal`, "rest");
    await restoreSqlite({ file: await newBackup(), path: store, force: true });
    expect(names(store)).toEqual(["store.db"]);
    await expectStore(store);
  });

  test("over a store that is in use is refused, whoever uses it", async () => {
    const store = await newStore([span()]);
    const file = await newBackup();
    {
      await using user = await openSqliteStore({ path: store });
      await expect(restoreSqlite({ file, path: store, force: true })).rejects.toMatchObject({
        code: "store_open_failed",
        message: expect.stringContaining("another process"),
      });
      expect(await user.append([span()])).toEqual({ stored: 0, duplicates: 1 });
    }
    await expectStore(store, [span()]);
  });

  const spoil: [string, (file: string) => Promise<unknown>, string][] = [
    ["is missing", (file) => rm(file), "input_unreadable"],
    ["has no checksum", (file) => rm(`${file}.sha256`), "input_unreadable"],
    ["has an empty checksum", (file) => truncate(`${file}.sha256`), "input_unreadable"],
    ["was cut", (file) => truncate(file, 50_000), "input_unreadable"],
    ["was changed", (file) => appendFile(file, "x"), "input_unreadable"],
    ["is damaged, and was so when its checksum was made", damage, "store_read_failed"],
    ["is of a newer program", (file) => change(file, "PRAGMA user_version = 999"), "store_open_failed"],
    ["is of another program", (file) => change(file, "PRAGMA application_id = 7"), "store_open_failed"],
    [
      "has spans without their trace",
      (file) => change(file, "PRAGMA foreign_keys = OFF; DELETE FROM traces WHERE ref = 1"),
      "store_read_failed",
    ],
  ];
  test.each(spoil)("a backup that %s is refused, and the store stays", async (_, spoilIt, code) => {
    const file = await newBackup();
    await spoilIt(file);
    const store = await newStore([span()]);
    await expect(restoreSqlite({ file, path: store, force: true })).rejects.toMatchObject({ code });
    expect(names(store)).toEqual(["store.db"]);
    await expectStore(store, [span()]);
    const none = path();
    await mkdir(dirname(none), { recursive: true });
    await expect(restoreSqlite({ file, path: none })).rejects.toMatchObject({ code });
    expect(names(none)).toEqual([]);
  });
});

async function sumAnew(file: string): Promise<void> {
  await writeFile(`${file}.sha256`, execFileSync("sha256sum", [basename(file)], { cwd: dirname(file) }));
}

async function damage(file: string): Promise<void> {
  const bytes = await readFile(file);
  await writeFile(file, bytes.fill(0xee, 40_960, 81_920));
  await sumAnew(file);
}

async function change(file: string, sql: string): Promise<void> {
  await copyFile(file, `${file}.work`);
  const db = new DatabaseSync(`${file}.work`);
  db.exec(sql);
  db.close();
  await copyFile(`${file}.work`, file);
  await sumAnew(file);
}
