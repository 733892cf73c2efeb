import { once } from "node:events";
import { writeSync } from "node:fs";
import { openSqliteStore } from "../../../src/store/sqlite.ts";
import { numberedBatch } from "../spans.ts";

// Opens the store, prints `ready` and waits for a line. Then appends numbered batches until one fails: prints `<n>` when
// batch n is acknowledged, and the error at last. Arguments: path, first batch, number of batches.
const [path = "", first = "0", count = "0"] = process.argv.slice(2);
const store = await openSqliteStore({ path });
writeSync(1, "ready\n");
await once(process.stdin, "data");
try {
  for (let n = Number(first); n < Number(first) + Number(count); n += 1) {
    await store.append(numberedBatch(n));
    writeSync(1, `${n}\n`);
  }
} catch (thrown) {
  const { code, remedy } = thrown as { code?: string; remedy?: string };
  writeSync(1, `${JSON.stringify({ code, remedy, message: String(thrown) })}\n`);
}
await store[Symbol.asyncDispose]();
process.stdin.destroy();
