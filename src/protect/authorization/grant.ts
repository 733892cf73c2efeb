import type { Authorization, AuthorizationRequest, PublicKeyRecord, TokenClaims } from "../../model/authorization.ts";
import type { WhetstoneError } from "../../model/error.ts";
import { canonicalJson } from "../../model/json.ts";
import type { Actor, LedgerEntry } from "../../model/ledger.ts";
import { formatInstant } from "../../model/time.ts";
import { digestOf, sha256 } from "../digest.ts";
import { planLedger } from "../ledger.ts";
import type { SigningKey } from "../signing-key.ts";
import { type Attempt, recordingDenials } from "./denial.ts";
import type { AuthorizationDesk } from "./ports.ts";
import { authorizationFile, readAuthorization, readKey } from "./records.ts";
import { unauthorized } from "./refusal.ts";
import { refuseGrant, standingOf } from "./rules.ts";
import { issueToken } from "./token.ts";

/** Who decides about which request. */
export type Deciding = { readonly id: string; readonly by: Actor };

/** The token, shown once, and what is on record about it. */
export type Granted = { readonly token: string; readonly authorization: Authorization };

/**
 * Whether a person may grant a request, asked before a key is made for it.
 * @throws WhetstoneError `unauthorized` with the reason, which is put on record
 */
export function assertMayGrant(desk: AuthorizationDesk, { id, by }: Deciding): Promise<Authorization> {
  return recordingDenials(desk, attempt("authorization.grant", { id, by }), async () => {
    const found = known(await readAuthorization(await desk.state.view(), id), id);
    await assertGrantable(desk, found, by);
    return found;
  });
}

/** Grants a request: signs a token and keeps its digest. Errors as of {@link assertMayGrant}, and those of the state. */
export function grantAuthorization(
  desk: AuthorizationDesk,
  { id, by, key }: Deciding & { readonly key: SigningKey },
): Promise<Granted> {
  return recordingDenials(desk, attempt("authorization.grant", { id, by }), () =>
    desk.state.update(`authorization: grant ${id}`, async (view) => {
      const found = known(await readAuthorization(view, id), id);
      await assertGrantable(desk, found, by);
      assertOwn(await readKey(view, key.kid), key.kid, by);
      const at = formatInstant(desk.clock.now());
      const token = issueToken(claimsOf(found.request, { by, at, kid: key.kid }), key);
      const grant = { by, at, role: found.request.role, kid: key.kid, tokenDigest: sha256(token) };
      const authorization = { ...found, grant };
      const { change } = await planLedger(view, [entry("authorization.grant", authorization, by)], desk);
      return { change: new Map([...change, authorizationFile(authorization)]), value: { token, authorization } };
    }),
  );
}

/**
 * Takes a request or a granted authorization back; it cannot be used from then on. Whoever asked for it may, and
 * whoever holds a role. @throws WhetstoneError `unauthorized` with the reason
 */
export function revokeAuthorization(
  desk: AuthorizationDesk,
  { id, by, why }: Deciding & { readonly why: string | null },
): Promise<Authorization> {
  return recordingDenials(desk, attempt("authorization.revoke", { id, by }), () =>
    desk.state.update(`authorization: revoke ${id}`, async (view) => {
      const found = known(await readAuthorization(view, id), id);
      if (found.use !== null || found.revocation !== null) throw decided(found, desk.clock.now());
      const asked = canonicalJson(by) === canonicalJson(found.request.requestedBy);
      if (!asked && (await desk.roles.authorityOf(by)) === undefined) throw noRole(by);
      const authorization = { ...found, revocation: { by, at: formatInstant(desk.clock.now()), why } };
      const { change } = await planLedger(view, [entry("authorization.revoke", authorization, by)], desk);
      return { change: new Map([...change, authorizationFile(authorization)]), value: authorization };
    }),
  );
}

async function assertGrantable(
  { roles, rules, clock }: AuthorizationDesk,
  found: Authorization,
  by: Actor,
): Promise<void> {
  const held = await roles.authorityOf(by);
  const { twoPerson } = await rules();
  const refused = refuseGrant(found, { by, held, twoPerson, now: clock.now() });
  if (refused !== undefined) throw unauthorized(refused);
}

function assertOwn(record: PublicKeyRecord | undefined, kid: string, by: Actor): void {
  const isOwn = canonicalJson(record?.owner) === canonicalJson(by);
  if (record !== undefined && record.retired === null && isOwn) return;
  throw unauthorized({
    reason: record?.retired ? "key_retired" : "key_unknown",
    message: `The key ${kid} is not one of ${by.id} that is in use here.`,
    remedy: "Make a new one: whetstone authorize keys rotate.",
  });
}

type Signing = { readonly by: Actor; readonly at: string; readonly kid: string };

function claimsOf(request: AuthorizationRequest, { by, at, kid }: Signing): TokenClaims {
  const { id, repository, operation, target, subject, requestedBy, expiresAt } = request;
  return {
    kid,
    id,
    repository,
    operation,
    target,
    subject: digestOf(subject),
    request: digestOf(request),
    actor: requestedBy,
    grantedBy: by,
    grantedAt: at,
    expiresAt,
  };
}

function attempt(operation: string, { id, by }: Deciding): Attempt {
  return { actor: by, operation, target: id, run: id, parameters: { id } };
}

function entry(operation: string, { request }: Authorization, by: Actor): LedgerEntry {
  return {
    actor: by,
    operation,
    target: request.target,
    decision: "allow",
    reasonCode: "ok",
    result: request.operation,
    parametersDigest: digestOf(request),
    run: request.id,
    authorization: request.id,
  };
}

function known(found: Authorization | undefined, id: string): Authorization {
  if (found !== undefined) return found;
  throw unauthorized({
    reason: "authorization_unknown",
    message: `No authorization ${id} is on record.`,
    remedy: "`whetstone authorize list` shows all.",
  });
}

function decided(found: Authorization, now: bigint): WhetstoneError {
  const message = `${found.request.id} is ${standingOf(found, now)} already.`;
  return unauthorized({ reason: "authorization_decided", message, remedy: "Nothing has to be done." });
}

function noRole({ id }: Actor): WhetstoneError {
  return unauthorized({
    reason: "role_missing",
    message: `${id} did not ask for it and has no role here.`,
    remedy: "Ask somebody whom `protection.roles` of whetstone.yaml names.",
  });
}
