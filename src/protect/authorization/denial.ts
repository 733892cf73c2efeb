import { REASON_CODES, type ReasonCode } from "../../model/codes.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import type { LedgerEntry } from "../../model/ledger.ts";
import { digestOf } from "../digest.ts";
import { appendLedger } from "../ledger.ts";
import type { AuthorizationDesk } from "./ports.ts";

/** Who tried what, for the ledger. */
export type Attempt = Pick<LedgerEntry, "actor" | "operation" | "target" | "run"> & { readonly parameters: unknown };

/** The reason code that an error of a refusal carries. */
export function reasonOf(error: unknown): ReasonCode | undefined {
  if (!(error instanceof WhetstoneError) || (error.code !== "unauthorized" && error.code !== "stopped"))
    return undefined;
  const reason = error.data["reason"];
  return typeof reason === "string" && Object.hasOwn(REASON_CODES, reason) ? (reason as ReasonCode) : undefined;
}

/**
 * Does what was tried; a refusal is put on record before it is passed on. When it cannot be put on record the refusal
 * stands all the same, and says so.
 */
export async function recordingDenials<T>(
  desk: Pick<AuthorizationDesk, "state" | "clock">,
  { parameters, ...attempt }: Attempt,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reasonCode = reasonOf(error);
    if (reasonCode === undefined || !(error instanceof WhetstoneError)) throw error;
    const facts = { decision: "deny", result: "refused", parametersDigest: digestOf(parameters) } as const;
    try {
      await appendLedger(desk.state, [{ ...attempt, ...facts, reasonCode }], { clock: desk.clock });
    } catch (unrecorded) {
      throw new WhetstoneError(
        error.code,
        `${error.message} The refusal could not be recorded: ${messageOf(unrecorded)}`,
        {
          ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
          cause: unrecorded,
          data: error.data,
        },
      );
    }
    throw error;
  }
}
