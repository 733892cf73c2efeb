import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Env, Secret } from "./config/env.ts";
import { readConfig, selectTarget } from "./config/read.ts";
import { ProtectionSettings } from "./config/protection.ts";
import type { Config, Target } from "./config/schema.ts";
import type { Commits } from "./github/commit-port.ts";
import type { History } from "./github/history-port.ts";
import { restCommits } from "./github/rest/commits.ts";
import { openRestForge } from "./github/rest/forge.ts";
import { restHistory } from "./github/rest/history.ts";
import { openRestHost } from "./github/rest/host.ts";
import { openGitHubClient } from "./github/client.ts";
import type { GitHubGraph } from "./github/graphql.ts";
import { openGitState } from "./github/git-state.ts";
import { openLocalForge } from "./github/local.ts";
import type { Forge } from "./github/port.ts";
import { openRestState } from "./github/rest-state.ts";
import type { StateStore } from "./github/state-port.ts";
import { addWorktree, removeWorktree } from "./github/worktree.ts";
import { WhetstoneError } from "./model/error.ts";
import type { Actor } from "./model/ledger.ts";
import { formatInstant, type Clock } from "./model/time.ts";
import type { AuthorizationDesk } from "./protect/authorization/ports.ts";
import { configuredRoles } from "./protect/authorization/roles.ts";
import {
  type Acting,
  type Guard,
  guardForge,
  guardState,
  guardWorktrees,
  openGuard,
  type Worktrees,
} from "./protect/guard.ts";
import { guardCommits, guardDeployments, type GuardedHost, guardHost, type LoopHost } from "./protect/guard-host.ts";
import { type KillSwitch, openKillSwitch } from "./protect/kill-switch.ts";
import { signingState } from "./protect/ledger-signing.ts";
import { openSigningKeys, type SigningKeyFolder } from "./protect/signing-key.ts";
import { isPostgresUrl, openStore } from "./store/open.ts";
import type { Store } from "./store/store.ts";

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6)),
  monotonicMs: () => performance.now(),
};

/** Random bytes of the operating system. */
export function systemRandom(bytes: number): Uint8Array {
  return randomBytes(bytes);
}

/** An id that sorts by time: `r-20261120T104512Z-3f9a1c`. */
export function newId(prefix: string, clock: Clock): string {
  const time = formatInstant(clock.now()).replaceAll(/[-:]|\.\d+/g, "");
  return `${prefix}-${time}-${randomBytes(3).toString("hex")}`;
}

/** What the flags of a command say about where things are. */
export type Places = {
  readonly cwd: string;
  readonly config?: string;
  readonly db?: string;
  /** A store file that was named must be there: reading a mistyped one would find nothing, as if all were well. */
  readonly mustExist?: boolean;
  /** Where the state is: on the branch of this repository on GitHub, instead of the one on this disk. */
  readonly github?: GitHubPlace;
  /** Who acts, for what the protection layer puts on record; Whetstone itself when absent. */
  readonly actor?: Actor;
};

/** A repository on GitHub, and the token that reaches it. */
export type GitHubPlace = {
  readonly owner: string;
  readonly repo: string;
  readonly token: Secret;
  /** Address of the REST API; that of github.com when absent. */
  readonly baseUrl?: string | undefined;
  /** Value of the variable that stops everything, as a workflow was told it; the token of a job may not read variables. */
  readonly stop?: string | undefined;
  /** Account that the token belongs to: `github-actions[bot]` for a job's own, `NAME[bot]` for an App's. */
  readonly self: string;
};

/** Folder of a repository that holds store, dossiers and worktrees; never committed. */
export const WORK_FOLDER = ".whetstone";
/** Where the span store is unless somebody says otherwise; the default of `db:` too. */
const USUAL_STORE = join(WORK_FOLDER, "whetstone.db");

/** The span store that flags, environment or configuration name, in this order: a postgres:// URL or an absolute path. */
export function spanStoreUrl(places: Places, env: Env, config?: Config): string {
  const named = places.db ?? env.databaseUrl ?? config?.db ?? USUAL_STORE;
  if (isPostgresUrl(named)) return named;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(named)?.[1];
  if (scheme === undefined) return isAbsolute(named) ? named : resolve(places.cwd, named);
  throw new WhetstoneError("usage", `A store cannot be opened by ${scheme}://.`, {
    remedy: "Name a file (SQLite), or a postgres:// URL.",
  });
}

/** Undefined where the store is the usual one of the folder, which may well be empty. */
function whoNamesStore({ db }: Places, { databaseUrl }: Env, config?: Config): string | undefined {
  if (db !== undefined) return "--db";
  if (databaseUrl !== undefined) return "DATABASE_URL";
  // The usual place is nobody's mistake: `whetstone init` writes it, and the first call fills it.
  return config === undefined || config.db === USUAL_STORE ? undefined : "`db:` in the configuration";
}

/**
 * Whether the store that {@link spanStoreUrl} names is there; makes none. A database server counts as there.
 * @throws WhetstoneError `not_found` for a store that somebody named; `usage`
 */
export function isStoreThere(places: Places, env: Env, config?: Config): boolean {
  const url = spanStoreUrl(places, env, config);
  if (isPostgresUrl(url) || existsSync(url)) return true;
  const namedBy = whoNamesStore(places, env, config);
  if (namedBy === undefined) return false;
  throw new WhetstoneError("not_found", `There is no store at ${url}.`, {
    remedy: `Check the path given with ${namedBy}, or fill a store with \`whetstone proxy\` or \`whetstone import\`.`,
  });
}

/**
 * Opens the span store that {@link spanStoreUrl} names.
 * @throws WhetstoneError `not_found` where it must exist, was named and does not; `usage`, `store_open_failed`
 */
export async function openSpanStore(places: Places, env: Env, config?: Config): Promise<Store> {
  if (places.mustExist === true) isStoreThere(places, env, config);
  return openStore({ url: spanStoreUrl(places, env, config) });
}

/** What protects a repository. */
export type Protection = {
  readonly desk: AuthorizationDesk;
  readonly killSwitch: KillSwitch;
  readonly guard: Guard;
  /** Private keys of the person at this machine. */
  readonly keys: SigningKeyFolder;
};

/** Opens the protection of the repository at `root`; touches nothing. Settings are the defaults when absent; the state is on this disk without `github`. */
export function openProtection(root: string, settings?: ProtectionSettings, github?: GitHubPlace): Protection {
  const folder = join(root, WORK_FOLDER);
  const keys = openSigningKeys(join(folder, "keys"));
  const kept = github === undefined ? openGitState({ cwd: root, now: systemClock.now }) : stateOnGitHub(github);
  const state = signingState(kept, { keys, clock: systemClock });
  const { roles, ...rules } = settings ?? ProtectionSettings.parse({});
  // The person at the keyboard could write the state branch by hand: roles bind from where they are given on.
  const holders = configuredRoles(roles, { unconfigured: "admin" });
  const desk = { state, clock: systemClock, roles: holders, rules: () => Promise.resolve(rules) };
  const told = github?.stop;
  const variable = told === undefined ? {} : { variable: () => Promise.resolve(told) };
  const killSwitch = openKillSwitch({ state, folder, clock: systemClock, ...variable });
  return { desk, killSwitch, guard: openGuard({ desk, killSwitch }), keys };
}

/** One client of a place: it spaces writes and remembers what was read, which two would do side by side. */
const clients = new WeakMap<GitHubPlace, GitHubGraph>();

function clientOf(place: GitHubPlace): GitHubGraph {
  const { token, baseUrl } = place;
  const client = clients.get(place) ?? openGitHubClient({ token, ...(baseUrl === undefined ? {} : { baseUrl }) });
  clients.set(place, client);
  return client;
}

function stateOnGitHub(place: GitHubPlace): StateStore {
  return openRestState({ owner: place.owner, repo: place.repo, octokit: clientOf(place), now: systemClock.now });
}

/** What a run does on the repository's host beyond its state; its writes go through the guard. */
export type Hosted = {
  readonly forge: Forge;
  readonly commits: Commits;
  readonly host: LoopHost;
  readonly history: History;
};

function openHosted(place: GitHubPlace, guard: Guard, acting: Acting): Hosted & { readonly host: GuardedHost } {
  const { owner, repo, self } = place;
  const repository = { owner, repo, client: clientOf(place) };
  return {
    forge: guardForge(openRestForge(repository), guard, acting),
    commits: guardCommits(restCommits(repository), guard, acting),
    host: guardHost(openRestHost({ ...repository, self }), guard, acting),
    history: restHistory(repository),
  };
}

/** A repository on GitHub alone, without a clone: what a rollback or a stop works on. Its writes go through the guard. */
export type Remote = Omit<Hosted, "host"> & {
  readonly host: GuardedHost;
  readonly state: StateStore;
  readonly killSwitch: KillSwitch;
  readonly clock: Clock;
  /** Id under which the ledger keeps what belongs together. */
  readonly run: string;
};

/** Opens a repository on GitHub; `root` is the folder whose own flag counts as well. Asks GitHub for nothing yet. */
export function openRemote(github: GitHubPlace, root: string, actor: Actor): Remote {
  const { desk, guard, killSwitch } = openProtection(root, undefined, github);
  const { owner, repo } = github;
  const run = newId("w", systemClock);
  const acting = { actor, target: `${owner}/${repo}`, run };
  return {
    ...openHosted(github, guard, acting),
    state: guardState(desk.state, guard, acting),
    killSwitch,
    clock: systemClock,
    run,
  };
}

/** What a rollout's hooks on GitHub are run with; writes go through the guard. */
export function openDeploymentHost(
  { owner, repo, token, baseUrl, self }: GitHubPlace,
  { guard, acting }: Pick<Workspace, "guard" | "acting">,
) {
  const client = openGitHubClient({ token, ...(baseUrl === undefined ? {} : { baseUrl }) });
  const repository = { owner, repo, client };
  return guardDeployments(openRestHost({ ...repository, self }), { guard, acting });
}

/** A repository with its configuration: what the stages of the loop work on. Its writes go through the guard. */
export type Workspace = {
  readonly root: string;
  readonly config: Config;
  readonly targetName: string;
  readonly target: Target;
  readonly forge: Forge;
  readonly state: StateStore;
  /** The repository's host, where the state is on GitHub. */
  readonly hosted?: Hosted;
  readonly worktrees: Worktrees;
  readonly guard: Guard;
  /** For whom the guard is asked. */
  readonly acting: Acting;
  readonly killSwitch: KillSwitch;
  readonly clock: Clock;
  /** Environment of child processes: minimal, with this Node first in the path. */
  readonly childEnv: Readonly<Record<string, string>>;
  readonly folder: string;
};

/**
 * Opens the repository around `cwd` and the configuration.
 * @throws WhetstoneError `not_a_repository`, `config_missing`, `config_invalid`, `target_unknown`.
 */
export async function openWorkspace(places: Places, env: Env, target?: string): Promise<Workspace> {
  const forge = await openLocalForge({ cwd: places.cwd, now: systemClock.now });
  const config = await readConfig(resolve(places.cwd, places.config ?? "whetstone.yaml"));
  const selected = selectTarget(config, target);
  const { desk, guard, killSwitch } = openProtection(forge.root, config.protection, places.github);
  const actor = places.actor ?? { type: "bot", id: "whetstone" };
  const acting = { actor, target: selected.name, run: newId("w", systemClock) };
  return {
    root: forge.root,
    config,
    targetName: selected.name,
    target: selected.target,
    forge: guardForge(forge, guard, acting),
    state: guardState(desk.state, guard, acting),
    ...(places.github === undefined ? {} : { hosted: openHosted(places.github, guard, acting) }),
    worktrees: guardWorktrees({ add: addWorktree, remove: removeWorktree }, guard, acting),
    guard,
    acting,
    killSwitch,
    clock: systemClock,
    childEnv: childEnvironment(env),
    folder: join(forge.root, WORK_FOLDER),
  };
}

/** Servers and checks run on the Node that runs Whetstone, whatever the machine has installed. */
export function childEnvironment(env: Env): Readonly<Record<string, string>> {
  const path = [dirname(process.execPath), env.child["PATH"]].filter((part) => part !== undefined).join(":");
  return { ...env.child, PATH: path };
}
