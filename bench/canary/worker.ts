import { parentPort } from "node:worker_threads";
import type { Cell } from "./cells.ts";
import { runCell, type Sizes } from "./run-cell.ts";

/** Simulates one cell after the other, as the main thread hands them out. */
parentPort?.on("message", ({ cell, sizes }: { cell: Cell; sizes: Sizes }) => {
  parentPort?.postMessage(runCell(cell, sizes));
});
