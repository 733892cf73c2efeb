import { randomBytes } from "node:crypto";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Env } from "./config/env.ts";
import { readConfig, selectTarget } from "./config/read.ts";
import type { Config, Target } from "./config/schema.ts";
import { openGitState } from "./github/git-state.ts";
import { openLocalForge } from "./github/local.ts";
import type { Forge } from "./github/port.ts";
import type { StateStore } from "./github/state-port.ts";
import { formatInstant, type Clock } from "./model/time.ts";
import { isPostgresUrl, openStore } from "./store/open.ts";
import type { SpanStore } from "./store/port.ts";

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
export type Places = { readonly cwd: string; readonly config?: string; readonly db?: string };

/** Folder of a repository that holds store, dossiers and worktrees; never committed. */
export const WORK_FOLDER = ".whetstone";

/** The span store that flags, environment or configuration name, in this order: a postgres:// URL or an absolute path. */
export function spanStoreUrl(places: Places, env: Env, config?: Config): string {
  const named = places.db ?? env.databaseUrl ?? config?.db ?? join(WORK_FOLDER, "whetstone.db");
  return isPostgresUrl(named) || isAbsolute(named) ? named : resolve(places.cwd, named);
}

/** Opens the span store that {@link spanStoreUrl} names. */
export function openSpanStore(places: Places, env: Env, config?: Config): Promise<SpanStore> {
  return openStore({ url: spanStoreUrl(places, env, config) });
}

/** A repository with its configuration: what the stages of the loop work on. */
export type Workspace = {
  readonly root: string;
  readonly config: Config;
  readonly targetName: string;
  readonly target: Target;
  readonly forge: Forge;
  readonly state: StateStore;
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
  return {
    root: forge.root,
    config,
    targetName: selected.name,
    target: selected.target,
    forge,
    state: openGitState({ cwd: forge.root, now: systemClock.now }),
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
