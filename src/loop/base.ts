import { WhetstoneError } from "../model/error.ts";
import type { CommitSha } from "../model/json.ts";
import { PREPARE_SECONDS } from "../validate/checks.ts";
import { runCommand } from "../validate/run-command.ts";
import type { LoopRun } from "./run.ts";

/** What making the base needs of a run. */
type Owner = Pick<LoopRun, "workspace" | "worktree" | "lease" | "progress" | "signal">;

/** {@link preparedWorktree} of the unchanged base, which both versions are compared with. */
export function baseWorktree(run: Owner, sha: CommitSha): Promise<string> {
  return preparedWorktree(run, "base", sha);
}

/**
 * A fresh worktree of a commit, prepared as the target says; it goes with the run.
 * @throws WhetstoneError `prepare_failed` with the end of the command's output, `git_failed`
 */
export async function preparedWorktree(run: Owner, name: string, sha: CommitSha): Promise<string> {
  const { target, childEnv } = run.workspace;
  const path = await run.worktree(name, sha);
  if (target.prepare === undefined) return path;
  run.progress({ label: "prepare", done: 0, total: 1 });
  const { exitCode, timedOut, tail } = await runCommand({
    run: target.prepare,
    cwd: path,
    env: { ...childEnv, ...target.env },
    timeoutMs: PREPARE_SECONDS * 1000,
    lease: run.lease,
    ...(run.signal ? { signal: run.signal } : {}),
  });
  run.signal?.throwIfAborted();
  if (exitCode === 0) return path;
  const how = timedOut ? `took longer than ${PREPARE_SECONDS} s` : `ended with exit code ${exitCode ?? "none"}`;
  const said = tail.trim() === "" ? "" : ` It ends with:\n${tail.trimEnd().replaceAll(path, ".")}`;
  throw new WhetstoneError("prepare_failed", `"${target.prepare}" ${how} on the unchanged code.${said}`, {
    remedy: "Run it in a fresh clone of the commit; what it needs must be committed or installed on this machine.",
    data: { command: target.prepare, exitCode, timedOut },
  });
}
