import { once } from "node:events";
import { openSqliteStore } from "../../src/store/sqlite.ts";

// Asks everything that a store answers, over and over, until standard input ends; prints how often, and what failed.
const [path = ""] = process.argv.slice(2);
await using store = await openSqliteStore({ path });
process.stdout.write("ready\n");
await once(process.stdin, "data");
let isOver = false;
process.stdin.on("end", () => (isOver = true));
const done = { rounds: 0, slowestMs: 0 };
const errors: string[] = [];
do {
  const begun = performance.now();
  try {
    await ask();
  } catch (error) {
    errors.push(String(error));
  }
  done.rounds += 1;
  done.slowestMs = Math.max(done.slowestMs, performance.now() - begun);
  await new Promise(setImmediate);
} while (!isOver);
process.stdout.write(`${JSON.stringify({ ...done, errors })}\n`);

async function ask(): Promise<void> {
  const { traces } = await store.search({ service: "writer-0" }, { limit: 20 });
  for (const { traceId, spans } of traces.slice(0, 3)) {
    const found = await store.trace(traceId);
    // Spans may have come since the search; none may be missing.
    if (found.length < spans) throw new Error(`trace ${traceId} has ${found.length} of ${spans} spans`);
  }
  const { operations } = await store.operations({ sinceNs: 0n, untilNs: 2n ** 62n });
  if (traces.length > 0 && operations.length === 0) throw new Error("there are traces without operations");
  for await (const batch of store.spans({ status: "error" })) if (batch.length > 0) break;
}
