import { WhetstoneError } from "../model/error.ts";
import type { Proposal } from "../model/proposal.ts";
import type { CheckRun } from "./judge.ts";
import { runCommand } from "./run-command.ts";
import type { ValidateDeps } from "./stage.ts";

/** Longest preparation of a worktree, s. */
export const PREPARE_SECONDS = 600;

/** A command that must succeed in a worktree. */
type Step = { readonly name: string; readonly run: string; readonly timeoutSeconds: number };

/** What is checked, and the worktree of its first preparation. */
export type Checked = { readonly proposal: Proposal; readonly worktree: string };

/** Every command that ran, in order, up to the first that failed, and the worktree to measure. */
export type ChecksRun = { readonly runs: readonly CheckRun[]; readonly path: string };

/**
 * Prepares the worktree and runs the target's checks in it. Checks execute the change, which may then alter the files
 * around it: what is measured afterwards is another worktree, prepared in the same way, in which no check ever ran.
 * @throws WhetstoneError `defect` when the patch applies once but not twice.
 */
export async function runChecks(deps: ValidateDeps, checked: Checked): Promise<ChecksRun> {
  const prepare: Step[] =
    deps.prepare === undefined ? [] : [{ name: "prepare", run: deps.prepare, timeoutSeconds: PREPARE_SECONDS }];
  const runs = await runSteps(deps, checked.worktree, [...prepare, ...deps.checks]);
  if (deps.checks.length === 0 || runs.some(({ exitCode }) => exitCode !== 0)) return { runs, path: checked.worktree };
  const fresh = await deps.applyInWorktree(checked.proposal, "replay");
  if (!fresh.ok) throw new WhetstoneError("defect", `The patch applied once, but not again: ${fresh.detail}`);
  return { runs: [...runs, ...(await runSteps(deps, fresh.path, prepare))], path: fresh.path };
}

async function runSteps(deps: ValidateDeps, worktree: string, steps: readonly Step[]): Promise<CheckRun[]> {
  const runs: CheckRun[] = [];
  for (const step of steps) {
    deps.progress({ label: step.name === "prepare" ? step.name : `check ${step.name}`, done: 3, total: 5 });
    const result = await runCommand({
      run: step.run,
      cwd: worktree,
      env: deps.env,
      timeoutMs: step.timeoutSeconds * 1000,
      ...(deps.signal ? { signal: deps.signal } : {}),
      ...(deps.lease ? { lease: deps.lease } : {}),
    });
    deps.signal?.throwIfAborted();
    runs.push({ name: step.name, command: step.run, ...result, tail: result.tail.replaceAll(worktree, ".") });
    if (result.exitCode !== 0) break;
  }
  return runs;
}
