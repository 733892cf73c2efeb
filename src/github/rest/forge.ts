import { z } from "zod";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import type { CommitSha } from "../../model/json.ts";
import type { FileChange } from "../commit-port.ts";
import type { Forge, OpenProposal, ProposalBranch } from "../port.ts";
import { commitMessage, isBelow } from "../proposal-branch.ts";
import { apiStatus, callGitHub } from "../rest-api.ts";
import { restBytes, restCommit, restEntries, type RestEntry, restTip } from "../rest-objects.ts";
import { restCommits } from "./commits.ts";
import { type GraphRepository, swapRef } from "./refs.ts";
import { restRepository } from "./workflows.ts";

/** The base of a change as an applier of patches asks for it. */
export type BaseFiles = {
  /** Mode and blob id of every file. */
  readonly entries: ReadonlyMap<string, RestEntry>;
  readonly read: (blob: string) => Promise<Uint8Array>;
};

/** Which repository. This adapter reads no patches itself: a change reaches GitHub as whole files that passed the wall. */
export type RestForgeOptions = GraphRepository & {
  /**
   * How a patch becomes files; without it proposals are not opened here.
   * @throws when the patch does not apply; its message becomes the cause of `git_failed`
   */
  readonly apply?: (base: BaseFiles, patch: string) => Promise<readonly FileChange[]>;
};

/**
 * The forge on GitHub's APIs: no clone, no git, no worktree. HEAD is the default branch; nothing is ever uncommitted, and
 * no branch is checked out. A branch that does not exist is announced with the base, at which it is made, and again with
 * the commit.
 */
export function openRestForge(options: RestForgeOptions): Forge {
  const { apply: _apply, ...repository } = options;
  const treeOf = rememberedTrees(repository);
  return {
    head: async () => {
      const { defaultBranch } = await restRepository(repository).facts();
      const sha = await restTip(repository, defaultBranch);
      if (sha !== undefined) return { sha, branch: defaultBranch };
      throw new WhetstoneError("not_a_repository", `${repository.owner}/${repository.repo} has no commit yet.`, {
        remedy: `Push the branch ${defaultBranch} first.`,
      });
    },
    uncommitted: async () => [],
    read: async (sha, path) => {
      const entry = (await treeOf(sha)).get(path);
      // A submodule or symbolic link has no bytes of a file.
      return entry?.mode.startsWith("100") === true ? await restBytes(repository, entry.sha) : undefined;
    },
    openProposal: async (proposal) => {
      const entries = await treeOf(proposal.baseSha);
      return await openProposal(options, { entries, read: (blob) => restBytes(repository, blob) }, proposal);
    },
    closeProposal: (branch, from) => swapRef(repository, { branch, from, to: undefined }),
    proposals: (prefix) => listProposals(repository, prefix),
  };
}

/** Trees of commits that were read; a commit never changes. */
function rememberedTrees(repository: GraphRepository) {
  const trees = new Map<CommitSha, Promise<ReadonlyMap<string, RestEntry>>>();
  return (sha: CommitSha): Promise<ReadonlyMap<string, RestEntry>> => {
    const known = trees.get(sha) ?? readTree(repository, sha);
    trees.set(sha, known);
    known.catch(() => trees.delete(sha));
    return known;
  };
}

async function readTree(repository: GraphRepository, sha: CommitSha): Promise<ReadonlyMap<string, RestEntry>> {
  try {
    return await restEntries(repository, (await restCommit(repository, sha)).tree);
  } catch (error) {
    const status = apiStatus(error);
    if (status !== 404 && status !== 422) throw error;
    const where = `${repository.owner}/${repository.repo}`;
    throw new WhetstoneError("git_failed", `There is no commit ${sha} in ${where}.`, { cause: error, data: { sha } });
  }
}

async function openProposal(
  { apply, ...repository }: RestForgeOptions,
  base: BaseFiles,
  proposal: ProposalBranch,
): Promise<OpenProposal> {
  const { branch, baseSha, announce } = proposal;
  if (apply === undefined) throw new WhetstoneError("defect", "A patch was to be applied by the client of GitHub.");
  const { title, message } = commitMessage(proposal);
  const files = await apply(base, proposal.patch).catch((cause: unknown) => {
    throw new WhetstoneError(
      "git_failed",
      `The patch for ${branch} does not apply to ${baseSha}: ${messageOf(cause)}`,
      {
        remedy: "Make the patch anew on that commit.",
        cause,
        data: { branch, baseSha },
      },
    );
  });
  const body = message.slice(title.length).trim();
  const { sha } = await restCommits(repository).put({ branch, baseSha, title, body, files, announce });
  return { branch, sha, title };
}

const Ref = z.object({ ref: z.string(), object: z.object({ sha: z.string(), type: z.string() }) });

async function listProposals(repository: GraphRepository, prefix: string): Promise<readonly OpenProposal[]> {
  const { client, owner, repo } = repository;
  const call = {
    route: "GET /repos/{owner}/{repo}/git/matching-refs/{ref}",
    parameters: { owner, repo, ref: `heads/${prefix}` },
    answer: z.array(Ref),
  };
  const refs = (await callGitHub(client, call)).map(({ ref, object }) => ({ branch: ref.slice(11), sha: object.sha }));
  const below = refs.filter(({ branch }) => isBelow(branch, prefix)).sort((a, b) => (a.branch < b.branch ? -1 : 1));
  const found: OpenProposal[] = [];
  for (const { branch, sha } of below) {
    const { message } = await restCommit(repository, sha);
    found.push({ branch, sha, title: message.split("\n")[0] ?? "" });
  }
  return found;
}
