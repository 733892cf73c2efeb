import type { IncomingMessage } from "node:http";
import type { RateLimiter } from "../../dashboard/rate-limit.ts";
import { isPermitted } from "../../model/role.ts";
import type { Identity, Principal } from "../../protect/api-key.ts";
import type { Authenticator } from "../../protect/authenticate.ts";
import type { AppLog } from "../service.ts";
import type { Refused } from "./page-send.ts";

/** What the page lets in by. */
export type PageAccess = {
  /** With a signer of its own: the tokens that it makes are good for looking here and nowhere else. */
  readonly authenticator: Authenticator;
  /** Counts keys that prove nothing, by where they come from. */
  readonly attempts: RateLimiter;
  /** Counts what the holder of a key asks for. */
  readonly requests: RateLimiter;
  /** Where a request comes from, for {@link PageAccess.attempts}. */
  readonly senderOf: (request: IncomingMessage) => string;
  readonly log: AppLog;
};

/** What was shown: a key in the form, or the token of an address. */
type Shown = { readonly text: string; readonly as: "key" | "session" };

/** Whoever a key or token proves, if the role may stop. Wrong ones are counted by sender, as the API does. */
export async function admit(
  parts: PageAccess,
  request: IncomingMessage,
  { text, as }: Shown,
): Promise<Principal | Refused> {
  const identity: Identity & { via?: string } = await parts.authenticator.identify(`Bearer ${text}`);
  if (identity.kind === "refused" || identity.via !== as) {
    if (!parts.attempts.take(parts.senderOf(request)).isAllowed) {
      return { status: 429, said: "Too many keys that prove nothing came from this address; wait a minute." };
    }
    return { status: 401, said: wrongText(identity, as) };
  }
  const { principal } = identity;
  if (!isPermitted(principal.role, "stop")) {
    parts.log.info(`The key ${principal.keyId} of the role ${principal.role} was refused on the page that stops.`);
    return { status: 403, said: `The role ${principal.role} may not stop; operations and security may.` };
  }
  if (parts.requests.take(principal.keyId).isAllowed) return principal;
  return { status: 429, said: "This key asked for too much within a minute; wait for one." };
}

function wrongText(identity: Identity, as: Shown["as"]): string {
  const why = identity.kind === "refused" ? identity.why : "unknown";
  if (as === "session") return "The address has shown how it stands for long enough; show the key again.";
  return why === "revoked" || why === "expired" ? `The key is ${why}.` : "The key is not valid.";
}
