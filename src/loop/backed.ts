import type { StateView } from "../github/state-port.ts";
import { WhetstoneError } from "../model/error.ts";
import type { LedgerRecord } from "../model/ledger.ts";
import type { Outcome } from "../model/outcome.ts";
import { readLedger, verifyLedger } from "../protect/ledger.ts";
import { firstOutcomeOf } from "../learn/trials.ts";

/** Acts whose result is the status of an outcome. */
const ENDS = new Set(["loop.end", "record", "held"]);

/**
 * Numbers come from the ledger: verifies its chain, and that it tells of every outcome with the status that it has.
 * @throws WhetstoneError `ledger_broken` naming the record, or the outcome that the ledger does not know
 */
export async function assertBacked(view: StateView, outcomes: readonly Outcome[]): Promise<void> {
  const verified = await verifyLedger(view);
  if (!verified.ok) {
    throw new WhetstoneError(
      "ledger_broken",
      `The ledger does not verify at record ${verified.seq}: ${verified.detail}`,
      {
        remedy: "Nothing is learned from it. Look at it with `whetstone audit verify`; restore a copy that verifies.",
        data: { seq: verified.seq },
      },
    );
  }
  const { records } = await readLedger(view);
  const told = new Map(
    records.filter(({ operation }) => ENDS.has(operation)).map((one) => [firstOutcomeOf(one.run), one]),
  );
  for (const outcome of outcomes) assertTold(outcome, told.get(outcome.id));
}

function assertTold({ id, status }: Outcome, record: LedgerRecord | undefined): void {
  if (record?.result === status) return;
  const says = record === undefined ? "does not know it" : `says ${record.result}`;
  throw new WhetstoneError("ledger_broken", `The outcome ${id} says ${status}, but the ledger ${says}.`, {
    remedy: "Nothing is learned from it. Restore the file from an earlier commit of the branch whetstone/state.",
    data: { outcome: id },
  });
}
