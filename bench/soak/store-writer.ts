import { once } from "node:events";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { batchOf } from "./store-load.ts";

// Appends batches for some seconds or up to a number of them, whichever ends first; prints what it was told was stored.
const [path = "", writer = "0", seconds = "1", batches = "1"] = process.argv.slice(2);
await using store = await openSqliteStore({ path });
process.stdout.write("ready\n");
await once(process.stdin, "data");
const until = performance.now() + Number(seconds) * 1_000;
const done = { batches: 0, stored: 0, slowestMs: 0 };
const errors: string[] = [];
while (performance.now() < until && done.batches < Number(batches)) {
  const begun = performance.now();
  try {
    done.stored += (await store.append(batchOf(Number(writer), done.batches))).stored;
  } catch (error) {
    errors.push(String(error));
  }
  done.batches += 1;
  done.slowestMs = Math.max(done.slowestMs, performance.now() - begun);
}
process.stdout.write(`${JSON.stringify({ ...done, errors })}\n`);
process.stdin.destroy();
