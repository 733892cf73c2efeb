import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { AppIdentity, RepositoryAccess } from "./app/repository.ts";
import { parseConfig } from "./config/parse.ts";
import type { ProtectionSettings } from "./config/protection.ts";
import { Config } from "./config/schema.ts";
import type { GitHubGraph } from "./github/graphql.ts";
import type { Forge } from "./github/port.ts";
import { restCommits } from "./github/rest/commits.ts";
import { openRestForge } from "./github/rest/forge.ts";
import { restHistory } from "./github/rest/history.ts";
import { openRestHost } from "./github/rest/host.ts";
import { openRestState } from "./github/rest-state.ts";
import { STOP_VARIABLE } from "./model/stop.ts";
import type { Clock } from "./model/time.ts";
import { rolesOnGitHub } from "./protect/authorization/permission-roles.ts";
import { guardForge, guardState, openGuard } from "./protect/guard.ts";
import { guardCommits, guardHost } from "./protect/guard-host.ts";
import { openKillSwitch } from "./protect/kill-switch.ts";
import { openSigningKeys } from "./protect/signing-key.ts";

/** What a repository is opened with. */
export type RepositoryPlace = {
  readonly owner: string;
  readonly repo: string;
  readonly self: AppIdentity;
  readonly client: GitHubGraph;
  readonly clock: Clock;
  /** Folder on the machine of the App, for what must hold without GitHub, such as a stop. */
  readonly folder: string;
  /** Folder of a clone instead, whose flag and keys of people are then those that count. */
  readonly here?: string;
  /** Id under which the ledger keeps what belongs together: that of the delivery. */
  readonly run: string;
};

/**
 * Opens a repository for the App; asks GitHub for nothing yet. Who may grant what follows from GitHub's
 * permissions and `protection` of the default branch.
 */
export function openRepository(opening: RepositoryPlace): RepositoryAccess {
  const { owner, repo, self, client, clock, run } = opening;
  const folder = opening.here ?? join(opening.folder, owner, repo);
  const place = { owner, repo, client };
  const state = openRestState({ owner, repo, octokit: client, now: clock.now });
  const host = openRestHost({ ...place, self: self.login });
  const forge = openRestForge(place);
  const config = (): Promise<Config> => configOf(forge);
  const protection = async (): Promise<ProtectionSettings> => (await config()).protection;
  const roles = rolesOnGitHub(host.repository, async () => (await protection()).roles);
  const desk = { state, clock, roles, rules: protection };
  const killSwitch = openKillSwitch({
    state,
    folder,
    clock,
    variable: () => host.repository.variable(STOP_VARIABLE),
  });
  const guard = openGuard({ desk, killSwitch });
  const acting = { actor: { type: "bot", id: self.login }, target: `${owner}/${repo}`, run } as const;
  return {
    owner,
    repo,
    self,
    client,
    host: guardHost(host, guard, acting),
    forge: guardForge(forge, guard, acting),
    commits: guardCommits(restCommits(place), guard, acting),
    history: restHistory(place),
    state: guardState(state, guard, acting),
    desk,
    killSwitch,
    guard,
    keys: { folder: openSigningKeys(join(folder, "keys")), random: randomBytes },
    config,
  };
}

async function configOf(forge: Forge): Promise<Config> {
  const { sha } = await forge.head();
  const bytes = await forge.read(sha, "whetstone.yaml");
  if (bytes === undefined) return Config.parse({ version: 1 });
  return parseConfig(new TextDecoder().decode(bytes), "whetstone.yaml");
}
