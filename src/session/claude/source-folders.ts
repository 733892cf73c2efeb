import { lstat, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../../model/error.ts";

/**
 * The folders of a worktree to write in, absolute, made where the commit has none. Left out is what is no folder of the
 * worktree: a file, or what leads elsewhere by a link at any level. Nothing is made outside of it.
 */
export async function sourceFolders(worktree: string, folders: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    if (await isOwnFolder(worktree, folder)) found.push(join(worktree, folder));
  }
  return found;
}

async function isOwnFolder(worktree: string, folder: string): Promise<boolean> {
  let path = worktree;
  for (const part of folder.split("/")) {
    path = join(path, part);
    if (!(await isFolder(path))) return false;
  }
  return true;
}

/** Whether a folder stands at a path, made now where nothing does. */
async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    await mkdir(path);
    return true;
  }
}
