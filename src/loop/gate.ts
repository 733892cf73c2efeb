import { WhetstoneError } from "../model/error.ts";
import type { CommitSha } from "../model/json.ts";
import type { Stage } from "../model/stage.ts";
import { appendLedger, verifyLedger } from "../protect/ledger.ts";
import { ledgerEntry, type LoopRun } from "./run.ts";

/**
 * May this run start, and on which commit? Refuses a worktree that differs from HEAD: what is measured must be what
 * is committed. Refuses to add to a broken ledger.
 * @throws WhetstoneError `worktree_dirty`, `ledger_broken`.
 */
export async function gate(
  run: Pick<LoopRun, "id" | "actor" | "workspace">,
  options: { readonly record: boolean; readonly operation?: "loop.start" | "session.start" },
): Promise<Stage<{ baseSha: CommitSha }>> {
  const { forge, state, target, clock } = run.workspace;
  const head = await forge.head();
  const differing = await forge.uncommitted(folders(target.source));
  const changed = differing.filter((path) => !LOCK_FILE.test(path));
  const ignored = differing.length - changed.length;
  if (changed.length > 0) {
    const shown = changed.slice(0, 5).join(", ");
    throw new WhetstoneError(
      "worktree_dirty",
      `${changed.length} files differ from the commit that would be measured: ${shown}${changed.length > 5 ? ", …" : ""}.`,
      { remedy: "Commit or stash them, then run again.", data: { changed } },
    );
  }
  const ledger = await verifyLedger(await state.view());
  if (!ledger.ok) {
    throw new WhetstoneError("ledger_broken", `The ledger does not verify at record ${ledger.seq}: ${ledger.detail}`, {
      remedy: "Look at the branch whetstone/state with `whetstone audit show`; restore it from a copy that verifies.",
      data: { seq: ledger.seq },
    });
  }
  if (options.record) {
    const { operation = "loop.start" } = options;
    const act = { operation, decision: "allow", reasonCode: "ok", result: "started" } as const;
    await appendLedger(state, [ledgerEntry(run, { ...act, parameters: { base: head.sha } })], { clock });
  }
  const where = head.branch === undefined ? "detached HEAD" : head.branch;
  const beside = ignored === 0 ? "" : `, ${ignored} rewritten lock file${ignored === 1 ? "" : "s"} ignored`;
  const commit = `${run.workspace.targetName} at ${head.sha.slice(0, 12)} (${where}${beside})`;
  const summary = `${commit}, ledger of ${ledger.records} records verified`;
  return { verdict: "pass", reasons: ["ok"], summary, value: { baseSha: head.sha } };
}

/** Package managers rewrite their lock files on install, each version in its own way; what runs is what is installed. */
const LOCK_FILE = /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?)$/;

/** The folder in front of the first wildcard of each glob; what a glob takes out again is looked at all the same. */
function folders(globs: readonly string[]): string[] {
  const within = globs.filter((glob) => !glob.startsWith("!")).map((glob) => glob.replace(/[^/]*[*?[{(].*$/, ""));
  return within.map((folder) => (folder === "" ? "." : folder));
}
