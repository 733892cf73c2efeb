import { describe, expect, test } from "@jest/globals";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pendingMigrations, readMigrations } from "../../src/store/migrations.ts";
import { temporaryPaths } from "./folder.ts";

const path = temporaryPaths();

async function packageWith(names: readonly string[]): Promise<string> {
  const folder = path("package");
  await mkdir(join(folder, "sql", "sqlite"), { recursive: true });
  for (const name of names) await writeFile(join(folder, "sql", "sqlite", name), `-- ${name}`);
  return folder;
}

describe("migrations", () => {
  test("are the numbered files of the folder, in order; other files are left alone", async () => {
    const folder = await packageWith(["000002.sql", "000001.sql", "README.md"]);
    expect(await readMigrations("sqlite", folder)).toEqual([
      { version: 1, sql: "-- 000001.sql" },
      { version: 2, sql: "-- 000002.sql" },
    ]);
  });

  test.each([[[]], [["000002.sql"]], [["000001.sql", "000003.sql"]], [["1.sql"]], [["000001.sql", "000001-b.sql"]]])(
    "%j is not a list of migrations",
    async (names) => {
      await expect(readMigrations("sqlite", await packageWith(names))).rejects.toMatchObject({ code: "defect" });
    },
  );

  test("the package has as many for PostgreSQL as for SQLite", async () => {
    const [sqlite, postgres] = [await readMigrations("sqlite"), await readMigrations("postgres")];
    expect(sqlite.length).toBeGreaterThan(0);
    expect(postgres.map(({ version }) => version)).toEqual(sqlite.map(({ version }) => version));
  });

  test("those after the store's version are pending; a newer store is refused", () => {
    const all = [1, 2, 3].map((version) => ({ version, sql: "" }));
    expect(pendingMigrations(all, 0, "s")).toEqual(all);
    expect(pendingMigrations(all, 2, "s")).toEqual([all[2]]);
    expect(pendingMigrations(all, 3, "s")).toEqual([]);
    expect(() => pendingMigrations(all, 4, "s")).toThrow(expect.objectContaining({ code: "store_open_failed" }));
  });
});
