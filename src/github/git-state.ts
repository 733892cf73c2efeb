import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WhetstoneError } from "../model/error.ts";
import type { CommitSha } from "../model/json.ts";
import { gitRecords, gitText, runGit } from "./git.ts";
import { blobReader } from "./blob-reader.ts";
import { branchTip, moveBranch, type Scratch, withScratch, writeCommit } from "./object-writer.ts";
import { assertStorable, pathsBelow } from "./state-path.ts";
import type { StateChange, StateReader, StateStore, StateView } from "./state-port.ts";

/** Where the state lives and how a lost race is met. */
export type GitStateOptions = {
  /** A folder inside the repository. */
  readonly cwd: string;
  readonly branch?: string;
  /** Wall clock for commit dates, ns since the Unix epoch. */
  readonly now: () => bigint;
  /** How often `plan` may run again after a lost race. */
  readonly retries?: number;
};

type Place = Required<GitStateOptions>;
type Plan<T> = (view: StateView) => Promise<{ readonly change: StateChange; readonly value: T }>;

/**
 * The state on an orphan branch of a git repository. Commits are built with a temporary index, so the user's index,
 * worktree and HEAD are not touched; the branch moves by compare-and-swap in one step, so a crash leaves the old state
 * or the new one. Errors: `ref_moved`, `git_failed`, `write_failed` for a path that cannot be stored.
 */
export function openGitState(options: GitStateOptions): StateStore {
  const place = { branch: "whetstone/state", retries: 50, ...options };
  return {
    view: async () => viewAt(place.cwd, await branchTip(place.cwd, place.branch)),
    update: (message, plan) => update(place, message, plan),
  };
}

/** {@link openGitState} for those who only look. */
export function openGitStateReader(options: Pick<GitStateOptions, "cwd" | "branch">): StateReader {
  const { view } = openGitState({ ...options, now: () => 0n });
  return { view };
}

async function update<T>(place: Place, message: string, plan: Plan<T>): Promise<T> {
  for (let attempt = 0; attempt <= place.retries; attempt += 1) {
    const view = viewAt(place.cwd, await branchTip(place.cwd, place.branch));
    const { change, value } = await plan(view);
    if (change.size === 0) return value;
    assertStorable(await view.list(""), change);
    const commit = await commitChange(place, { view, change, message });
    if (commit === view.head) return value;
    if (await moveBranch(place.cwd, { branch: place.branch, from: view.head, to: commit })) return value;
  }
  throw new WhetstoneError(
    "ref_moved",
    `${place.branch} moved ${place.retries + 1} times while it was being written.`,
    {
      remedy: "Other runs write the state at the same time; nothing was lost, run the command again.",
      data: { branch: place.branch, attempts: place.retries + 1 },
    },
  );
}

type Step = { readonly view: StateView; readonly change: StateChange; readonly message: string };

/** The commit that holds the change; the view's own head when it changes nothing. */
function commitChange(place: Place, step: Step): Promise<CommitSha | undefined> {
  return withScratch(async (scratch) => {
    const parent = step.view.head;
    const git = { cwd: place.cwd, env: scratch.env };
    await runGit({ ...git, args: ["read-tree", ...(parent === undefined ? ["--empty"] : [parent])] });
    const before = await gitText({ ...git, args: ["write-tree"] });
    const lines = await indexLines(place.cwd, scratch, step.change);
    await runGit({ ...git, args: ["update-index", "-z", "--index-info"], input: lines.join("") });
    const tree = await gitText({ ...git, args: ["write-tree"] });
    if (tree === before) return parent;
    return await writeCommit(place.cwd, { tree, parent, message: `${step.message}\n`, at: place.now() });
  });
}

/** Stores the new contents as blobs and says them to the index; a mode of 0 removes a path. */
async function indexLines(cwd: string, scratch: Scratch, change: StateChange): Promise<readonly string[]> {
  const written = [...change].filter((entry): entry is [string, string] => entry[1] !== null);
  const files = await Promise.all(
    written.map(async ([, content], index) => {
      const file = join(scratch.folder, `blob-${index}`);
      await writeFile(file, content);
      return file;
    }),
  );
  const args = ["hash-object", "-w", "--no-filters", "--stdin-paths"];
  const blobs = (await gitText({ args, cwd, input: files.map((file) => `${file}\n`).join("") })).split("\n");
  const idLength = (await gitText({ args: ["rev-parse", "--show-object-format"], cwd })) === "sha256" ? 64 : 40;
  const removed = [...change].filter(([, content]) => content === null);
  return [
    ...removed.map(([path]) => `0 ${"0".repeat(idLength)}\t${path}\0`),
    ...written.map(([path], index) => `100644 ${blobs[index]}\t${path}\0`),
  ];
}

function viewAt(cwd: string, head: CommitSha | undefined): StateView {
  if (head === undefined) return { head, read: async () => undefined, list: async () => [] };
  let tree: Promise<ReadonlyMap<string, string>> | undefined;
  const blobs = () => (tree ??= readTree(cwd, head));
  const readBlob = blobReader(cwd);
  return {
    head,
    read: async (path) => {
      const blob = (await blobs()).get(path);
      return blob === undefined ? undefined : await readBlob(blob);
    },
    list: async (prefix) => pathsBelow((await blobs()).keys(), prefix),
  };
}

/** Every file of a commit: path → blob. */
async function readTree(cwd: string, head: CommitSha): Promise<ReadonlyMap<string, string>> {
  const records = await gitRecords({ args: ["ls-tree", "-r", "-z", "--full-tree", head], cwd });
  return new Map(
    records.map((record) => {
      const tab = record.indexOf("\t");
      return [record.slice(tab + 1), record.slice(0, tab).split(" ")[2] ?? ""];
    }),
  );
}
