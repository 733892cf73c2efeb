import { sha256 } from "../../src/protect/digest.ts";
import type { LedgerEntry } from "../../src/model/ledger.ts";

/** An entry that differs from the others by its number. */
export const entry = (number: number): LedgerEntry => ({
  actor: { type: "workflow", id: `run-${number}` },
  operation: "record",
  target: "notes",
  decision: number % 2 === 0 ? "allow" : "deny",
  reasonCode: "recorded",
  result: `outcome ${number}`,
  parametersDigest: sha256(String(number)),
  run: `r${number}`,
  ...(number % 3 === 0 ? { authorization: `a${number}` } : {}),
  ...(number % 5 === 0 ? { rollback: "git revert" } : {}),
});

/** The entries 1 to `count`. */
export const entries = (count: number): LedgerEntry[] => Array.from({ length: count }, (_, index) => entry(index + 1));
