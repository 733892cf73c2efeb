import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { z } from "zod";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { CommitSha } from "../model/json.ts";
import { BOT } from "./git.ts";
import { apiStatus, callGitHub, findOnGitHub, type GitHubClient } from "./rest-api.ts";

/** A repository on GitHub and the client that reaches it. */
export type RestRepository = { readonly owner: string; readonly repo: string; readonly client: GitHubClient };

/** A path and its blob, or null to remove the path. */
export type TreeEntry = { readonly path: string; readonly sha: string | null };

/** The tree without files, which every git repository knows without having it. */
const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

const REPOSITORY = "/repos/{owner}/{repo}";
const COMMIT = `GET ${REPOSITORY}/git/commits/{commit_sha}`;
const Ref = z.object({ object: z.object({ sha: CommitSha, type: z.literal("commit") }) });
const Sha = z.object({ sha: z.string() });
const Commit = z.object({ tree: Sha });
const WholeCommit = Commit.extend({
  message: z.string(),
  parents: z.array(z.object({ sha: CommitSha })),
  committer: z.object({ email: z.string() }).nullish(),
});
const Tree = z.object({
  tree: z.array(z.object({ path: z.string(), mode: z.string(), type: z.string(), sha: z.string() })),
  truncated: z.boolean(),
});
const Blob = z.object({ content: z.string(), encoding: z.literal("base64") });

/**
 * The commit that a branch points to; undefined when there is no such branch.
 * @throws WhetstoneError `api_failed`, also when the repository itself cannot be seen: GitHub answers 404 for both.
 */
export async function restTip(repository: RestRepository, branch: string): Promise<CommitSha | undefined> {
  const { client, ...where } = repository;
  const call = { route: `GET ${REPOSITORY}/git/ref/{ref}`, parameters: { ...where, ref: `heads/${branch}` } };
  const ref = await findOnGitHub(client, { ...call, answer: Ref });
  if (ref !== undefined) return ref.object.sha;
  await callGitHub(client, { route: `GET ${REPOSITORY}`, parameters: where, answer: z.object({}) });
  return undefined;
}

/** A file, link or submodule of a tree. */
export type RestEntry = { readonly mode: string; readonly sha: string };

/** Everything but folders of a tree, by path. @throws WhetstoneError `api_failed`. */
export async function restEntries(repository: RestRepository, tree: string): Promise<ReadonlyMap<string, RestEntry>> {
  const entries = new Map<string, RestEntry>();
  if (tree !== EMPTY_TREE) await collectFiles(repository, { tree, prefix: "" }, entries);
  return entries;
}

/** The tree of a commit. @throws WhetstoneError `api_failed`. */
export async function restTree({ client, owner, repo }: RestRepository, commit: CommitSha): Promise<string> {
  const parameters = { owner, repo, commit_sha: commit };
  return (await callGitHub(client, { route: COMMIT, parameters, answer: Commit })).tree.sha;
}

/** A commit: its tree, its parents, its message, and who made it. @throws WhetstoneError `api_failed`. */
export async function restCommit({ client, owner, repo }: RestRepository, commit: CommitSha): Promise<FoundCommit> {
  const parameters = { owner, repo, commit_sha: commit };
  const found = await callGitHub(client, { route: COMMIT, parameters, answer: WholeCommit });
  const { tree, parents, message, committer } = found;
  return { tree: tree.sha, parents: parents.map(({ sha }) => sha), message, committer: committer?.email };
}

/** A commit as far as it is used. */
export type FoundCommit = {
  readonly tree: string;
  readonly parents: readonly CommitSha[];
  readonly message: string;
  /** Address of who made it; that of {@link BOT} for the state. */
  readonly committer: string | undefined;
};

type Folder = { readonly tree: string; readonly prefix: string };

/** A tree over GitHub's limit of one answer (100,000 entries or 7 MB) is read folder by folder instead. */
async function collectFiles(repository: RestRepository, folder: Folder, files: Map<string, RestEntry>): Promise<void> {
  const whole = await readTree(repository, folder, { recursive: "1" });
  const entries = whole.truncated ? (await readFolder(repository, folder)).tree : whole.tree;
  for (const { path, mode, type, sha } of entries) {
    if (type !== "tree") files.set(folder.prefix + path, { mode, sha });
    else if (whole.truncated) {
      await collectFiles(repository, { tree: sha, prefix: `${folder.prefix}${path}/` }, files);
    }
  }
}

async function readFolder(repository: RestRepository, folder: Folder): Promise<z.output<typeof Tree>> {
  const level = await readTree(repository, folder, {});
  if (!level.truncated) return level;
  throw new WhetstoneError("api_failed", `The folder "${folder.prefix}" holds more entries than GitHub lists.`, {
    remedy: "Read this state from a clone, or remove old files from the branch.",
    data: { folder: folder.prefix, listed: level.tree.length },
  });
}

/** `recursive` has to be absent to be off. */
function readTree(
  { client, ...where }: RestRepository,
  { tree }: Folder,
  options: { readonly recursive?: "1" },
): Promise<z.output<typeof Tree>> {
  const parameters = { ...where, tree_sha: tree, ...options };
  return callGitHub(client, { route: `GET ${REPOSITORY}/git/trees/{tree_sha}`, parameters, answer: Tree });
}

/** The text of a blob, as UTF-8. @throws WhetstoneError `api_failed`. */
export async function restBlob(repository: RestRepository, sha: string): Promise<string> {
  return (await restBytes(repository, sha)).toString("utf8");
}

/** The bytes of a blob. @throws WhetstoneError `api_failed`. */
export async function restBytes({ client, owner, repo }: RestRepository, sha: string): Promise<Buffer> {
  const parameters = { owner, repo, file_sha: sha };
  const blob = await callGitHub(client, { route: `GET ${REPOSITORY}/git/blobs/{file_sha}`, parameters, answer: Blob });
  return Buffer.from(blob.content, "base64");
}

/** The id that git gives to a content: SHA-1 over its type, its length in bytes and its bytes. */
export function blobId(content: string | Uint8Array): string {
  const size = typeof content === "string" ? Buffer.byteLength(content) : content.length;
  return createHash("sha1").update(`blob ${size}\0`).update(content).digest("hex");
}

/** Stores a content; base64, because JSON text would not keep every byte. @throws WhetstoneError `api_failed`. */
export async function writeRestBlob(
  { client, owner, repo }: RestRepository,
  content: string | Uint8Array,
): Promise<void> {
  const encoded = (typeof content === "string" ? Buffer.from(content) : Buffer.from(content)).toString("base64");
  const parameters = { owner, repo, content: encoded, encoding: "base64" };
  await callGitHub(client, { route: `POST ${REPOSITORY}/git/blobs`, parameters, answer: Sha });
}

/** A commit to be written: the entries change the tree `base`; `at` is its time in ns since the Unix epoch. */
export type RestCommit = {
  readonly base: string | undefined;
  readonly entries: readonly TreeEntry[];
  /** No file is left; GitHub cannot write the empty tree, but knows it. */
  readonly empty: boolean;
  readonly parent: CommitSha | undefined;
  readonly message: string;
  readonly at: bigint;
};

/** Writes tree and commit; no branch points to them yet. @throws WhetstoneError `api_failed`. */
export async function writeRestCommit(repository: RestRepository, commit: RestCommit): Promise<CommitSha> {
  const { client, ...where } = repository;
  const tree = commit.empty ? EMPTY_TREE : await writeTree(repository, commit);
  const author = { ...BOT, date: new Date(Number(commit.at / 1_000_000n)).toISOString() };
  const parents = commit.parent === undefined ? [] : [commit.parent];
  const parameters = { ...where, message: commit.message, tree, parents, author };
  const answer = z.object({ sha: CommitSha });
  return (await callGitHub(client, { route: `POST ${REPOSITORY}/git/commits`, parameters, answer })).sha;
}

async function writeTree({ client, ...where }: RestRepository, { base, entries }: RestCommit): Promise<string> {
  // Removals first: a file may give way to a folder of the same name.
  const sorted = entries.toSorted((a, b) => Number(a.sha !== null) - Number(b.sha !== null));
  const tree = sorted.map(({ path, sha }) => ({ path, mode: "100644", type: "blob", sha }));
  const parameters = { ...where, tree, ...(base === undefined ? {} : { base_tree: base }) };
  return (await callGitHub(client, { route: `POST ${REPOSITORY}/git/trees`, parameters, answer: Sha })).sha;
}

/** A move of a branch to a commit whose parent is `from`; undefined: the branch does not exist before. */
export type RestMove = { readonly branch: string; readonly from: CommitSha | undefined; readonly to: CommitSha };

/** GitHub's words for a reference that another writer moved, made or removed; there is no code for them. */
const LOST_RACE = /not a fast forward|already exists|does not exist/i;

/**
 * Moves a branch, never by force; false when another writer was faster. When the answer is lost or a failure on
 * GitHub's side, the branch is read again: the request may have been carried out all the same.
 * @throws WhetstoneError `api_failed` for every other failure, and when it stays unknown what became of the branch.
 */
export async function moveRestBranch(repository: RestRepository, move: RestMove): Promise<boolean> {
  try {
    await sendMove(repository, move);
    return true;
  } catch (error) {
    const status = apiStatus(error) ?? 500;
    const refused = status === 422 || status === 409;
    if (status < 500 && !refused) throw error;
    const tip = await restTip(repository, move.branch).catch((cause: unknown) => {
      throw unconfirmed(move, cause);
    });
    if (tip === move.to) return true;
    if (refused && (tip !== move.from || LOST_RACE.test(messageOf(error)))) return false;
    throw tip === move.from ? error : unconfirmed(move, error);
  }
}

function unconfirmed({ branch, to }: RestMove, cause: unknown): WhetstoneError {
  const message = `It is not known whether ${branch} received the commit ${to}: ${messageOf(cause)}`;
  return new WhetstoneError("api_failed", message, {
    remedy: `Look for ${to.slice(0, 7)} in the history of ${branch} before you run it again.`,
    cause,
    data: { branch, commit: to },
  });
}

async function sendMove({ client, ...where }: RestRepository, { branch, from, to }: RestMove): Promise<void> {
  const create = { route: `POST ${REPOSITORY}/git/refs`, parameters: { ref: `refs/heads/${branch}` } };
  const update = { route: `PATCH ${REPOSITORY}/git/refs/{ref}`, parameters: { ref: `heads/${branch}`, force: false } };
  const { route, parameters } = from === undefined ? create : update;
  await callGitHub(client, { route, parameters: { ...where, ...parameters, sha: to }, answer: Ref });
}
