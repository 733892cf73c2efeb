import { createHash, timingSafeEqual } from "node:crypto";

/**
 * A check of an `Authorization` header against a token (`Bearer` scheme, RFC 6750); without a token everything passes.
 * The comparison takes the same time wherever the texts differ.
 */
export function tokenCheck(token: string | undefined): (authorization: string | undefined) => boolean {
  if (token === undefined) return () => true;
  const expected = digest(token);
  return (authorization) => {
    const given = /^bearer +(.*)$/i.exec(authorization ?? "")?.[1];
    return given !== undefined && timingSafeEqual(digest(given.trim()), expected);
  };
}

/** Digests have one length, which `timingSafeEqual` asks for and which says nothing of the token's. */
const digest = (text: string): Uint8Array => createHash("sha256").update(text).digest();
