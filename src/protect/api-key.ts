import { createHash, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { WhetstoneError } from "../model/error.ts";
import { Instant } from "../model/json.ts";
import { type Role, ROLES } from "../model/role.ts";
import { formatInstant, parseInstant } from "../model/time.ts";

/** Public part of a key: 12 lower-case hexadecimal digits. */
export const ApiKeyId = z.string().regex(/^[0-9a-f]{12}$/);

/** What is kept of a key: never the key. The key is 256 random bits, so one round of SHA-256 with a salt suffices. */
export const ApiKeyRecord = z.strictObject({
  schema: z.literal("whetstone.api-key/1"),
  id: ApiKeyId,
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}$/),
  role: z.enum(ROLES),
  /** 16 random bytes, hexadecimal. */
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  /** SHA-256 of the salt and the key's text, hexadecimal. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  created: Instant,
  expires: Instant.optional(),
  revoked: Instant.optional(),
});
export type ApiKeyRecord = z.infer<typeof ApiKeyRecord>;

/** Somebody who has proven who they are. */
export type Principal = { readonly keyId: string; readonly name: string; readonly role: Role };

/** Why a key or a token was refused. `unknown` covers every text that proves nothing, so that it tells nothing. */
export type Refusal = "missing" | "unknown" | "revoked" | "expired";

/** The outcome of a check. */
export type Identity =
  { readonly kind: "known"; readonly principal: Principal } | { readonly kind: "refused"; readonly why: Refusal };

/** What a new key is made of. */
export type NewApiKey = {
  readonly name: string;
  readonly role: Role;
  readonly nowNs: bigint;
  /** ns since the Unix epoch; never when absent. */
  readonly expiresNs?: bigint;
  readonly random: (bytes: number) => Uint8Array;
};

/**
 * Makes a key. Its text (`whk_<id>_<43 characters>`) is shown once; the record is what is kept.
 * @throws WhetstoneError `usage`: the name or the expiry is not allowed.
 */
export function newApiKey(wanted: NewApiKey): { readonly text: string; readonly record: ApiKeyRecord } {
  if (wanted.expiresNs !== undefined && wanted.expiresNs <= wanted.nowNs) {
    throw new WhetstoneError("usage", "The key would be expired already.", { remedy: "Name a later time." });
  }
  const id = Buffer.from(wanted.random(6)).toString("hex");
  const text = `whk_${id}_${Buffer.from(wanted.random(32)).toString("base64url")}`;
  const salt = Buffer.from(wanted.random(16)).toString("hex");
  const record = ApiKeyRecord.safeParse({
    schema: "whetstone.api-key/1",
    id,
    name: wanted.name,
    role: wanted.role,
    salt,
    hash: hashOf(text, salt).toString("hex"),
    created: formatInstant(wanted.nowNs),
    ...(wanted.expiresNs !== undefined && { expires: formatInstant(wanted.expiresNs) }),
  });
  if (record.success) return { text, record: record.data };
  throw new WhetstoneError("usage", `"${wanted.name}" cannot name a key.`, {
    remedy: "Use 1 to 64 of a-z, A-Z, 0-9, blanks and . _ @ -, beginning with a letter or digit.",
  });
}

const KEY_TEXT = /^whk_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** The id in a key's text; undefined when the text has not the form of a key. */
export const keyIdOf = (text: string): string | undefined => KEY_TEXT.exec(text)?.[1];

/** Compared with where there is no record, so that an unknown id takes as long as a wrong key. */
const NOBODY = { salt: "00".repeat(16), hash: "00".repeat(32) };

/**
 * Checks a key's text against the record of its id. That a key was revoked or is expired is told only to who holds it.
 */
export function verifyApiKey(text: string, record: ApiKeyRecord | undefined, nowNs: bigint): Identity {
  const { salt, hash } = record ?? NOBODY;
  const matches = timingSafeEqual(hashOf(text, salt), Buffer.from(hash, "hex"));
  if (!matches || record === undefined || keyIdOf(text) !== record.id) return { kind: "refused", why: "unknown" };
  return standing(record, nowNs);
}

/** Whether the key of a record is in force. */
export function standing(record: ApiKeyRecord, nowNs: bigint): Identity {
  if (record.revoked !== undefined) return { kind: "refused", why: "revoked" };
  if (record.expires !== undefined && parseInstant(record.expires, nowNs) <= nowNs) {
    return { kind: "refused", why: "expired" };
  }
  return { kind: "known", principal: { keyId: record.id, name: record.name, role: record.role } };
}

function hashOf(text: string, salt: string): Buffer {
  return createHash("sha256").update(Buffer.from(salt, "hex")).update(text).digest();
}
