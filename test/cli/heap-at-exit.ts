import { writeSync } from "node:fs";
import { getHeapSpaceStatistics } from "node:v8";
import { isMainThread } from "node:worker_threads";

// Loaded before a command and its threads: when the work of one is done, it makes objects of which much outlives a collection, and
// says on standard error how large the young generation has become, in bytes.
const youngBytes = (): number =>
  getHeapSpaceStatistics().find((space) => space.space_name === "new_space")?.space_size ?? 0;

process.once("exit", () => {
  const before = youngBytes();
  const kept: object[] = [];
  for (let count = 0; count < 5_000_000; count += 1) {
    kept.push({ count, text: String(count) });
    if (kept.length > 100_000) kept.splice(0, 50_000);
  }
  writeSync(2, `\nyoung ${JSON.stringify({ isMainThread, before, after: youngBytes() })}\n`);
});
