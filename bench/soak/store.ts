import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderTable } from "../../src/cli/table.ts";
import { soakStore } from "./store-run.ts";

// `npm run soak:store [-- SECONDS]`: eight writers and four readers on one SQLite file for a minute. Exit code 1 when an
// error reached one of them, a row was lost, or the rollups count other spans than the store holds.
const seconds = Number(process.argv[2] ?? 60);
const folder = mkdtempSync(join(tmpdir(), "whetstone-soak-"));
try {
  const path = join(folder, "store.db");
  const result = await soakStore({ path, writers: 8, readers: 4, seconds, batches: Infinity });
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  const [stored, held, rolledUp] = [sum(result.stored), sum(result.held), sum(result.rolledUp)];
  process.stdout.write(
    renderTable(
      ["what", "measured"],
      [
        ["spans acknowledged", `${stored} (${Math.round(stored / seconds)} per second)`],
        ["spans in the store, in the rollups", `${held}, ${rolledUp}`],
        ["rounds of readers", `${result.rounds}`],
        [
          "slowest append, slowest round",
          `${result.slowestWriteMs.toFixed(0)} ms, ${result.slowestReadMs.toFixed(0)} ms`,
        ],
        ["errors that reached a caller", `${result.errors.length} ${result.errors[0] ?? ""}`],
        ["integrity", result.integrity],
      ],
    ),
  );
  const isWhole = [result.held, result.rolledUp].every((counts) => counts.join() === result.stored.join());
  if (!isWhole || result.errors.length > 0 || result.integrity !== "ok") process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
