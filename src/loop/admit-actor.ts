import type { Actor } from "../model/ledger.ts";
import type { JobRun } from "../model/step-verdict.ts";
import { type Arrived, takeAskedRun } from "../protect/asked-runs.ts";
import { recordingDenials } from "../protect/authorization/denial.ts";
import { unauthorized } from "../protect/authorization/refusal.ts";
import type { LoopHost } from "../protect/guard-host.ts";
import type { Workspace } from "../wire.ts";
import type { LoopRun } from "./run.ts";

/** Permissions on GitHub that may start a run: of those who could push the change themselves, whatever their role is called. */
const MAY_START = ["admin", "maintain", "write"];

/** What of a workspace is asked. */
type Place = Pick<Workspace, "state" | "clock" | "targetName"> & {
  readonly hosted?: { readonly host: Pick<LoopHost, "repository"> };
};

/** Who is at the door. */
export type Starting = {
  /** Names of the accounts that started the workflow run. */
  readonly logins: readonly string[];
  readonly workflow: JobRun | undefined;
  readonly dryRun: boolean;
};

/**
 * Everybody who started a run on GitHub may write to its repository: who dispatched it, and who had it run again. The
 * permission is asked of GitHub; neither a name nor an association says anything about it. Where Whetstone's App started it,
 * the person counts whom the state branch names as having asked for just this run; what was asked for is returned. A refusal is put on
 * record.
 * @throws WhetstoneError `unauthorized` (`actor_not_allowed`), `api_failed`
 */
export async function admitActors(
  { workspace, actor, id }: Pick<LoopRun, "actor" | "id"> & { readonly workspace: Place },
  { logins, workflow, dryRun }: Starting,
): Promise<Arrived | undefined> {
  const { hosted, state, clock, targetName: target } = workspace;
  if (hosted === undefined) return undefined;
  const attempt = { actor, operation: "loop.start", target, run: id, parameters: { logins } };
  const { repository } = hosted.host;
  return await recordingDenials({ state, clock }, attempt, async () => {
    let arrived: Arrived | undefined;
    for (const login of new Set(logins)) {
      const found = isBot(login) && workflow !== undefined ? await asked(login, workflow) : undefined;
      arrived ??= found;
      await assertMayStart(repository, found?.asked.by ?? { type: "person", id: login });
    }
    return arrived;
  });

  function asked(app: string, { id: run }: JobRun): Promise<Arrived | undefined> {
    return takeAskedRun(state, { app, run, target, loop: id, mark: !dryRun });
  }
}

/** GitHub gives no person a name with brackets. */
function isBot(login: string): boolean {
  return login.endsWith("[bot]");
}

async function assertMayStart({ permission }: LoopHost["repository"], { type, id }: Actor): Promise<void> {
  // A bot that the default branch lists has asked; the App looked it up when it was asked.
  if (type === "bot") return;
  const held = await permission(id);
  if (MAY_START.includes(held)) return;
  throw unauthorized({
    reason: "actor_not_allowed",
    message: `${id} has the permission ${held} on the repository and may not start a run.`,
    remedy: "Somebody who may write to the repository can start it.",
  });
}
