import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readConfig } from "../config/read.ts";
import type { Config } from "../config/schema.ts";
import { repositoryRoot } from "../github/repository.ts";
import { codeOf } from "../model/error.ts";
import type { Actor } from "../model/ledger.ts";
import { openProtection, type Protection } from "../wire.ts";
import { localActor } from "./actor.ts";
import { type CommonOptions, DEFAULT_CONFIG } from "./command.ts";
import type { Io } from "./io.ts";

/** The protection of the repository around the working folder, and who is at the command line. */
export type CliProtection = Protection & {
  readonly root: string;
  readonly config: Config | undefined;
  readonly actor: Actor;
};

/**
 * Opens the protection by the file of `--config`, or by the repository's own `whetstone.yaml`: roles must not depend on
 * the folder that a command is typed in.
 * @throws WhetstoneError `not_a_repository`, `config_missing` for a file that was named, `config_invalid`
 */
export async function openCliProtection(options: CommonOptions, io: Io): Promise<CliProtection> {
  const root = await repositoryRoot(io.cwd);
  const config = await configOf(options, { io, root });
  return { ...openProtection(root, config?.protection), root, config, actor: cliActor(io) };
}

async function configOf({ config }: CommonOptions, place: { io: Io; root: string }): Promise<Config | undefined> {
  if (config !== undefined) return await readConfig(resolve(place.io.cwd, config));
  try {
    return await readConfig(join(place.root, DEFAULT_CONFIG));
  } catch (error) {
    if (codeOf(error) === "config_missing") return undefined;
    throw error;
  }
}

/** Who is at the command line. A job of continuous integration is no person, so that it cannot grant. */
export function cliActor({ env }: Pick<Io, "env">): Actor {
  const { id } = localActor();
  return { type: env.ci ? "workflow" : "person", id };
}

/** The repository's root by its folders alone, for when git does not work; the folder itself when there is none. */
export function rootWithoutGit(cwd: string): string {
  let folder = resolve(cwd);
  while (!existsSync(join(folder, ".git"))) {
    const parent = dirname(folder);
    if (parent === folder) return resolve(cwd);
    folder = parent;
  }
  return folder;
}
