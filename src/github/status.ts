import { gitRecords } from "./git.ts";

/**
 * Paths whose index entry or file differs from HEAD, both names of a rename; untracked files that are not ignored too
 * when asked for. Sorted. Not by `git diff`, which would rewrite the index when only a file's time has changed.
 */
export async function differingPaths(
  cwd: string,
  options: { readonly untracked: boolean },
): Promise<readonly string[]> {
  const untracked = `--untracked-files=${options.untracked ? "all" : "no"}`;
  const args = ["status", "--porcelain=v1", "-z", "--no-renames", "--ignore-submodules=none", untracked];
  const records = await gitRecords({ args, cwd });
  // Each record is two letters of state, a blank and the path.
  return records.map((record) => record.slice(3)).sort();
}
