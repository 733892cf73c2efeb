import {
  type Authority,
  type Authorization,
  type AuthorizationRequest,
  type AuthorizationStanding,
  covers,
  type PublicKeyRecord,
  type TokenClaims,
} from "../../model/authorization.ts";
import { canonicalJson } from "../../model/json.ts";
import type { Actor } from "../../model/ledger.ts";
import { parseInstant } from "../../model/time.ts";
import { digestOf } from "../digest.ts";
import { ASK_AGAIN, type Refusal } from "./refusal.ts";
import type { UncheckedToken } from "./token.ts";

/**
 * How far this machine's clock may be behind the one that granted, seconds. It counts for the beginning only: an
 * authorization ends when the clock here says so, never later.
 */
export const CLOCK_TOLERANCE_SECONDS = 60;

const instant = (text: string): bigint => parseInstant(text, 0n);

/** Whether the time of a request is over at `now` (ns); the instant of expiry itself is too late. */
function isExpired({ expiresAt }: Pick<AuthorizationRequest, "expiresAt">, now: bigint): boolean {
  return now >= instant(expiresAt);
}

/** How an authorization stands at `now` (ns since the Unix epoch). */
export function standingOf({ request, grant, use, revocation }: Authorization, now: bigint): AuthorizationStanding {
  if (use !== null) return "used";
  if (revocation !== null) return "revoked";
  if (isExpired(request, now)) return "expired";
  return grant === null ? "pending" : "granted";
}

/** Names are compared without regard to case: accounts that differ by it alone are one person on GitHub. */
export function isSamePerson(a: string, b: string): boolean {
  return a.normalize("NFKC").toLowerCase() === b.normalize("NFKC").toLowerCase();
}

/** Who wants to grant, what he may, and whether the two-person rule is on. */
export type Granting = {
  readonly by: Actor;
  readonly held: Authority | undefined;
  readonly twoPerson: boolean;
  readonly now: bigint;
};

/** Why a request may not be granted; undefined when it may. */
export function refuseGrant(found: Authorization, { by, held, twoPerson, now }: Granting): Refusal | undefined {
  const { request } = found;
  const decided = refuseDecision(found, now);
  if (decided !== undefined) return decided;
  if (by.type !== "person") {
    return refusal("person_needed", `${by.type} ${by.id} cannot grant: only a person can.`, "Let a person grant it.");
  }
  if (!covers(held, request.role)) {
    const has = held === undefined ? "has no role here" : `is ${held}`;
    const message = `${by.id} ${has}; ${request.operation} needs ${request.role}.`;
    return refusal("role_missing", message, "Ask somebody whom `protection.roles` of whetstone.yaml names.");
  }
  if (!twoPerson) return undefined;
  const writer = request.author ?? request.requestedBy.id;
  if (!isSamePerson(by.id, writer) && !isSamePerson(by.id, request.requestedBy.id)) return undefined;
  return refusal(
    "two_person",
    `${by.id} asked for or wrote what is to be permitted, and the two-person rule is on.`,
    "Let another person grant it.",
  );
}

/** Why a request can no longer be decided. */
function refuseDecision(found: Authorization, now: bigint): Refusal | undefined {
  const standing = standingOf(found, now);
  switch (standing) {
    case "pending":
      return undefined;
    case "expired":
      return refusal("authorization_expired", `${found.request.id} expired at ${found.request.expiresAt}.`, ASK_AGAIN);
    case "granted":
    case "used":
    case "revoked":
      return refusal("authorization_decided", `${found.request.id} is ${standing} already.`, ASK_AGAIN);
  }
}

/** What somebody who shows a token is about to do. */
export type Act = {
  readonly operation: string;
  readonly target: string;
  /** Digest of the subject as it is now: the patch to be applied, the base as it stands, the state as it is. */
  readonly subject: string;
  readonly actor: Actor;
};

/** What is on record about a token: the authorization of its id and the key of its `kid`, where there is one. */
export type OnRecord = {
  readonly repository: string | undefined;
  readonly key: PublicKeyRecord | undefined;
  readonly authorization: Authorization | undefined;
  readonly tokenDigest: string;
};

/**
 * Why a token does not permit an act; undefined when it does. The order is part of the answer: nothing that a token says
 * is judged before its signature holds, save the repository and key that it must name to be checked at all.
 */
export function refuseToken(
  token: UncheckedToken,
  act: Act,
  { now, ...found }: OnRecord & { now: bigint },
): Refusal | undefined {
  const { claims } = token;
  return refuseOrigin(token, found) ?? refuseRecord(claims, found, now) ?? refuseAct(claims, act);
}

function refuseOrigin(token: UncheckedToken, { repository, key }: OnRecord): Refusal | undefined {
  const { claims } = token;
  if (claims.repository !== repository) {
    return refusal(
      "authorization_repository",
      "The token was granted in another repository.",
      "Use it there, or ask for one here.",
    );
  }
  if (key === undefined) {
    return refusal(
      "key_unknown",
      `No key ${claims.kid} is known here.`,
      "Fetch the branch whetstone/state, or ask for a new one.",
    );
  }
  if (!token.isSignedBy(key.publicKey)) {
    return refusal("token_signature", "The token's signature does not hold: it was altered or forged.", ASK_AGAIN);
  }
  if (key.retired === null) return undefined;
  return refusal("key_retired", `The key ${key.kid} was ${key.retired.why} at ${key.retired.at}.`, ASK_AGAIN);
}

function refuseRecord(
  claims: TokenClaims,
  { authorization, tokenDigest, key }: OnRecord,
  now: bigint,
): Refusal | undefined {
  const { id } = claims;
  if (authorization === undefined)
    return refusal("authorization_unknown", `No authorization ${id} is on record.`, ASK_AGAIN);
  const { grant, use, revocation, request } = authorization;
  if (revocation !== null) return refusal("authorization_revoked", `${id} was revoked at ${revocation.at}.`, ASK_AGAIN);
  if (grant === null)
    return refusal("authorization_not_granted", `${id} was not granted.`, "Grant it: whetstone authorize grant.");
  if (use !== null)
    return refusal("authorization_used", `${id} was used at ${use.at}; each permits one act.`, ASK_AGAIN);
  const isAsGranted =
    grant.tokenDigest === tokenDigest &&
    grant.kid === claims.kid &&
    claims.request === digestOf(request) &&
    canonicalJson(claims.grantedBy) === canonicalJson(grant.by) &&
    canonicalJson(key?.owner) === canonicalJson(grant.by);
  if (!isAsGranted)
    return refusal("authorization_altered", `The token differs from what was granted as ${id}.`, ASK_AGAIN);
  return refuseTime(claims, now);
}

function refuseTime({ id, grantedAt, expiresAt }: TokenClaims, now: bigint): Refusal | undefined {
  if (isExpired({ expiresAt }, now))
    return refusal("authorization_expired", `${id} expired at ${expiresAt}.`, ASK_AGAIN);
  const earliest = instant(grantedAt) - BigInt(CLOCK_TOLERANCE_SECONDS) * 1_000_000_000n;
  if (now >= earliest) return undefined;
  const message = `${id} was granted at ${grantedAt}, more than ${CLOCK_TOLERANCE_SECONDS} s after what the clock here says.`;
  return refusal("authorization_early", message, "Set the clock of this machine.");
}

function refuseAct(claims: TokenClaims, act: Act): Refusal | undefined {
  const { id } = claims;
  if (claims.operation !== act.operation) {
    return refusal("authorization_operation", `${id} permits ${claims.operation}, not ${act.operation}.`, ASK_AGAIN);
  }
  if (claims.target !== act.target) {
    return refusal("authorization_target", `${id} is for ${claims.target}, not for ${act.target}.`, ASK_AGAIN);
  }
  if (claims.subject !== act.subject) {
    return refusal("digest_mismatch", `What ${id} permits is no longer what would be changed.`, ASK_AGAIN);
  }
  if (claims.actor.type === act.actor.type && claims.actor.id === act.actor.id) return undefined;
  const given = `${claims.actor.type} ${claims.actor.id}`;
  return refusal(
    "authorization_actor",
    `${id} was given to ${given}, not to ${act.actor.type} ${act.actor.id}.`,
    ASK_AGAIN,
  );
}

function refusal(reason: Refusal["reason"], message: string, remedy: string): Refusal {
  return { reason, message, remedy };
}
