import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gitText } from "../../src/github/git.ts";

/** A real git repository in a temporary folder. */
export type TestRepository = AsyncDisposable & {
  readonly root: string;
  readonly git: (...args: string[]) => Promise<string>;
  readonly write: (files: Readonly<Record<string, string | Uint8Array>>) => Promise<void>;
  /** Writes and commits; returns the commit. */
  readonly commit: (files: Readonly<Record<string, string | Uint8Array>>) => Promise<string>;
};

/** An empty folder that is gone at the end of the scope. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "whetstone-test-")));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A repository on branch `main` without a commit. */
export async function temporaryRepository(): Promise<TestRepository> {
  const folder = await temporaryFolder();
  const root = folder.path;
  const git = (...args: string[]) => gitText({ args, cwd: root });
  await git("init", "--quiet", "--initial-branch=main");
  const write: TestRepository["write"] = async (files) => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
    }
  };
  const commit: TestRepository["commit"] = async (files) => {
    await write(files);
    await git("add", "--all");
    await git("commit", "--quiet", "--allow-empty", "-m", "files");
    return await git("rev-parse", "HEAD");
  };
  return { root, git, write, commit, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}
