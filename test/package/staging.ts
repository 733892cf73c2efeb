import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "../support/git-repository.ts";

/** Runs a program; rejects with its streams when it fails. */
export const run = promisify(execFile);

/** Environment in which `node` and `npm` are those of this repository, whoever started the tests. */
export const toolPath: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: [dirname(process.execPath), resolve("node_modules/.bin"), process.env["PATH"]].join(":"),
};

/**
 * A copy of what git would commit, with this repository's `node_modules`: a place to build and to pack in, so that
 * tests side by side do not meet in `dist/`.
 */
export async function stageRepository(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await temporaryFolder();
  const listed = await run("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    maxBuffer: 2 ** 26,
  });
  for (const file of listed.stdout.split("\0").filter((name) => name !== "" && existsSync(name))) {
    await mkdir(dirname(join(folder.path, file)), { recursive: true });
    await cp(file, join(folder.path, file));
  }
  await symlink(resolve("node_modules"), join(folder.path, "node_modules"));
  return folder;
}
