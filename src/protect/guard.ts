import type { Forge } from "../github/port.ts";
import type { StateStore } from "../github/state-port.ts";
import type { Subject } from "../model/authorization.ts";
import { canonicalJson, type CommitSha, type Digest } from "../model/json.ts";
import type { Actor } from "../model/ledger.ts";
import { recordingDenials } from "./authorization/denial.ts";
import type { AuthorizationDesk } from "./authorization/ports.ts";
import { unauthorized } from "./authorization/refusal.ts";
import { useAuthorization } from "./authorization/use.ts";
import { digestOf } from "./digest.ts";
import type { KillSwitch } from "./kill-switch.ts";
import { needsAuthorization, operationOf, type OperationName, type ProtectedOperation } from "./operations.ts";
import { assertPermit, issuePermit, type Permit } from "./permit.ts";

/** Who wants to do what to which target. */
export type Request = {
  readonly actor: Actor;
  readonly target: string;
  /** Id under which the ledger keeps what belongs together. */
  readonly run: string;
  /** What exactly would be changed, where the operation needs an authorization. */
  readonly subject?: Subject;
  /** The authorization as its token. */
  readonly token?: string | undefined;
  /** An authorization that another job of the same run used up, instead of a token. */
  readonly used?: UsedBefore | undefined;
};

/**
 * What a job that may write the state says of the authorization that it used up for one that may not. Whoever hands it to
 * the guard has held its digest against the one that the writing job announced.
 */
export type UsedBefore = {
  readonly authorization: string;
  readonly operation: OperationName;
  readonly target: string;
  readonly run: string;
  readonly actor: Actor;
  /** Digest of the subject. */
  readonly subject: Digest;
};

/** The one way to a permit. */
export type Guard = {
  /**
   * Permits an operation, or refuses it and puts the refusal on record.
   * @throws WhetstoneError `stopped` while the kill switch is set; `unauthorized` with its reason
   */
  readonly permit: <Name extends OperationName>(name: Name, request: Request) => Promise<Permit<Name>>;
};

/** What the guard decides by. The state is the unguarded one: the guard itself keeps the record. */
export type GuardParts = { readonly desk: AuthorizationDesk; readonly killSwitch: KillSwitch };

/** The protection layer: every operation is declared once, and asks here before it acts. */
export function openGuard({ desk, killSwitch }: GuardParts): Guard {
  return {
    permit: async (name, request) => {
      const operation = operationOf(name);
      const { actor, target, run } = request;
      const attempt = { actor, operation: name, target, run, parameters: request.subject ?? {} };
      return await recordingDenials(desk, attempt, async () => {
        if (!operation.whileStopped) await killSwitch.assertRunning();
        const authorization = needsAuthorization(operation) ? await authorize(desk, operation, request) : undefined;
        return issuePermit({
          operation: name,
          target,
          actor,
          ...(authorization === undefined ? {} : { authorization }),
        });
      });
    },
  };
}

async function authorize(desk: AuthorizationDesk, operation: ProtectedOperation, request: Request): Promise<string> {
  const { actor, target, token, subject, used } = request;
  if (used !== undefined) return usedBefore(used, operation, request);
  if (token === undefined || subject === undefined) {
    throw unauthorized({
      reason: "authorization_missing",
      message: `${operation.name} needs the permission of a person with the role ${operation.role}.`,
      remedy: `Ask for it: whetstone authorize request ${operation.name}`,
    });
  }
  return (await useAuthorization(desk, token, { operation, target, subject, actor })).request.id;
}

/** The only one that is used up in one job and acted on in another: its job runs a model and can write nothing. */
const IN_ANOTHER_JOB: readonly OperationName[] = ["session.refine"];

function usedBefore(used: UsedBefore, { name }: ProtectedOperation, request: Request): string {
  const { authorization, ...said } = used;
  const { target, run, actor, subject } = request;
  const asked = { operation: name, target, run, actor, subject: digestOf(subject ?? null) };
  const fits = IN_ANOTHER_JOB.some((one) => one === name) && canonicalJson(asked) === canonicalJson(said);
  if (fits) return authorization;
  throw unauthorized({
    reason: "authorization_altered",
    message: `${authorization} was used up for something else than ${name} of ${target} in ${run}.`,
    remedy: "Start a new run with a new authorization.",
  });
}

/** Who acts through guarded ports, and on what. */
export type Acting = Pick<Request, "actor" | "target" | "run">;

/** A forge whose writes ask the guard first. */
export function guardForge(forge: Forge, guard: Guard, acting: Acting): Forge {
  return {
    ...forge,
    openProposal: async (proposal) => {
      assertPermit(await guard.permit("proposal.open", acting), "proposal.open");
      return await forge.openProposal(proposal);
    },
    closeProposal: async (branch, sha) => {
      assertPermit(await guard.permit("proposal.close", acting), "proposal.close");
      return await forge.closeProposal(branch, sha);
    },
  };
}

/** Scratch copies of commits that a run works in. */
export type Worktrees = {
  readonly add: (place: { readonly root: string; readonly path: string; readonly sha: CommitSha }) => Promise<unknown>;
  readonly remove: (place: { readonly root: string; readonly path: string }) => Promise<void>;
};

/** Worktrees that are made and deleted with leave of the guard. */
export function guardWorktrees(worktrees: Worktrees, guard: Guard, acting: Acting): Worktrees {
  return {
    add: async (place) => {
      assertPermit(await guard.permit("worktree.add", acting), "worktree.add");
      await worktrees.add(place);
    },
    remove: async (place) => {
      assertPermit(await guard.permit("worktree.remove", acting), "worktree.remove");
      await worktrees.remove(place);
    },
  };
}

/** A state store whose writes ask the guard first. */
export function guardState(state: StateStore, guard: Guard, acting: Acting): StateStore {
  return {
    view: state.view,
    update: async (message, plan) => {
      assertPermit(await guard.permit("state.write", acting), "state.write");
      return await state.update(message, plan);
    },
  };
}
