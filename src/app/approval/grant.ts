import type { Authorization, AuthorizationRequest, Subject } from "../../model/authorization.ts";
import { covers } from "../../model/authorization.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { Actor } from "../../model/ledger.ts";
import { formatInstant } from "../../model/time.ts";
import { reasonOf } from "../../protect/authorization/denial.ts";
import { assertMayGrant, grantAuthorization } from "../../protect/authorization/grant.ts";
import { ensureKey } from "../../protect/authorization/keys.ts";
import { readAuthorization } from "../../protect/authorization/records.ts";
import { unauthorized, type Refusal } from "../../protect/authorization/refusal.ts";
import { requestAuthorization } from "../../protect/authorization/request.ts";
import { standingOf } from "../../protect/authorization/rules.ts";
import { digestOf } from "../../protect/digest.ts";
import { operationOf, type OperationName } from "../../protect/operations.ts";
import type { Permit } from "../../protect/permit.ts";
import type { RepositoryAccess } from "../repository.ts";
import { announceRequest } from "./waiting.ts";

/** What somebody wants to do by a comment or a button. */
export type Wish<Name extends OperationName = OperationName> = {
  readonly operation: Name;
  readonly target: string;
  /** What exactly would be changed, as it is now. */
  readonly subject: Subject;
  readonly by: Actor;
  /** Id of the delivery: the same at every attempt. */
  readonly run: string;
  /** Who wrote the change, where that is another one; with the two-person rule neither may permit it. */
  readonly author?: string;
  /** Where people are told that it waits for them; the conversation of the command when absent. */
  readonly conversation?: number;
};

/** The permit; or why there is none. With `waiting` it is on record and announced: another person can permit it. */
export type GrantHere<Name extends OperationName = OperationName> =
  | { readonly kind: "permitted"; readonly permit: Permit<Name> }
  | ({ readonly kind: "refused"; readonly waiting: AuthorizationRequest | undefined } & Refusal);

/**
 * Asks for a protected operation, grants it in the same breath where the person may, and uses it up: the token never
 * leaves the process. Where somebody else has to agree (role, two-person rule, a bot asked) the request is announced;
 * `/whetstone approve ID` then carries out the command in the name of who asked. Run again after a crash, it goes on.
 * @throws WhetstoneError `api_failed`, `ledger_broken`, `ref_moved`, `config_invalid`, `key_refused`
 */
export async function grantHere<Name extends OperationName>(
  repository: RepositoryAccess,
  wish: Wish<Name>,
): Promise<GrantHere<Name>> {
  try {
    const request = await openRequest(repository, wish);
    const by = repository.consent?.by ?? wish.by;
    if (repository.consent === undefined && !(await mayGrantAlone(repository, wish))) {
      await announceRequest(repository, { request, conversation: wish.conversation });
      return { kind: "refused", waiting: request, ...waitingFor(request) };
    }
    const token = await signed(repository, { id: request.id, by });
    const { operation, target, subject, run } = wish;
    const permit = await repository.guard.permit(operation, { actor: wish.by, target, subject, run, token });
    return { kind: "permitted", permit };
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined || !(error instanceof WhetstoneError)) throw error;
    return { kind: "refused", waiting: undefined, reason, message: error.message, remedy: error.remedy ?? "" };
  }
}

/** Whether who asks may also permit it; what he lacks is no refusal, since others may have it. */
async function mayGrantAlone({ desk }: RepositoryAccess, { by, operation }: Wish): Promise<boolean> {
  if (by.type !== "person" || (await desk.rules()).twoPerson) return false;
  return covers(await desk.roles.authorityOf(by), operationOf(operation).role);
}

async function signed(
  { desk, keys }: RepositoryAccess,
  { id, by }: { readonly id: string; readonly by: Actor },
): Promise<string> {
  await assertMayGrant(desk, { id, by });
  const { state, clock } = desk;
  const key = await ensureKey({ state, clock, ...keys, owner: by });
  return (await grantAuthorization(desk, { id, by, key })).token;
}

/** Most requests that one command makes over all its attempts; each attempt that dies holding a grant costs one. */
const MOST_REQUESTS = 20;

/**
 * The request of this wish that can be granted. One that is granted or used already was left by an attempt that died: its
 * token is gone, so another takes its place. With a consent the first one is what was agreed to, and must be the same.
 */
async function openRequest(repository: RepositoryAccess, wish: Wish): Promise<AuthorizationRequest> {
  const { desk, consent } = repository;
  const view = await desk.state.view();
  const first = consent === undefined ? undefined : agreed(await readAuthorization(view, consent.id), wish);
  if (first !== undefined && !isSpent(first, desk.clock.now())) return first.request;
  const names = await view.list("authorizations/");
  for (let attempt = 0; attempt < MOST_REQUESTS; attempt += 1) {
    const suffix = suffixOf(wish, { consent: consent?.id, attempt });
    const path = names.find((name) => name.endsWith(`-${suffix}.json`));
    if (path === undefined) return await ask(repository, wish, suffix);
    const found = await readAuthorization(view, path.slice("authorizations/".length, -".json".length));
    if (found !== undefined && standingOf(found, desk.clock.now()) === "pending") return found.request;
  }
  throw unauthorized({
    reason: "authorization_decided",
    message: `${MOST_REQUESTS} attempts to use a permission for ${wish.operation} were cut off.`,
    remedy: "See the log of the App for what cut them off; then give the command again.",
  });
}

/** Left behind by an attempt that died between grant and act. Who consents has claimed the request for one delivery. */
function isSpent(found: Authorization, now: bigint): boolean {
  const standing = standingOf(found, now);
  return standing === "granted" || standing === "used";
}

function suffixOf(
  { operation, target, subject, by, run }: Wish,
  turn: { readonly consent: string | undefined; readonly attempt: number },
): string {
  const { consent = run, attempt } = turn;
  return digestOf({ operation, target, subject, by, run: consent, attempt }).slice(0, 32);
}

/** What was agreed to must be what would be done now; once granted by another attempt it stays so. */
function agreed(found: Authorization | undefined, { operation, target, subject, by }: Wish): Authorization {
  const request = found?.request;
  const same =
    request !== undefined &&
    digestOf([request.operation, request.target, request.subject, request.requestedBy]) ===
      digestOf([operation, target, subject, by]);
  if (found !== undefined && same) return found;
  throw unauthorized({
    reason: "digest_mismatch",
    message: `What was asked for is no longer what ${operation} would change now.`,
    remedy: "Give the command again; it asks anew.",
  });
}

function ask({ desk, keys }: RepositoryAccess, wish: Wish, suffix: string): Promise<AuthorizationRequest> {
  const operation = operationOf(wish.operation);
  const time = formatInstant(desk.clock.now()).replaceAll(/[-:]|\.\d+/g, "");
  return requestAuthorization(desk, {
    id: `a-${time}-${suffix}`,
    operation,
    target: wish.target,
    subject: wish.subject,
    impact: { summary: operation.because[0], affects: [operation.affects], rollback: operation.rollback },
    requestedBy: wish.by,
    author: wish.author ?? null,
    random: keys.random,
  });
}

function waitingFor({ id, operation, role }: AuthorizationRequest): Refusal {
  return {
    reason: "authorization_missing",
    message: `${operation} needs the permission of another person, with the role ${role}.`,
    remedy: `Who has it can write "/whetstone approve ${id}" here.`,
  };
}
