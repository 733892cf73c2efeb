import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "@jest/globals";
import { checkIntegrity } from "../../src/store/sqlite-check.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { temporaryPaths } from "./folder.ts";
import { numberedBatch } from "./spans.ts";

const path = temporaryPaths();

async function newStore(): Promise<string> {
  const file = path();
  await using store = await openSqliteStore({ path: file });
  await store.append(Array.from({ length: 30 }, (_, n) => numberedBatch(n)).flat());
  return file;
}

function change(file: string, sql: string): void {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  db.exec(sql);
  db.close();
}

describe("the check of a store", () => {
  test("counts the traces of a whole one, and leaves it as it is", async () => {
    const file = await newStore();
    expect(checkIntegrity(file)).toEqual({ traces: 50 });
    await using store = await openSqliteStore({ path: file });
    expect(await store.append(numberedBatch(0))).toEqual({ stored: 0, duplicates: 40 });
  });

  test.each([
    ["DELETE FROM traces WHERE ref = 3", /a row of spans refers to nothing/],
    ["DELETE FROM operations", /refers to nothing/],
    ["UPDATE traces SET root_operation = 999 WHERE ref = 1", /a row of traces refers to nothing/],
  ])("names what %s did", async (sql, fault) => {
    const file = await newStore();
    change(file, sql);
    expect(() => checkIntegrity(file)).toThrow(
      expect.objectContaining({
        code: "store_read_failed",
        message: expect.stringMatching(fault),
        remedy: expect.any(String),
      }),
    );
  });

  test("names a file that is damaged, no database or not there", async () => {
    const damaged = await newStore();
    await writeFile(damaged, (await readFile(damaged)).fill(0xee, 40_960, 200_000));
    const text = path();
    await mkdir(dirname(text), { recursive: true });
    await writeFile(text, "no database".repeat(1_000));
    for (const file of [damaged, text, path()]) {
      expect(() => checkIntegrity(file)).toThrow(
        expect.objectContaining({ code: "store_read_failed", message: expect.stringContaining(file) }),
      );
    }
  });
});
