import type { ReasonCode } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";

/** Why an authorization is refused: a code for programs, a sentence for people, and what to do. */
export type Refusal = { readonly reason: ReasonCode; readonly message: string; readonly remedy: string };

/** What to do when an authorization cannot be used: the same for most refusals. */
export const ASK_AGAIN = "Ask for a new one: whetstone authorize request.";

/** A refusal as the error that carries it; `data.reason` is its code. */
export function unauthorized({ reason, message, remedy }: Refusal): WhetstoneError {
  return new WhetstoneError("unauthorized", message, { remedy, data: { reason } });
}
