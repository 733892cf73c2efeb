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

/**
 * Everybody who started a run on GitHub may write to its repository: who dispatched it, and who had it run again. The
 * permission is asked of GitHub; neither a name nor an association says anything about it. A refusal is put on record.
 * @throws WhetstoneError `unauthorized` (`actor_not_allowed`), `api_failed`
 */
export async function admitActors(
  { workspace, actor, id }: Pick<LoopRun, "actor" | "id"> & { readonly workspace: Place },
  logins: readonly string[],
): Promise<void> {
  const { hosted, state, clock, targetName: target } = workspace;
  if (hosted === undefined) return;
  const attempt = { actor, operation: "loop.start", target, run: id, parameters: { logins } };
  await recordingDenials({ state, clock }, attempt, async () => {
    for (const login of new Set(logins)) {
      const permission = await hosted.host.repository.permission(login);
      if (MAY_START.includes(permission)) continue;
      throw unauthorized({
        reason: "actor_not_allowed",
        message: `${login} has the permission ${permission} on the repository and may not start a run.`,
        remedy: "Somebody who may write to the repository can start it.",
      });
    }
  });
}
