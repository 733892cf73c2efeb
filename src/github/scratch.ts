import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { WhetstoneError } from "../model/error.ts";
import { type CatFile, openCatFile } from "./cat-file.ts";
import { gitText, runGit, type GitResult } from "./git.ts";

/** A bare repository in a folder of its own that reads the objects of another one and is gone at the end of its scope. */
export type Scratch = AsyncDisposable & {
  readonly path: string;
  /** Removes the objects that were written here. */
  readonly clear: () => Promise<void>;
  /** Gives objects by id. */
  readonly object: CatFile;
  /** Runs git in it; `okCodes` as in `runGit`. */
  readonly run: (args: readonly string[], options?: ScratchOptions) => Promise<GitResult>;
};

/** Of one run in a scratch repository. */
export type ScratchOptions = { readonly input?: Uint8Array | string; readonly okCodes?: readonly number[] };

/**
 * Settings of the scratch repository, over {@link runGit}'s own. Nothing is durable here, nothing is fetched, and names
 * that another file system could take for `.git` are refused on every system.
 */
const SETTINGS = [
  "core.fsync=none",
  "core.attributesFile=/dev/null",
  "core.excludesFile=/dev/null",
  "core.protectHFS=true",
  "core.protectNTFS=true",
  "core.precomposeUnicode=false",
  "core.autocrlf=false",
  "core.quotePath=true",
  "core.useReplaceRefs=false",
  "core.untrackedCache=false",
  "core.splitIndex=false",
  "core.commitGraph=false",
  "index.threads=1",
  "gc.auto=0",
  "protocol.allow=never",
  "diff.external=",
  "diff.renames=true",
  "diff.renameLimit=1000",
  "diff.suppressBlankEmpty=false",
  "diff.mnemonicPrefix=false",
  "diff.ignoreSubmodules=none",
  "diff.algorithm=default",
];

/**
 * Makes a scratch repository beside `root`'s objects. Neither the user's nor the system's configuration or attributes
 * are read, nor those of the repository itself; it has no hook, filter, remote or replaced object.
 * @throws WhetstoneError `not_a_repository`, `git_failed`
 */
export async function openScratch(root: string): Promise<Scratch> {
  const [objects = "", format = "sha1"] = (await describe(root)).split("\n");
  if (objects === "" || /[\n"]/.test(objects)) throw unusable(root);
  const path = await realpath(await mkdtemp(join(tmpdir(), "whetstone-scratch-")));
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 });
  try {
    await lay(path, resolve(root, objects), format);
  } catch (error) {
    await remove();
    throw error;
  }
  const settings = SETTINGS.flatMap((setting) => ["-c", setting]);
  const env = environment(path);
  return {
    path,
    clear: () => removeObjects(path),
    object: openCatFile({ args: settings, cwd: path, env }),
    run: (args, options = {}) => runGit({ args: [...settings, ...args], cwd: path, env, ...options }),
    [Symbol.asyncDispose]: remove,
  };
}

function describe(root: string): Promise<string> {
  return gitText({ args: ["rev-parse", "--git-path", "objects", "--show-object-format"], cwd: root });
}

/** What `git init --bare` would make, without a process and without templates. */
async function lay(path: string, objects: string, format: string): Promise<void> {
  await mkdir(join(path, "objects/info"), { recursive: true });
  await mkdir(join(path, "refs/heads"), { recursive: true });
  const version = format === "sha1" ? 0 : 1;
  const extension = format === "sha1" ? "" : `[extensions]\n\tobjectFormat = ${format}\n`;
  await writeFile(join(path, "config"), `[core]\n\trepositoryFormatVersion = ${version}\n\tbare = true\n${extension}`);
  await writeFile(join(path, "HEAD"), "ref: refs/heads/none\n");
  await writeFile(join(path, "objects/info/alternates"), `${objects}\n`);
}

async function removeObjects(path: string): Promise<void> {
  const objects = join(path, "objects");
  for (const name of await readdir(objects)) {
    if (name !== "info") await rm(join(objects, name), { recursive: true });
  }
}

function environment(path: string): Readonly<Record<string, string>> {
  return {
    HOME: path,
    XDG_CONFIG_HOME: path,
    GIT_DIR: path,
    GIT_INDEX_FILE: join(path, "index"),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_NO_LAZY_FETCH: "1",
    GIT_ALLOW_PROTOCOL: "none",
  };
}

function unusable(root: string): WhetstoneError {
  return new WhetstoneError("not_a_repository", `The objects of the repository ${root} cannot be told.`, {
    remedy: "Move the repository to a folder whose name holds neither quotes nor line breaks.",
  });
}
