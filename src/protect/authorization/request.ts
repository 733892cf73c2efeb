import { AuthorizationRequest, type Subject } from "../../model/authorization.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { Actor } from "../../model/ledger.ts";
import { formatInstant } from "../../model/time.ts";
import { digestOf } from "../digest.ts";
import { planLedger } from "../ledger.ts";
import type { ProtectedOperation } from "../operations.ts";
import type { AuthorizationDesk } from "./ports.ts";
import { authorizationFile, readAuthorization, readRepositoryId, repositoryFile } from "./records.ts";
import { unauthorized } from "./refusal.ts";

/** What is asked for. */
export type Asking = {
  readonly id: string;
  readonly operation: ProtectedOperation;
  readonly target: string;
  readonly subject: Subject;
  readonly impact: AuthorizationRequest["impact"];
  readonly requestedBy: Actor;
  /** Who wrote the change, where that is another one than who asks. */
  readonly author: string | null;
  /** Drawn for the repository if it has no id yet. */
  readonly random: (bytes: number) => Uint8Array;
};

/**
 * Puts a request on record, with its ledger entry in the same commit. Risk and role are those of the operation.
 * @throws WhetstoneError `usage` for texts that are too long; `unauthorized` (`authorization_reused`), `ledger_broken`, `ref_moved`
 */
export async function requestAuthorization(desk: AuthorizationDesk, asking: Asking): Promise<AuthorizationRequest> {
  const { state, clock } = desk;
  const { expiryMinutes } = await desk.rules();
  const { random, operation, ...facts } = asking;
  const fresh = Buffer.from(random(16)).toString("hex");
  return await state.update(`authorization: request ${operation.name}`, async (view) => {
    if ((await readAuthorization(view, asking.id)) !== undefined) throw reused(asking.id);
    const repository = (await readRepositoryId(view)) ?? fresh;
    const now = clock.now();
    const request = checked({
      ...facts,
      repository,
      operation: operation.name,
      risk: { level: operation.risk, reasons: [...operation.because] },
      role: operation.role,
      requestedAt: formatInstant(now),
      expiresAt: formatInstant(now + BigInt(Math.round(expiryMinutes * 60e9))),
    });
    const record = { schema: "whetstone.authorization/1", request, grant: null, use: null, revocation: null } as const;
    const { change } = await planLedger(view, [entryOf(request)], { clock });
    return { change: new Map([...change, repositoryFile(repository), authorizationFile(record)]), value: request };
  });
}

function entryOf(request: AuthorizationRequest) {
  return {
    actor: request.requestedBy,
    operation: "authorization.request",
    target: request.target,
    decision: "none",
    reasonCode: "ok",
    result: `${request.operation}, risk ${request.risk.level}`,
    parametersDigest: digestOf(request),
    run: request.id,
    authorization: request.id,
  } as const;
}

function checked(request: AuthorizationRequest): AuthorizationRequest {
  const parsed = AuthorizationRequest.safeParse(request);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new WhetstoneError(
    "usage",
    `This cannot be asked for: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}.`,
    {
      remedy: "Nothing was put on record. Keep names below 200 characters and texts below 500.",
      cause: parsed.error,
    },
  );
}

function reused(id: string) {
  return unauthorized({
    reason: "authorization_reused",
    message: `${id} is on record already.`,
    remedy: "Ask again without an id of your own.",
  });
}
