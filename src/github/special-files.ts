import { gitRecords } from "./git.ts";

/** An index to compare with a commit; `env` names another index than the worktree's own. */
export type IndexPlace = {
  readonly cwd: string;
  readonly base: string;
  readonly env?: Readonly<Record<string, string>>;
};

const PLAIN = new Set(["000000", "100644", "100755"]);

/** Paths that differ between commit and index and are, or were, a symbolic link or submodule. */
export async function specialFiles({ cwd, base, env = {} }: IndexPlace): Promise<readonly string[]> {
  const args = ["diff-index", "--cached", "--raw", "-z", "--no-renames", base, "--"];
  const records = await gitRecords({ args, cwd, env });
  // Without renames each change is two records: `:oldmode newmode …` and the path.
  return records.filter((_, index) => {
    const head = records[index - 1];
    if (index % 2 === 0 || head === undefined) return false;
    return head
      .slice(1)
      .split(" ", 2)
      .some((mode) => !PLAIN.has(mode));
  });
}
