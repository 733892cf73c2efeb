import { Buffer } from "node:buffer";
import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";
import { CommitSha } from "../../model/json.ts";
import type { Commits, FileChange, NewBranchCommit } from "../commit-port.ts";
import { callGraphQL } from "../graphql.ts";
import { apiStatus, callGitHub } from "../rest-api.ts";
import { blobId, moveRestBranch, restCommit, restTip, writeRestBlob } from "../rest-objects.ts";
import { type GraphRepository, refMoved, swapRef } from "./refs.ts";

const REPOSITORY = "/repos/{owner}/{repo}";
const Sha = z.object({ sha: z.string() });

/** Commits over GitHub's APIs. */
export function restCommits(repository: GraphRepository): Commits {
  return { put: (commit) => put(repository, commit) };
}

type Put = Awaited<ReturnType<Commits["put"]>>;
type Planned = NewBranchCommit & { readonly tree: string };

async function put(repository: GraphRepository, commit: NewBranchCommit): Promise<Put> {
  const planned = { ...commit, tree: commit.tree ?? (await writeTree(repository, commit)) };
  const { branch, baseSha } = planned;
  const tip = await restTip(repository, branch);
  if (tip !== undefined && (await holds(repository, tip, planned))) return { sha: tip, action: "kept" };
  // A branch that stands at the base is what a run left that was cut off between branch and commit.
  if (tip !== undefined && tip !== baseSha) await makeRoom(repository, planned, tip);
  const sha = await commitOnBase(repository, planned, tip !== undefined);
  await assertTree(repository, sha, planned);
  return { sha, action: tip === undefined || tip === baseSha ? "created" : "updated" };
}

/** Takes the branch back to the base, unless what stands there is somebody else's. */
async function makeRoom(repository: GraphRepository, commit: Planned, tip: CommitSha): Promise<void> {
  const { branch, baseSha, mayReplace } = commit;
  const { message } = await restCommit(repository, tip);
  const ours = mayReplace?.(message) ?? true;
  if (!ours || !(await swapRef(repository, { branch, from: tip, to: baseSha }))) throw refMoved(branch, tip);
}

/** GraphQL signs and compares in one step, but knows no modes: a file that may be executed goes another way. */
async function commitOnBase(repository: GraphRepository, commit: Planned, stands: boolean): Promise<CommitSha> {
  const plain = commit.files.every(({ mode }) => mode === null || mode === "100644");
  if (!plain) return await commitByData(repository, commit, stands);
  if (!stands) await makeBranch(repository, commit);
  const made = await commitByGraphQL(repository, commit);
  return made ?? (await commitByData(repository, commit, true));
}

async function makeBranch(repository: GraphRepository, { branch, baseSha, title, announce }: Planned): Promise<void> {
  await announce?.({ branch, sha: baseSha, title });
  // Another writer of the same proposal may have been faster: what it left is looked at when the commit is made.
  await moveRestBranch(repository, { branch, from: undefined, to: baseSha });
}

const CREATE_COMMIT = `mutation($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } }
}`;
const Created = z.object({ createCommitOnBranch: z.object({ commit: z.object({ oid: CommitSha }) }) });

/** Undefined where the server has no such mutation. */
async function commitByGraphQL(repository: GraphRepository, commit: Planned): Promise<CommitSha | undefined> {
  const { owner, repo, client } = repository;
  const { branch, baseSha, title, body, files, announce } = commit;
  const additions = files.flatMap(({ path, bytes }) => (bytes === null ? [] : [{ path, contents: base64(bytes) }]));
  const deletions = files.flatMap(({ path, bytes }) => (bytes === null ? [{ path }] : []));
  const input = {
    branch: { repositoryNameWithOwner: `${owner}/${repo}`, branchName: branch },
    expectedHeadOid: baseSha,
    message: { headline: title, body },
    fileChanges: { additions, deletions },
  };
  try {
    const call = { name: "createCommitOnBranch", query: CREATE_COMMIT, variables: { input }, answer: Created };
    const result = await callGraphQL(client, call);
    if (result.kind === "missing") return undefined;
    if (result.kind === "stale") return await standing(repository, commit, refMoved(branch, baseSha));
    const { oid } = result.value.createCommitOnBranch.commit;
    await announce?.({ branch, sha: oid, title });
    return oid;
  } catch (error) {
    if ((apiStatus(error) ?? 500) < 500) throw error;
    return await standing(repository, commit, error);
  }
}

/** The commit that stands on the branch, when it is the one that was to be made. @throws `otherwise`, or `ref_moved` */
async function standing(repository: GraphRepository, commit: Planned, otherwise: unknown): Promise<CommitSha> {
  const tip = await restTip(repository, commit.branch);
  if (tip !== undefined && (await holds(repository, tip, commit))) return tip;
  if (tip === commit.baseSha || tip === undefined) throw otherwise;
  throw refMoved(commit.branch, commit.baseSha);
}

/** By the Git Data API: objects first, then the branch in one step. Without an author GitHub signs for the token's bot. */
async function commitByData(repository: GraphRepository, commit: Planned, stands: boolean): Promise<CommitSha> {
  const { client, owner, repo } = repository;
  const { branch, baseSha, title, body, announce } = commit;
  const tree = await writeTree(repository, commit);
  assertSameTree(commit, tree);
  const parameters = { owner, repo, message: messageOf(commit), tree, parents: [baseSha] };
  const { sha } = await callGitHub(client, { route: `POST ${REPOSITORY}/git/commits`, parameters, answer: Sha });
  if (!stands) await announce?.({ branch, sha, title });
  if (await moveRestBranch(repository, { branch, from: stands ? baseSha : undefined, to: sha })) return sha;
  return await standing(repository, { ...commit, body }, refMoved(branch, baseSha));
}

async function writeTree(repository: GraphRepository, commit: NewBranchCommit): Promise<string> {
  const { client, owner, repo } = repository;
  const base = await baseTree(repository, commit);
  // Removals first: a file may give way to a folder of the same name.
  const sorted = commit.files.toSorted((a, b) => Number(a.bytes !== null) - Number(b.bytes !== null));
  const tree: unknown[] = [];
  for (const { path, mode, bytes } of sorted) {
    if (bytes !== null) await writeRestBlob(repository, bytes);
    tree.push({ path, mode: mode ?? "100644", type: "blob", sha: bytes === null ? null : blobId(bytes) });
  }
  const parameters = { owner, repo, base_tree: base, tree };
  return (await callGitHub(client, { route: `POST ${REPOSITORY}/git/trees`, parameters, answer: Sha })).sha;
}

async function baseTree(repository: GraphRepository, { branch, baseSha }: NewBranchCommit): Promise<string> {
  try {
    return (await restCommit(repository, baseSha)).tree;
  } catch (error) {
    if (apiStatus(error) !== 404) throw error;
    throw new WhetstoneError("git_failed", `The base ${baseSha} of ${branch} is not in the repository on GitHub.`, {
      remedy: "Push the commit first, or make the change on one that is there.",
      cause: error,
      data: { branch, baseSha },
    });
  }
}

async function holds(repository: GraphRepository, sha: CommitSha, commit: Planned): Promise<boolean> {
  const found = await restCommit(repository, sha);
  const alone = found.parents.length === 1 && found.parents[0] === commit.baseSha;
  return alone && found.tree === commit.tree && found.message.trimEnd() === messageOf(commit).trimEnd();
}

/** What GitHub made is read back: it must be the tree that was validated. */
async function assertTree(repository: GraphRepository, sha: CommitSha, commit: Planned): Promise<void> {
  assertSameTree(commit, (await restCommit(repository, sha)).tree, sha);
}

/** `sha` is the commit that has the tree, where the branch points to it already. */
function assertSameTree({ branch, tree }: Planned, made: string, sha?: CommitSha): void {
  if (made === tree) return;
  throw new WhetstoneError(
    "git_failed",
    `The commit for ${branch} has the tree ${made}; ${tree} was to be committed.`,
    {
      remedy: "Do not use the branch; delete it and run again.",
      data: { branch, expected: tree, made, ...(sha === undefined ? {} : { sha }) },
    },
  );
}

function messageOf({ title, body }: Pick<NewBranchCommit, "title" | "body">): string {
  return body === "" ? title : `${title}\n\n${body}`;
}

function base64(bytes: NonNullable<FileChange["bytes"]>): string {
  return Buffer.from(bytes).toString("base64");
}
