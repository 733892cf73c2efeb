import { mkdir, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { confinementOf } from "../../../src/loop/confinement.ts";
import type { Confinement } from "../../../src/session/claude/confinement.ts";
import { runTool, type ToolEnd } from "../../../src/session/claude/run-tool.ts";
import { makeLayers, sandboxed, sandboxFault, type SandboxPlaces } from "../../../src/session/claude/sandbox.ts";
import { temporaryFolder } from "../../support/git-repository.ts";

/** Where programs of tests are. */
export const PROGRAMS = `${dirname(process.execPath)}:/usr/bin:/bin`;

/** What a session in a test sees: this repository's own program, its store, and for checks Node. */
export function seenBySession(storeUrl: string, worktree: string): Confinement | undefined {
  const places = { packageRoot: resolve("."), node: process.execPath, worktrees: dirname(worktree) };
  return confinementOf({ ...places, sandbox: "if-possible", storeUrl, path: PROGRAMS });
}

/** A folder with what a sandbox needs, and a working folder with `src` in it. */
export async function openTestBox(name = "cwd") {
  const owned = new AsyncDisposableStack();
  const root = await realpath(owned.use(await temporaryFolder()).path);
  const cwd = join(root, name);
  await mkdir(join(cwd, "src"), { recursive: true });
  const layers = owned.use(await makeLayers(root));
  const base = { root: layers.root, cwd, network: "host" } as const;
  return {
    root,
    cwd,
    layers,
    /** Runs shell commands confined. */
    sh: (text: string, places: Partial<SandboxPlaces> & Pick<SandboxPlaces, "places">): Promise<ToolEnd> => {
      const wrapped = sandboxed({ program: "/bin/sh", args: ["-c", text] }, { ...base, ...places });
      return runTool({ ...wrapped, cwd: "/", env: { PATH: "/usr/bin:/bin", SECRET: "no" }, timeoutMs: 60_000 });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Whether this machine can confine programs; a line on standard error says so when it cannot. */
export async function canConfine(): Promise<boolean> {
  await using folder = await temporaryFolder();
  const fault = await sandboxFault(folder.path);
  if (fault !== undefined) process.stderr.write(`Tests of confined sessions NOT RUN: ${fault}\n`);
  return fault === undefined;
}
