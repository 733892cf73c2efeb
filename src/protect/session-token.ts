import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { ApiKeyId, type ApiKeyRecord, type Identity, type Principal, standing } from "./api-key.ts";

/** How long a session lasts unless told, ms. */
const SESSION_LIFETIME_MS = 15 * 60_000;

/** What a token says: the key it was made for, and when it ends (ms since the Unix epoch). */
const Claims = z.strictObject({ key: ApiKeyId, issued: z.int(), expires: z.int() });
type Claims = z.infer<typeof Claims>;

/** What tokens are signed with. */
export type SessionSigner = {
  /** At least 32 random bytes; whoever has them can make tokens. */
  readonly secret: Uint8Array;
  readonly lifetimeMs?: number;
};

/**
 * A token for somebody who has shown a key: `whs_<claims>.<HMAC-SHA-256>`, both base64url. It carries no role: the key's
 * record is asked again at every use, so that revoking a key ends its sessions.
 */
export function issueSession(
  { keyId }: Principal,
  { secret, lifetimeMs = SESSION_LIFETIME_MS }: SessionSigner,
  nowNs: bigint,
): { readonly token: string; readonly expiresNs: bigint } {
  const issued = Number(nowNs / 1_000_000n);
  const claims: Claims = { key: keyId, issued, expires: issued + lifetimeMs };
  const payload = `whs_${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return { token: `${payload}.${macOf(payload, secret)}`, expiresNs: BigInt(claims.expires) * 1_000_000n };
}

const TOKEN = /^(whs_[A-Za-z0-9_-]{1,300})\.([A-Za-z0-9_-]{43})$/;

/** Whether a text has the form of a session token. */
export const isSessionToken = (text: string): boolean => text.startsWith("whs_");

/** Checks a token; `find` gives the record of a key's id. Nothing of a token is read before its signature holds. */
export async function verifySession(
  token: string,
  { secret }: SessionSigner,
  { find, nowNs }: { find: (id: string) => Promise<ApiKeyRecord | undefined>; nowNs: bigint },
): Promise<Identity> {
  const [, payload = "", mac = ""] = TOKEN.exec(token) ?? [];
  const expected = Buffer.from(macOf(payload, secret));
  const given = Buffer.from(mac.padEnd(expected.length, "."));
  if (!timingSafeEqual(given, expected)) return { kind: "refused", why: "unknown" };
  const claims = Claims.parse(JSON.parse(Buffer.from(payload.slice(4), "base64url").toString("utf8")));
  if (BigInt(claims.expires) * 1_000_000n <= nowNs) return { kind: "refused", why: "expired" };
  const record = await find(claims.key);
  return record === undefined ? { kind: "refused", why: "revoked" } : standing(record, nowNs);
}

function macOf(payload: string, secret: Uint8Array): string {
  return createHmac("sha256", secret).update(payload).digest("base64url");
}
