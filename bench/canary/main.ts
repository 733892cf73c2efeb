import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { CELLS, QUICK_CELLS, type Cell } from "./cells.ts";
import type { CellResult, Sizes } from "./run-cell.ts";
import { brokenBounds, tableOf } from "./table.ts";

/**
 * `npm run bench:canary`: simulated canaries, looked at every minute, judged by this project's judge and beside it by
 * Kayenta's, by Fisher's test at each look and by a fixed threshold. Fixed seeds: the same table in every run. Ends with 1
 * when a bound is broken. `--quick` shows the cells at 10 + 10 calls a minute, 200 canaries each; `--runs N` sets the canaries of a cell, `--others N` those of them that the other judges see, `--only TEXT`
 * takes the cells whose name holds the text.
 */
const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    others: { type: "string" },
    only: { type: "string", default: "" },
  },
});
const runs = Number(values.runs ?? (values.quick ? 200 : 2_000));
const sizes: Sizes = { runs, others: Math.min(runs, Number(values.others ?? 200)) };
const cells = (values.quick ? QUICK_CELLS : CELLS).filter(({ name }) => name.includes(values.only));

/** Simulates all cells in as many threads as there are cores; the costly cells first. */
async function simulate(): Promise<CellResult[]> {
  const cost = ({ perMinute, minutes, kind }: Cell): number => perMinute * minutes * (kind === "harm" ? 0.2 : 1);
  const open = cells.toSorted((a, b) => cost(b) - cost(a));
  const found = new Map<string, CellResult>();
  const work = async (): Promise<void> => {
    await using worker = new Worker(new URL("./worker.ts", import.meta.url));
    for (let cell = open.shift(); cell !== undefined; cell = open.shift()) {
      found.set(cell.name, await ask(worker, cell));
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${found.size} of ${cells.length} cells`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  return cells.flatMap(({ name }) => found.get(name) ?? []);
}

function ask(worker: Worker, cell: Cell): Promise<CellResult> {
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (result: CellResult) => {
      worker.off("error", reject);
      resolve(result);
    });
    worker.postMessage({ cell, sizes });
  });
}

const results = await simulate();
process.stdout.write(tableOf(results));
process.stdout.write(
  `\n${runs} canaries a cell (${sizes.others} for the other judges, up to the horizon of 60 or 30 min), alpha = beta = 0.05.\n`,
);
const broken = brokenBounds(results);
for (const line of broken) process.stdout.write(`BROKEN ${line}\n`);
if (broken.length === 0) process.stdout.write("Every bound holds.\n");
process.exitCode = broken.length > 0 ? 1 : 0;
