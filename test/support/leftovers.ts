import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { SampleProject } from "./sample-project.ts";

/** What a run must not leave behind: worktrees, proposal branches, leases, processes working in the repository. */
export type Leftovers = {
  readonly worktrees: readonly string[];
  readonly branches: readonly string[];
  readonly leases: readonly string[];
  readonly drafts: readonly string[];
  readonly processes: readonly number[];
};

/** Nothing left. */
export const NOTHING: Leftovers = { worktrees: [], branches: [], leases: [], drafts: [], processes: [] };

/** Looks at git, the work folder and the process table; what ends by itself, its input closed, has a while to do so. */
export async function leftovers({ root, git }: Pick<SampleProject, "root" | "git">): Promise<Leftovers> {
  const listed = git("worktree", "list", "--porcelain")
    .split("\n")
    .filter((line) => line.startsWith("worktree "));
  const branches = git("for-each-ref", "--format=%(refname:short)", "refs/heads/whetstone/proposal");
  const dossiers = await names(join(root, ".whetstone", "dossiers"));
  return {
    worktrees: [...listed.slice(1), ...(await names(join(root, ".whetstone", "worktrees")))],
    branches: branches === "" ? [] : branches.split("\n"),
    leases: await names(join(root, ".whetstone", "leases")),
    drafts: dossiers.filter((name) => name.startsWith(".")),
    processes: await stayingIn(root),
  };
}

async function names(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []); // a folder that was never made holds nothing
}

/** How often the process table is looked at, and how long between looks, ms: half a minute. */
const LOOKS = 600;
const LOOK_MS = 50;

/** Processes in the folder that do not go away. */
async function stayingIn(root: string): Promise<number[]> {
  for (let look = 1; look < LOOKS; look += 1) {
    if ((await processesIn(root)).length === 0) return [];
    await new Promise((again) => setTimeout(again, LOOK_MS));
  }
  return await processesIn(root);
}

/** Processes whose working folder is the repository or one below it (Linux). */
export async function processesIn(root: string): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await names("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const cwd = await readlink(`/proc/${entry}/cwd`).catch(() => ""); // gone in between, or not ours
    if (cwd.startsWith(root)) found.push(Number(entry));
  }
  return found;
}
