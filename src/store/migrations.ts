import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { WhetstoneError } from "../model/error.ts";

/** One numbered step of the schema. */
export type Migration = { readonly version: number; readonly sql: string };

/**
 * The migrations of a dialect, ascending: the files `sql/<dialect>/NNNNNN.sql` of the package. The folder is the list.
 * @throws WhetstoneError `defect` when a file name is not the next number.
 */
export async function readMigrations(
  dialect: "sqlite" | "postgres",
  packageFolder = findPackageFolder(),
): Promise<readonly Migration[]> {
  const folder = join(packageFolder, "sql", dialect);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  const expected = names.map((_, index) => `${String(index + 1).padStart(6, "0")}.sql`);
  if (names.length === 0 || names.join() !== expected.join()) {
    throw new WhetstoneError("defect", `Migrations in ${folder} are not numbered without gaps: ${names.join(", ")}.`);
  }
  return Promise.all(
    names.map(async (name, index) => ({ version: index + 1, sql: await readFile(join(folder, name), "utf8") })),
  );
}

/** Nearest folder above this file that holds the migrations: the same one from the sources and from a bundle. */
function findPackageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "sql", "sqlite"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new WhetstoneError("defect", "The folder sql/ of the package is missing.");
    folder = parent;
  }
  return folder;
}

/**
 * Migrations that a store at `version` still needs.
 * @throws WhetstoneError `store_open_failed` when the store is newer than the program.
 */
export function pendingMigrations(
  migrations: readonly Migration[],
  version: number,
  store: string,
): readonly Migration[] {
  const newest = migrations.at(-1)?.version ?? 0;
  if (version <= newest) return migrations.slice(version);
  throw new WhetstoneError("store_open_failed", `${store} has schema ${version}; this program knows up to ${newest}.`, {
    remedy: "Update Whetstone, or name another store with --db.",
    data: { version, newest },
  });
}
