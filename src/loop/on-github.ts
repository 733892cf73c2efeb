import { type AppSettings } from "../config/app.ts";
import { parseConfig } from "../config/parse.ts";
import { Config } from "../config/schema.ts";
import { codeOf } from "../model/error.ts";
import type { Actor } from "../model/ledger.ts";
import { proposalOfBranch } from "../propose/recorded.ts";
import { type RolledBack, takeBack } from "../propose/revert/roll-back.ts";
import { type Sweep, sweepStop } from "../protect/stop/sweep.ts";
import { stopIssue } from "../protect/stop/tell.ts";
import { type GitHubPlace, openRemote, type Remote } from "../wire.ts";

/** A repository on GitHub that is acted on without a clone, and who does it. */
export type OnGitHub = { readonly github: GitHubPlace; readonly root: string; readonly actor: Actor };

/**
 * Takes a merged proposal back, as the App does; settings are those of the default branch.
 * @throws WhetstoneError of `takeBack`, and `config_invalid`
 */
export async function rollBackOnGitHub(
  { github, root, actor }: OnGitHub,
  { pull, why }: { readonly pull: number; readonly why: string },
): Promise<RolledBack> {
  const remote = openRemote(github, root, actor);
  const found = await remote.host.pulls.find(pull);
  const proposal =
    found === undefined || found.fork ? undefined : await proposalOfBranch(await remote.state.view(), found.branch);
  if (found === undefined || proposal === undefined)
    return { kind: "nothing", said: `#${pull} is no proposal of Whetstone that is on record here; nothing was done.` };
  const settings = (await settingsOf(remote)).rollback;
  return await takeBack(remote, { proposal, pull: found, by: actor, why, run: remote.run, settings });
}

/** Stops everything, as the App does; what fails is in the answer, and running it again completes it. */
export async function stopOnGitHub(
  { github, root, actor }: OnGitHub,
  { why, ownRun }: { readonly why: string | null; readonly ownRun: number | undefined },
): Promise<Sweep> {
  const remote = openRemote(github, root, actor);
  const { also, unread } = await namedBesides(remote);
  const swept = await sweepStop(remote, { by: actor, why, run: remote.run, also, ownRun });
  const done = unread ? { ...swept, failures: [...swept.failures, UNREAD] } : swept;
  await remote.host.notes.issue(stopIssue({ by: actor, why, done }));
  return done;
}

const UNREAD = { what: "whetstone.yaml", detail: "it cannot be read; workflows that it names besides go on" };

/** A configuration that cannot be read keeps nobody from stopping. */
async function namedBesides(remote: Remote): Promise<{ readonly also: readonly string[]; readonly unread: boolean }> {
  try {
    return { also: (await settingsOf(remote)).stop.workflows, unread: false };
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return { also: [], unread: true };
  }
}

async function settingsOf({ forge }: Remote): Promise<AppSettings> {
  const bytes = await forge.read((await forge.head()).sha, "whetstone.yaml");
  if (bytes === undefined) return Config.parse({ version: 1 }).app;
  return parseConfig(new TextDecoder().decode(bytes), "whetstone.yaml").app;
}
