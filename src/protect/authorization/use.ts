import { type Authorization, covers, type Subject } from "../../model/authorization.ts";
import type { StateView } from "../../github/state-port.ts";
import type { Actor } from "../../model/ledger.ts";
import { formatInstant } from "../../model/time.ts";
import { digestOf, sha256 } from "../digest.ts";
import { planLedger } from "../ledger.ts";
import type { ProtectedOperation } from "../operations.ts";
import type { AuthorizationDesk } from "./ports.ts";
import { authorizationFile, readAuthorization, readKey, readRepositoryId } from "./records.ts";
import { ASK_AGAIN, unauthorized } from "./refusal.ts";
import { refuseToken } from "./rules.ts";
import { readToken, type UncheckedToken } from "./token.ts";

/** What a token is shown for. */
export type Use = {
  readonly operation: ProtectedOperation;
  readonly target: string;
  /** What would be changed, as it is now. */
  readonly subject: Subject;
  readonly actor: Actor;
};

/**
 * Checks a token and uses it up, with its ledger entry, in one commit: of several processes that show the same token at
 * once exactly one gets through. Nothing is changed by a token that is refused.
 * @throws WhetstoneError `unauthorized` with the reason; `ledger_broken`, `ref_moved`, `input_unreadable`
 */
export async function useAuthorization(desk: AuthorizationDesk, text: string, use: Use): Promise<Authorization> {
  const reading = readToken(text);
  if (reading.kind === "refused") throw unauthorized(reading.refusal);
  const { token } = reading;
  const { id } = token.claims;
  return await desk.state.update(`authorization: use ${use.operation.name}`, async (view) => {
    const found = await permitted(desk, view, { token, text, use });
    const at = formatInstant(desk.clock.now());
    const authorization = { ...found, use: { by: use.actor, at } };
    const entry = {
      actor: use.actor,
      operation: use.operation.name,
      target: use.target,
      decision: "allow",
      reasonCode: "ok",
      result: "authorized",
      parametersDigest: digestOf(use.subject),
      run: id,
      authorization: id,
      ...(found.request.impact.rollback === null ? {} : { rollback: found.request.impact.rollback }),
    } as const;
    const { change } = await planLedger(view, [entry], desk);
    return { change: new Map([...change, authorizationFile(authorization)]), value: authorization };
  });
}

type Shown = { readonly token: UncheckedToken; readonly text: string; readonly use: Use };

/** The authorization that a token stands for. A role that was taken away since takes its grants with it. */
async function permitted(
  { clock, roles }: AuthorizationDesk,
  view: StateView,
  { token, text, use }: Shown,
): Promise<Authorization> {
  const { id, kid } = token.claims;
  const authorization = await readAuthorization(view, id);
  const refused = refuseToken(
    token,
    { operation: use.operation.name, target: use.target, subject: digestOf(use.subject), actor: use.actor },
    {
      repository: await readRepositoryId(view),
      key: await readKey(view, kid),
      authorization,
      tokenDigest: sha256(text),
      now: clock.now(),
    },
  );
  if (refused !== undefined) throw unauthorized(refused);
  const by = authorization?.grant?.by;
  if (authorization !== undefined && by !== undefined && covers(await roles.authorityOf(by), use.operation.role)) {
    return authorization;
  }
  const message = `${by?.id ?? "nobody"}, who granted ${id}, no longer has the role ${use.operation.role}.`;
  throw unauthorized({ reason: "role_missing", message, remedy: ASK_AGAIN });
}
