import { WhetstoneError } from "../model/error.ts";
import type { CommitSha } from "../model/json.ts";
import { type CatFile, type GitObject, openCatFile } from "./cat-file.ts";
import { gitText, runGit } from "./git.ts";
import { commitObject, FOLDER_MODE, folderObject, formatOf, type ObjectFormat, objectId } from "./git-object.ts";
import { BOT } from "./git-process.ts";
import { changeTree, filesInTheWay, type GitTree, openGitTree } from "./git-tree.ts";
import { moveBranch, storeObjects } from "./object-writer.ts";
import { assertStorable, pathsBelow, STATE_MARK } from "./state-path.ts";
import { STATE_BRANCH, type StateChange, type StateReader, type StateStore, type StateView } from "./state-port.ts";

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

type Place = Required<GitStateOptions> & { readonly get: CatFile };
type Plan<T> = (view: StateView) => Promise<{ readonly change: StateChange; readonly value: T }>;
type GitView = { readonly view: StateView; readonly tree: GitTree };

/**
 * The state on an orphan branch of a git repository. Commits are built beside the user's index, worktree and HEAD, which
 * are not touched; the branch moves by compare-and-swap in one step, so a crash leaves the old state or the new one.
 * A read takes one git process and a write three, whatever they are about.
 * Errors: `ref_moved`, `git_failed`, `state_foreign`, `write_failed` for a path that cannot be stored.
 */
export function openGitState(options: GitStateOptions): StateStore {
  const place = { branch: STATE_BRANCH, retries: 50, ...options, get: openCatFile({ cwd: options.cwd }) };
  return {
    view: async () => (await look(place)).view,
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
    const { view, tree } = await look(place);
    const { change, value } = await plan(view);
    if (change.size === 0) return value;
    assertStorable(await filesInTheWay(tree, change), change);
    const format = tree.id === undefined ? await formatAt(place.cwd) : formatOf(tree.id);
    const changed = await changeTree(tree, change, format);
    if (changed.id === (tree.id ?? objectId(folderObject([]), format))) return value;
    const commit = commitObject({ tree: changed.id, parent: view.head, message, at: place.now() });
    await storeObjects(place.cwd, [...changed.objects, commit], format);
    const move = { branch: place.branch, from: view.head, to: objectId(commit, format) };
    if (await moveBranch(place.cwd, move)) return value;
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

async function formatAt(cwd: string): Promise<ObjectFormat> {
  return (await gitText({ args: ["rev-parse", "--show-object-format"], cwd })) === "sha256" ? "sha256" : "sha1";
}

async function look(place: Place): Promise<GitView> {
  const tip = await tipOf(place);
  const treeId = tip === undefined ? undefined : /^tree ([0-9a-f]+)\n/.exec(tip.bytes.toString("latin1", 0, 80))?.[1];
  const tree = openGitTree(place.get, treeId);
  if (tip !== undefined) await assertOurs(place, tip, tree);
  return viewOf(place.get, tree, tip?.id);
}

function viewOf(get: CatFile, tree: GitTree, head: CommitSha | undefined): GitView {
  const read: StateView["read"] = async (path) => {
    const found = await tree.entry(path);
    if (found === undefined || found.mode === FOLDER_MODE) return undefined;
    const object = await get(found.id);
    if (object?.type === "blob") return object.bytes.toString("utf8");
    throw damaged(`The file ${path} of the state is missing in the repository: it has no blob ${found.id}.`);
  };
  const list: StateView["list"] = async (prefix) =>
    pathsBelow((await tree.files(prefix.replace(/\/$/, ""))).keys(), prefix);
  return { tree, view: { head, read, list } };
}

/**
 * The commit that the branch points to; undefined when there is no such branch. A branch that cannot be read is not
 * taken for none: a stop that is set on it would not be seen.
 */
async function tipOf({ cwd, branch, get }: Place): Promise<GitObject | undefined> {
  const ref = `refs/heads/${branch}`;
  const tip = await get(`${ref}^{commit}`);
  if (tip !== undefined) return tip;
  const { stdout, stderr } = await runGit({ args: ["for-each-ref", "--format=%(objectname)", ref], cwd });
  const id = stdout.toString("utf8").trim();
  if (id === "" && stderr === "") return undefined;
  // Made by another writer in between, or unreadable.
  const made = id === "" ? undefined : await get(`${id}^{commit}`);
  if (made !== undefined) return made;
  throw damaged(`The branch ${branch} cannot be read: ${stderr.trim() || `it has no commit ${id}`}`);
}

/** Refuses a branch of somebody else that happens to have the name: it would be shown as the state, and grow. */
async function assertOurs({ branch }: Place, tip: GitObject, tree: GitTree): Promise<void> {
  const [head = ""] = tip.bytes.toString("utf8").split("\n\n", 1);
  if (head.includes(` <${BOT.email}> `)) return;
  const root = await tree.folder("");
  if (root === undefined || root.size === 0 || root.has(STATE_MARK)) return;
  throw new WhetstoneError(
    "state_foreign",
    `The branch ${branch} is not Whetstone's: its last commit ${tip.id.slice(0, 12)} is somebody else's, and it has no ${STATE_MARK}.`,
    { remedy: `Rename it, then run this again: git branch -m ${branch} OTHER-NAME`, data: { branch, commit: tip.id } },
  );
}

function damaged(message: string): WhetstoneError {
  return new WhetstoneError("git_failed", message, {
    remedy: "The repository is damaged or was pruned: run git fsck.",
    data: { args: ["cat-file"] },
  });
}
