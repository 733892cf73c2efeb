import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

/** Folder of the example server, in this repository and in the demonstration's. */
export const EXAMPLE = "examples/notes-server";

/** Runs a program to its end; rejects when it fails. */
export const run = promisify(execFile);

/** A repository in a temporary folder that holds the example server alone, with one commit; it removes itself. */
export async function demoRepository(): Promise<AsyncDisposable & { readonly root: string }> {
  const root = await mkdtemp(join(tmpdir(), "whetstone-demo-"));
  const remove = () => rm(root, { recursive: true, force: true, maxRetries: 3 });
  try {
    await cp(EXAMPLE, join(root, EXAMPLE), { recursive: true });
    await cp("whetstone.yaml", join(root, "whetstone.yaml"));
    await symlink(resolve("node_modules"), join(root, "node_modules"));
    await writeFile(join(root, ".gitignore"), ".whetstone/\nnode_modules\n");
    const identity = ["-c", "user.name=Demo", "-c", "user.email=demo@example.invalid"];
    const git = (...args: string[]) => run("git", [...identity, ...args], { cwd: root });
    await git("init", "--quiet", "--initial-branch=main");
    await git("add", "--all");
    await git("commit", "--quiet", "-m", "The example server");
  } catch (error) {
    await remove();
    throw error;
  }
  return { root, [Symbol.asyncDispose]: remove };
}
