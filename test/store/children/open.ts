import { writeSync } from "node:fs";
import { once } from "node:events";
import { openSqliteStore } from "../../../src/store/sqlite.ts";

// Opens the store when a line arrives on stdin, so that many children can open it at one moment; prints how it went.
writeSync(1, "ready\n");
await once(process.stdin, "data");
try {
  await using _store = await openSqliteStore({ path: process.argv[2] ?? "" });
  writeSync(1, "opened\n");
} catch (thrown) {
  const { code, remedy } = thrown as { code?: string; remedy?: string };
  writeSync(1, `${JSON.stringify({ code, remedy, message: String(thrown) })}\n`);
}
process.stdin.destroy();
