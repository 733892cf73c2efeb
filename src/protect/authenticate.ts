import type { Clock } from "../model/time.ts";
import { type Identity, keyIdOf, type Principal, verifyApiKey } from "./api-key.ts";
import type { KeyStore } from "./key-store.ts";
import { isSessionToken, issueSession, type SessionSigner, verifySession } from "./session-token.ts";

/** Checks who is asking. */
export type Authenticator = {
  /** What an `Authorization: Bearer` header (RFC 6750) proves: an API key or a session token. */
  readonly identify: (authorization: string | undefined) => Promise<Identity & { readonly via?: "key" | "session" }>;
  /** A session token for somebody who has shown a key. */
  readonly issue: (principal: Principal) => ReturnType<typeof issueSession>;
};

/** What an {@link Authenticator} works with. */
export type AuthenticatorParts = {
  readonly keys: Pick<KeyStore, "find">;
  readonly signer: SessionSigner;
  readonly clock: Pick<Clock, "now">;
};

/** Longer texts are no credentials of ours and are not looked at. */
const LONGEST = 512;

/** An {@link Authenticator} over a store of keys. Errors: those of the store, when it cannot be read. */
export function createAuthenticator({ keys, signer, clock }: AuthenticatorParts): Authenticator {
  return {
    identify: async (authorization) => {
      const text = bearerOf(authorization);
      if (text === undefined) return { kind: "refused", why: "missing" };
      if (text.length > LONGEST) return { kind: "refused", why: "unknown" };
      const nowNs = clock.now();
      if (isSessionToken(text)) {
        return { ...(await verifySession(text, signer, { find: keys.find, nowNs })), via: "session" };
      }
      const id = keyIdOf(text);
      return { ...verifyApiKey(text, id === undefined ? undefined : await keys.find(id), nowNs), via: "key" };
    },
    issue: (principal) => issueSession(principal, signer, clock.now()),
  };
}

function bearerOf(authorization: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
}
