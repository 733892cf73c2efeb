import { constants } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { codeOf } from "../../model/error.ts";
import type { CheckResult } from "./checks-server.ts";
import { runTool } from "./run-tool.ts";
import { makeLayers, type Program, sandboxed, type SandboxPlace } from "./sandbox.ts";

/** A command of the target that must succeed on the changed code. */
export type CheckCommand = { readonly name: string; readonly run: string; readonly timeoutSeconds: number };

/** What checks are run on. */
export type ChecksRun = {
  readonly checks: readonly CheckCommand[];
  readonly worktree: string;
  /** The whole environment of a check; nothing secret. */
  readonly env: Readonly<Record<string, string>>;
  /** What they see besides the copy; absent where this machine cannot confine them: they have a copy all the same. */
  readonly places?: readonly SandboxPlace[] | undefined;
  /** Folder for the copy's own files, outside the worktree. */
  readonly folder: string;
  readonly signal: AbortSignal;
};

/**
 * Runs checks in order up to the first that fails, in a copy of the worktree that is thrown away: they execute code that
 * a model may have just written. Confined they have no network, no key, and see
 * nothing but the copy and these places.
 */
export async function runChecks(options: ChecksRun): Promise<readonly CheckResult[]> {
  const { checks, worktree, signal } = options;
  await using copy = options.places === undefined ? await plainCopy(options) : await overlay(options, options.places);
  const results: CheckResult[] = [];
  for (const check of checks) {
    signal.throwIfAborted();
    const result = await runCheck(check, copy, options);
    results.push({ ...result, output: result.output.replaceAll(copy.path, ".").replaceAll(worktree, ".") });
    if (result.exitCode !== 0) break;
  }
  return results;
}

type Copy = AsyncDisposable & { readonly path: string; readonly wrap: (program: Program) => Program };

async function runCheck(
  { name, run, timeoutSeconds }: CheckCommand,
  copy: Copy,
  options: ChecksRun,
): Promise<CheckResult> {
  // Standard error keeps the end of what was written, which says why it failed.
  const shell = copy.wrap({ program: "/bin/sh", args: ["-c", `exec 1>&2\n${run}`] });
  const command = { ...shell, cwd: copy.path, env: options.env, timeoutMs: timeoutSeconds * 1_000 };
  try {
    const { code, stderr } = await runTool({ ...command, signal: options.signal });
    return { name, exitCode: code, timedOut: false, output: stderr };
  } catch (error) {
    if (codeOf(error) !== "timeout") throw error;
    return { name, exitCode: null, timedOut: true, output: `ended after ${timeoutSeconds} s` };
  }
}

/** The worktree at its own place, with whatever is written kept aside. */
async function overlay({ folder, worktree }: ChecksRun, places: readonly SandboxPlace[]): Promise<Copy> {
  const layers = await makeLayers(folder);
  const copied = { path: worktree, layers: layers.path };
  return {
    path: worktree,
    wrap: (program) => sandboxed(program, { root: layers.root, cwd: worktree, places, copied, network: "none" }),
    [Symbol.asyncDispose]: () => layers[Symbol.asyncDispose](),
  };
}

/** Beside the worktree, so that packages installed in a folder above are found from there too. */
async function plainCopy({ worktree }: ChecksRun): Promise<Copy> {
  const path = await mkdtemp(join(dirname(worktree), `${basename(worktree)}-checks-`));
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 });
  const filter = (from: string): boolean => relative(worktree, from) !== ".git";
  try {
    await cp(worktree, path, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE, filter });
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, wrap: (program) => program, [Symbol.asyncDispose]: remove };
}
