import { parseInstant } from "../model/time.ts";
import { checkFilter, type LedgerFilter } from "../protect/ledger-query.ts";
import type { LedgerFilterOptions } from "./commands/audit.ts";

/** Reads the flags that choose records. `now`: ns since the Unix epoch. @throws WhetstoneError `usage` */
export function ledgerFilter(options: LedgerFilterOptions, now: bigint): LedgerFilter {
  const micros = (text: string | undefined): number | undefined => {
    // A time between two microseconds: the first record that is not before it.
    return text === undefined ? undefined : Number((parseInstant(text, now) + 999n) / 1_000n);
  };
  const filter: LedgerFilter = {
    actor: options.actor,
    operation: options.operation,
    target: options.target,
    sinceMicros: micros(options.since),
    untilMicros: micros(options.until),
    reason: options.reason,
    decision: options.decision,
  };
  checkFilter(filter);
  return filter;
}
