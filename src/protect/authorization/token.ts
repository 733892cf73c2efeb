import { canonicalJson } from "../../model/json.ts";
import { TokenClaims } from "../../model/authorization.ts";
import { type SigningKey, verifySignature } from "../signing-key.ts";
import { ASK_AGAIN, type Refusal } from "./refusal.ts";

/** Version of the form; part of what is signed, so that a signature for one form or purpose is none for another. */
const VERSION = "wha1";
const FORM = /^wha1\.([A-Za-z0-9_-]{1,6000})\.([A-Za-z0-9_-]{86})$/;

/**
 * A token: `wha1.<claims>.<signature>`, claims as canonical JSON (RFC 8785) and both in base64url without padding. The
 * Ed25519 signature covers version and claims as they stand in the text.
 */
export function issueToken(claims: TokenClaims, key: Pick<SigningKey, "sign">): string {
  const head = `${VERSION}.${Buffer.from(canonicalJson(TokenClaims.parse(claims))).toString("base64url")}`;
  return `${head}.${Buffer.from(key.sign(Buffer.from(head))).toString("base64url")}`;
}

/** What a token says, and what its signature is to be checked with; nothing of it is trusted yet. */
export type UncheckedToken = {
  readonly claims: TokenClaims;
  /** Whether the signature holds under a public key (base64url). */
  readonly isSignedBy: (publicKey: string) => boolean;
};

/** What reading a token gives. */
export type TokenReading =
  { readonly kind: "read"; readonly token: UncheckedToken } | { readonly kind: "refused"; readonly refusal: Refusal };

/** Reads a token strictly: one text for one meaning, so that two tokens never say the same. */
export function readToken(text: string): TokenReading {
  const [, payload = "", signature = ""] = FORM.exec(text) ?? [];
  const bytes = Buffer.from(signature, "base64url");
  const claims = claimsOf(payload);
  if (claims === undefined || bytes.toString("base64url") !== signature) return { kind: "refused", refusal: MALFORMED };
  const signed = Buffer.from(`${VERSION}.${payload}`);
  return {
    kind: "read",
    token: { claims, isSignedBy: (publicKey) => verifySignature(publicKey, signed, bytes) },
  };
}

const MALFORMED: Refusal = {
  reason: "token_malformed",
  message: "This is no authorization token: it is truncated, altered, or of another version.",
  remedy: `Copy it whole, as \`whetstone authorize grant\` printed it. ${ASK_AGAIN}`,
};

function claimsOf(payload: string): TokenClaims | undefined {
  if (payload === "") return undefined;
  const text = Buffer.from(payload, "base64url").toString("utf8");
  const claims = TokenClaims.safeParse(parsed(text));
  if (!claims.success) return undefined;
  return Buffer.from(canonicalJson(claims.data)).toString("base64url") === payload ? claims.data : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused by the schema
  }
}
