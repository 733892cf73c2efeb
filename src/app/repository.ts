import type { AppSettings } from "../config/app.ts";
import type { Config } from "../config/schema.ts";
import type { Commits } from "../github/commit-port.ts";
import type { History } from "../github/history-port.ts";
import type { Forge } from "../github/port.ts";
import type { GitHubClient } from "../github/rest-api.ts";
import type { StateStore } from "../github/state-port.ts";
import type { Actor } from "../model/ledger.ts";
import type { AuthorizationDesk } from "../protect/authorization/ports.ts";
import type { Guard } from "../protect/guard.ts";
import type { GuardedHost } from "../protect/guard-host.ts";
import type { SigningKeyFolder } from "../protect/signing-key.ts";
import type { KillSwitch } from "../protect/kill-switch.ts";

/** The account of the App, by which it knows its own comments and pull requests. */
export type AppIdentity = {
  readonly appId: number;
  /** `NAME[bot]`. */
  readonly login: string;
};

/** A command as it was written: the issue or pull request, its word, and what stands after it. */
export type AskedCommand = { readonly conversation: number; readonly word: string; readonly rest: string };

/** One repository as the App reaches it; every write asks the guard first. */
export type RepositoryAccess = {
  readonly owner: string;
  readonly repo: string;
  readonly self: AppIdentity;
  /** For what no port offers; whoever writes with it asks the guard. */
  readonly client: GitHubClient;
  readonly host: GuardedHost;
  readonly forge: Forge;
  readonly commits: Commits;
  readonly history: History;
  readonly state: StateStore;
  readonly desk: AuthorizationDesk;
  readonly killSwitch: KillSwitch;
  readonly guard: Guard;
  /** Keys that this server signs with for people who permit something on GitHub; their tokens never leave it. */
  readonly keys: { readonly folder: SigningKeyFolder; readonly random: (bytes: number) => Uint8Array };
  /** The same repository, whose writes wait for no others of the installation; for stops. @throws WhetstoneError `api_failed` */
  readonly urgent?: () => Promise<RepositoryAccess | undefined>;
  /** The command that is being carried out, by which it is taken up again once somebody has permitted it. */
  readonly asked?: AskedCommand;
  /** A person's yes to a request that another person's command made. */
  readonly consent?: { readonly by: Actor; readonly id: string };
  /**
   * `whetstone.yaml` of the default branch as of now: what a pull request changes in it counts for nothing before it is
   * merged. Without the file: no targets, and the defaults.
   * @throws WhetstoneError `config_invalid`
   */
  readonly config: () => Promise<Config>;
};

/** Settings of the App that hold for a repository. @throws WhetstoneError `config_invalid` */
export async function appSettings({ config }: Pick<RepositoryAccess, "config">): Promise<AppSettings> {
  return (await config()).app;
}
