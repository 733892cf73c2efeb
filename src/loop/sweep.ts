import { join } from "node:path";
import { removeWorktree } from "../github/worktree.ts";
import { sweepLeases } from "../protect/lease.ts";
import type { Workspace } from "../wire.ts";

/** Removes what killed runs left behind: worktrees, unfinished proposal branches, processes. One line each. */
export async function sweep({ root, folder, forge }: Workspace): Promise<string[]> {
  const { swept, problems } = await sweepLeases({
    folder: join(folder, "leases"),
    removeWorktree: (path) => removeWorktree({ root, path }),
    closeBranch: async ({ branch, sha }) => void (await forge.closeProposal(branch, sha)),
    killProcessGroup: (pid) => {
      process.kill(-pid, "SIGKILL");
    },
  });
  return [
    ...swept.map((id) => `recovered: removed what the interrupted run ${id} had left behind`),
    ...problems.map(({ file, detail }) => `warning: ${file} could not be swept: ${detail}`),
  ];
}
