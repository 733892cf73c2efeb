import { DatabaseSync } from "node:sqlite";
import { WhetstoneError } from "../model/error.ts";
import { sqliteError } from "./sqlite-errors.ts";

/**
 * Checks every page, index and reference of a store; returns how many traces it holds.
 * @throws WhetstoneError `store_read_failed` naming the first fault
 */
export function checkIntegrity(path: string): { readonly traces: number } {
  const what = `The span store ${path} is damaged`;
  try {
    using db = new DatabaseSync(path, { readOnly: true });
    const fault = db.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
    const orphan = db.prepare("PRAGMA foreign_key_check").get();
    if (fault === "ok" && orphan === undefined) {
      return { traces: Number(db.prepare("SELECT count(*) AS n FROM traces").get()?.["n"]) };
    }
    const detail = fault === "ok" ? `a row of ${String(orphan?.["table"])} refers to nothing` : String(fault);
    throw new WhetstoneError("store_read_failed", `${what}: ${detail}.`, {
      remedy: "Restore an older backup, or import the traces into a new store.",
    });
  } catch (thrown) {
    throw sqliteError(thrown, { code: "store_read_failed", what });
  }
}
