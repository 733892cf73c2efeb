import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { repositoryRoot } from "../github/repository.ts";
import { WORK_FOLDER } from "../wire.ts";

/** The folder that a dossier argument names: a path, or an id below the repository's dossiers. */
export async function dossierPath(named: string, cwd: string): Promise<string> {
  const path = resolve(cwd, named);
  if (existsSync(path) || named.includes("/")) return path;
  return resolve(await repositoryRoot(cwd), WORK_FOLDER, "dossiers", named);
}
