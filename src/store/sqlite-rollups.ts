import type { DatabaseSync } from "node:sqlite";
import { sketchCount } from "../stats/sketch.ts";
import type { RollupDelta } from "./rollup.ts";
import { addEncodedSketch, encodeSketch } from "./sketch-bytes.ts";
import type { Interner } from "./sqlite-intern.ts";
import { encodeText } from "./text.ts";

/**
 * Adds deltas to the rollups of a database; belongs inside the transaction that writes their spans. The deltas' sketches
 * become the sums.
 */
export function rollupWriter(db: DatabaseSync, refs: Interner): (deltas: readonly RollupDelta<bigint>[]) => void {
  const key = "width = ? AND slot = ? AND operation_ref = ? AND status = ? AND error_ref = ?";
  const find = db.prepare(`SELECT sketch FROM rollups WHERE ${key}`);
  const add = db.prepare("INSERT INTO rollups VALUES (?, ?, ?, ?, ?, ?, ?)");
  const update = db.prepare(`UPDATE rollups SET spans = ?, sketch = ? WHERE ${key}`);
  return (deltas) => {
    for (const { width, operation, slot, status, errorType, sketch } of deltas) {
      const error = errorType === undefined ? 0n : refs.errorType(encodeText(errorType));
      const values = [width, slot, operation, status, error] as const;
      const known = find.get(...values)?.["sketch"] as Uint8Array | undefined;
      if (known) {
        addEncodedSketch(sketch, known);
        update.run(sketchCount(sketch), encodeSketch(sketch), ...values);
      } else add.run(...values, sketchCount(sketch), encodeSketch(sketch));
    }
  };
}
