import { describe, expect, jest, test } from "@jest/globals";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { startChild } from "./child.ts";
import { temporaryPaths } from "./folder.ts";
import { allPages, allSpans, naiveSpans, naiveTraces } from "./naive.ts";
import { numberedBatch } from "./spans.ts";

const path = temporaryPaths();

// Up to twenty processes start on however few cores there are.
jest.setTimeout(120_000);

function integrity(file: string): unknown {
  const db = new DatabaseSync(file);
  try {
    return db.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
  } finally {
    db.close();
  }
}

/** Checks that the store holds exactly the batches `numbers`, totals of traces included. */
async function expectBatches(file: string, numbers: readonly number[]): Promise<void> {
  await using store = await openSqliteStore({ path: file });
  const spans = numbers.flatMap(numberedBatch);
  expect(await allSpans(store)).toEqual(naiveSpans(spans));
  expect((await allPages(store, {}, 1_000)).traces).toEqual(naiveTraces(spans));
}

const numbersOf = (lines: readonly string[]): number[] => lines.filter((line) => /^\d+$/.test(line)).map(Number);

describe("SQLite under several processes", () => {
  test("twenty processes that open a new store at one moment all succeed", async () => {
    const file = path();
    const children = Array.from({ length: 20 }, () => startChild("open.ts", [file]));
    for (const child of children) await child.printed(1);
    for (const child of children) child.tell("go");
    for (const child of children) await child.ended;
    expect(children.map(({ lines }) => lines)).toEqual(children.map(() => ["ready", "opened"]));
    expect(integrity(file)).toBe("ok");
  });

  test("processes that write to the same traces at once wait for each other and lose nothing", async () => {
    const file = path();
    const children = [0, 1, 2].map((n) => startChild("append.ts", [file, String(n * 100), "100"]));
    for (const child of children) await child.printed(1);
    for (const child of children) child.tell("go");
    await using store = await openSqliteStore({ path: file });
    const own = Array.from({ length: 20 }, (_, n) => 300 + n);
    for (const n of own) {
      await store.append(numberedBatch(n));
      // Lets the children's output in: an append itself does not yield.
      await new Promise(setImmediate);
    }
    for (const child of children) await child.ended;
    const done = children.flatMap(({ lines }) => numbersOf(lines));
    expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, n) => n));
    await expectBatches(file, [...done, ...own]);
  });

  test("every acknowledged span is there after kill -9", async () => {
    const file = path();
    const kept: number[] = [];
    for (const [round, after] of [1, 4, 9, 17].entries()) {
      const first = round * 1_000;
      const child = startChild("append.ts", [file, String(first), "1000"]);
      child.tell("go");
      // One line says that it is ready.
      await child.printed(after + 1);
      child.kill();
      await child.ended;
      const acknowledged = numbersOf(child.lines);
      expect(acknowledged.length).toBeGreaterThanOrEqual(after);
      expect(integrity(file)).toBe("ok");
      // The batch after the last acknowledged one may have been committed before its line was written: all or nothing.
      const next = first + acknowledged.length;
      await using store = await openSqliteStore({ path: file });
      const extra = (await store.search({ attributes: { batch: String(next) } }, { limit: 1 })).traces.length > 0;
      kept.push(...acknowledged, ...(extra ? [next] : []));
    }
    await expectBatches(file, kept);
  });

  test("a full disk fails the batch that does not fit, keeps all before it, and the store goes on afterwards", async () => {
    const file = path();
    const child = startChild("append.ts", [file, "0", "1000"], 2_000);
    child.tell("go");
    await child.ended;
    const stored = numbersOf(child.lines);
    expect(stored.length).toBeGreaterThan(3);
    const failure = JSON.parse(child.lines.at(-1) ?? "") as { code: string; remedy: string; message: string };
    expect(failure).toMatchObject({ code: "store_write_failed", remedy: expect.stringContaining("disk") });
    expect(failure.message).toContain(file);
    expect(integrity(file)).toBe("ok");
    await expectBatches(file, stored);
    const again = startChild("append.ts", [file, String(stored.length), "2"]);
    again.tell("go");
    await again.ended;
    await expectBatches(file, [...stored, ...numbersOf(again.lines)]);
    expect(numbersOf(again.lines)).toHaveLength(2);
  });

  test("a disk that is full when the store is created is named, and a later open succeeds", async () => {
    const file = path();
    const child = startChild("open.ts", [file], 4);
    child.tell("go");
    await child.ended;
    expect(JSON.parse(child.lines.at(-1) ?? "")).toMatchObject({
      code: "store_open_failed",
      message: expect.stringContaining(file),
      remedy: expect.stringContaining("disk"),
    });
    await expectBatches(file, []);
  });
});
