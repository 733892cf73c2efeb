import { rm } from "node:fs/promises";
import { join } from "node:path";
import { sweepLeases } from "../protect/lease.ts";
import type { Actor } from "../model/ledger.ts";
import { removeDrafts } from "../protect/dossier.ts";
import { appendLedger } from "../protect/ledger.ts";
import { groupGone } from "../protect/process-group.ts";
import type { Workspace } from "../wire.ts";
import { dossierIdOf, ledgerEntry, runningFolder } from "./run.ts";

/** Removes what killed runs left behind: worktrees, unfinished proposal branches and dossiers, processes. One line and ledger record each. */
export async function sweep(workspace: Workspace, actor: Actor): Promise<string[]> {
  const { root, folder, forge, state, clock, worktrees } = workspace;
  const { swept, problems } = await sweepLeases({
    folder: join(folder, "leases"),
    removeWorktree: (path) => worktrees.remove({ root, path }),
    closeBranch: async ({ branch, sha }) => void (await forge.closeProposal(branch, sha)),
    killProcessGroup: async (pid) => {
      process.kill(-pid, "SIGKILL");
      await groupGone(pid);
    },
  });
  for (const id of swept) {
    await removeDrafts(join(folder, "dossiers"), dossierIdOf(id));
    await rm(runningFolder({ workspace, id }), { recursive: true, force: true, maxRetries: 3 });
  }
  const act = {
    operation: "recover",
    decision: "none",
    reasonCode: "recovered",
    result: "removed",
    parameters: {},
  } as const;
  const entries = swept.map((id) => ledgerEntry({ id, actor, workspace }, act));
  if (entries.length > 0) await appendLedger(state, entries, { clock });
  return [
    ...swept.map((id) => `recovered: removed what the interrupted run ${id} had left behind`),
    ...problems.map(({ file, detail }) => `warning: ${file} could not be swept: ${detail}`),
  ];
}
