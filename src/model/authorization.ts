import { z } from "zod";
import { CommitSha, Digest, Instant } from "./json.ts";
import { Actor } from "./ledger.ts";

/** How much harm an operation can do, least first. */
const RISK_LEVELS = ["low", "medium", "high", "critical"] as const;
export type RiskLevel = (typeof RISK_LEVELS)[number];

/** What a person may grant, least first; whoever has one has those before it. On GitHub: write, maintain, admin. */
export const AUTHORITIES = ["operator", "maintainer", "admin"] as const;
export type Authority = (typeof AUTHORITIES)[number];

/** Whether `held` is at least `needed`. */
export function covers(held: Authority | undefined, needed: Authority): boolean {
  return held !== undefined && AUTHORITIES.indexOf(held) >= AUTHORITIES.indexOf(needed);
}

/** Id of an authorization: letter, time, chance (`newId("a", clock)`). */
export const AuthorizationId = z.string().regex(/^a-\d{8}T\d{6}Z-[0-9a-f]{6,32}$/);

/** First 16 hexadecimal digits of the SHA-256 of an Ed25519 public key. */
export const Kid = z.string().regex(/^[0-9a-f]{16}$/);

/** What exactly may be changed. `change`: one patch; `base`: a target at one commit; `state`: one recorded state. */
export const Subject = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("change"), digest: Digest }),
  z.strictObject({ kind: z.literal("base"), digest: Digest, baseSha: CommitSha }),
  z.strictObject({ kind: z.literal("state"), digest: Digest }),
]);
export type Subject = z.infer<typeof Subject>;

const Line = z.string().min(1).max(500);

/** What a person is asked to permit. */
export const AuthorizationRequest = z.strictObject({
  id: AuthorizationId,
  /** Id of the repository, from its state branch. */
  repository: z.string().regex(/^[0-9a-f]{32}$/),
  operation: z.string().regex(/^[a-z]+(\.[a-z]+)*$/),
  target: z.string().min(1).max(200),
  subject: Subject,
  risk: z.strictObject({ level: z.enum(RISK_LEVELS), reasons: z.array(Line).min(1).max(20) }),
  /** What the operation touches and how it is undone. */
  impact: z.strictObject({ summary: Line, affects: z.array(Line).max(50), rollback: Line.nullable() }),
  role: z.enum(AUTHORITIES),
  requestedBy: Actor,
  /** Id of the person who wrote the change, where that is another one than who asks. */
  author: z.string().min(1).max(200).nullable(),
  requestedAt: Instant,
  expiresAt: Instant,
});
export type AuthorizationRequest = z.infer<typeof AuthorizationRequest>;

const Grant = z.strictObject({ by: Actor, at: Instant, role: z.enum(AUTHORITIES), kid: Kid, tokenDigest: Digest });
const Use = z.strictObject({ by: Actor, at: Instant });
const Revocation = z.strictObject({ by: Actor, at: Instant, why: Line.nullable() });

/** `authorizations/<id>.json` on the state branch. The token itself is never kept, only its digest. */
export const Authorization = z.strictObject({
  schema: z.literal("whetstone.authorization/1"),
  request: AuthorizationRequest,
  grant: Grant.nullable(),
  use: Use.nullable(),
  revocation: Revocation.nullable(),
});
export type Authorization = z.infer<typeof Authorization>;

/** What a token says, signed. Everything that is not named here is bound by the digest of the request. */
export const TokenClaims = z.strictObject({
  kid: Kid,
  id: AuthorizationId,
  repository: AuthorizationRequest.shape.repository,
  operation: AuthorizationRequest.shape.operation,
  target: AuthorizationRequest.shape.target,
  /** Digest of the subject. */
  subject: Digest,
  /** Digest of the whole request: risk, impact, role, author too. */
  request: Digest,
  actor: Actor,
  grantedBy: Actor,
  grantedAt: Instant,
  expiresAt: Instant,
});
export type TokenClaims = z.infer<typeof TokenClaims>;

/** `authorization-keys/<kid>.json` on the state branch: a public key and whose it is. */
export const PublicKeyRecord = z.strictObject({
  schema: z.literal("whetstone.authorization-key/1"),
  kid: Kid,
  algorithm: z.literal("Ed25519"),
  /** 32 bytes, base64url. */
  publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  owner: Actor,
  createdAt: Instant,
  /** Rotated away or revoked: nothing that it signed counts any more. */
  retired: z.strictObject({ at: Instant, by: Actor, why: z.enum(["rotated", "revoked"]) }).nullable(),
});
export type PublicKeyRecord = z.infer<typeof PublicKeyRecord>;

/** How an authorization stands at an instant. */
export type AuthorizationStanding = "pending" | "granted" | "used" | "revoked" | "expired";
