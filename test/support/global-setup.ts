import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startPostgres, type PostgresServer } from "./postgres.ts";

/** What of Jest's global configuration is read here. */
type Run = { readonly rootDir: string; readonly testPathPatterns?: { readonly patterns?: readonly string[] } };

declare global {
  /** The server of this run, for `global-teardown.ts`. */
  var whetstonePostgres: PostgresServer | undefined;
}

/** Starts PostgreSQL once per run, if a test file of the run uses it. Jest demands a default export. */
export default async function globalSetup(run: Run): Promise<void> {
  if (!usesPostgres(run)) return;
  try {
    const server = await startPostgres();
    globalThis.whetstonePostgres = server;
    process.env["WHETSTONE_TEST_DATABASE_URL"] = server.url;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    process.stderr.write(`PostgreSQL tests NOT RUN: ${why.replaceAll(/\s+/g, " ")}\n`);
    if (process.env["CI"]) throw thrown;
  }
}

/** Whether a test file that the run's patterns select imports `support/postgres.ts`. */
function usesPostgres({ rootDir, testPathPatterns }: Run): boolean {
  const patterns = (testPathPatterns?.patterns ?? []).map((pattern) => new RegExp(pattern, "i"));
  return globSync("test/**/*.test.ts", { cwd: rootDir })
    .map((path) => join(rootDir, path))
    .filter((path) => patterns.length === 0 || patterns.some((pattern) => pattern.test(path)))
    .some((path) => readFileSync(path, "utf8").includes("support/postgres.ts"));
}
