import { WhetstoneError } from "../model/error.ts";
import type { Actor } from "../model/ledger.ts";
import type { OperationName } from "./operations.ts";

/** The permission to do one operation now. Only the guard makes one; what looks like one is refused. */
export type Permit<Name extends OperationName = OperationName> = {
  readonly operation: Name;
  readonly target: string;
  readonly actor: Actor;
  /** Id of the authorization that was used for it, where one was needed. */
  readonly authorization?: string;
};

const ISSUED = new WeakSet<Permit>();

/** Makes a permit count. For the guard alone; `test/architecture.test.ts` holds that nobody else imports it. */
export function issuePermit<Name extends OperationName>(permit: Permit<Name>): Permit<Name> {
  const issued = Object.freeze({ ...permit });
  ISSUED.add(issued);
  return issued;
}

/**
 * Holds that a permit was issued by the guard for this operation, and takes it: a permit is for one act.
 * @throws WhetstoneError `defect`: code that got here without asking the guard is wrong, whoever called it
 */
export function assertPermit<Name extends OperationName>(permit: Permit<Name>, operation: Name): void {
  if (permit.operation === operation && ISSUED.delete(permit)) return;
  throw new WhetstoneError("defect", `${operation} was reached without a permit of the protection layer.`);
}
