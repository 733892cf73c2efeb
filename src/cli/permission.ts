import type { Subject } from "../model/authorization.ts";
import type { OperationName } from "../protect/operations.ts";
import type { Permit } from "../protect/permit.ts";
import { newId, systemClock } from "../wire.ts";
import type { CliProtection } from "./protection.ts";

/** What a person wants to do now, and with which token. */
export type Wanted<Name extends OperationName> = {
  readonly operation: Name;
  readonly target: string;
  /** What exactly would be changed, as it is now: what the token has to be for. */
  readonly subject: Subject;
  /** As `readTokenOption` gave it. */
  readonly token: string | undefined;
};

/**
 * The permit for an operation that a token is needed for; the token is used up.
 * @throws WhetstoneError `unauthorized` with its reason, `stopped`
 */
export function permitByToken<Name extends OperationName>(
  { guard, actor }: CliProtection,
  { operation, ...wanted }: Wanted<Name>,
): Promise<Permit<Name>> {
  return guard.permit(operation, { actor, run: newId(operation, systemClock), ...wanted });
}
