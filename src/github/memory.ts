import { createHash } from "node:crypto";
import { WhetstoneError } from "../model/error.ts";
import { canonicalJson, type CommitSha } from "../model/json.ts";
import type { Forge, OpenProposal, ProposalBranch } from "./port.ts";
import { commitMessage, isBelow } from "./proposal-branch.ts";

/** Files of a commit: path → text. */
export type MemoryFiles = Readonly<Record<string, string>>;

/** What the twin starts with. */
export type MemoryForgeOptions = {
  /** The files of the first commit, on `main`. */
  readonly files: MemoryFiles;
  /** The files after a patch; throws `git_failed` when it does not apply. The twin does not read patches itself. */
  readonly apply: (files: MemoryFiles, patch: string) => MemoryFiles;
};

/** Memory twin of the forge, with the hands of a user on it. */
export type MemoryForge = Forge & {
  /** Commits files on top of HEAD's branch, or detached. */
  readonly commit: (files: MemoryFiles) => CommitSha;
  /** Files of the worktree that differ from HEAD; `tracked` tells those that HEAD's commit knows. */
  readonly edit: (paths: readonly string[]) => void;
  readonly checkout: (branch: string | undefined) => void;
};

type Commit = { readonly files: MemoryFiles; readonly parent: CommitSha | null; readonly message: string };
type Memory = {
  readonly commits: Map<CommitSha, Commit>;
  readonly branches: Map<string, CommitSha>;
  head: { sha: CommitSha; branch: string | undefined };
  edited: readonly string[];
};

/** A forge without git: commits, branches and HEAD as maps. Only patches are applied by the given function. */
export function openMemoryForge({ files, apply }: MemoryForgeOptions): MemoryForge {
  const memory: Memory = { commits: new Map(), branches: new Map(), head: { sha: "", branch: "main" }, edited: [] };
  const commit = (next: MemoryFiles) => {
    const sha = addCommit(memory, { files: next, parent: memory.head.sha || null, message: "files\n" });
    memory.head.sha = sha;
    if (memory.head.branch !== undefined) memory.branches.set(memory.head.branch, sha);
    return sha;
  };
  commit(files);
  return {
    commit,
    edit: (paths) => {
      memory.edited = paths;
    },
    checkout: (branch) => {
      const sha = branch === undefined ? memory.head.sha : (memory.branches.get(branch) ?? memory.head.sha);
      memory.head = { sha, branch };
    },
    head: async () => {
      const { sha, branch } = memory.head;
      return branch === undefined ? { sha } : { sha, branch };
    },
    uncommitted: async (within) => uncommitted(memory, within),
    read: async (sha, path) => {
      const text = commitAt(memory, sha).files[path];
      return text === undefined ? undefined : new TextEncoder().encode(text);
    },
    openProposal: (proposal) => openProposal(memory, proposal, apply),
    closeProposal: async (branch, sha) => {
      if (memory.branches.get(branch) !== sha) return false;
      assertFree(memory, branch);
      return memory.branches.delete(branch);
    },
    proposals: async (prefix) => listProposals(memory, prefix),
  };
}

function addCommit(memory: Memory, commit: Commit): CommitSha {
  const sha = createHash("sha1").update(canonicalJson(commit)).digest("hex");
  memory.commits.set(sha, commit);
  return sha;
}

function commitAt(memory: Memory, sha: CommitSha): Commit {
  const commit = memory.commits.get(sha);
  if (commit === undefined) throw new WhetstoneError("git_failed", `There is no commit ${sha}.`, { data: { sha } });
  return commit;
}

async function openProposal(
  memory: Memory,
  proposal: ProposalBranch,
  apply: MemoryForgeOptions["apply"],
): Promise<OpenProposal> {
  const { branch, baseSha } = proposal;
  assertFree(memory, branch);
  const { title, message } = commitMessage(proposal);
  const files = apply(commitAt(memory, baseSha).files, proposal.patch);
  const sha = addCommit(memory, { files, parent: baseSha, message });
  if (!memory.branches.has(branch)) await proposal.announce?.({ branch, sha, title });
  memory.branches.set(branch, sha);
  return { branch, sha, title };
}

function assertFree({ head }: Memory, branch: string): void {
  if (head.branch !== branch) return;
  throw new WhetstoneError("git_failed", `The branch ${branch} is checked out.`, { data: { branch } });
}

function uncommitted({ commits, head, edited }: Memory, within: readonly string[]): readonly string[] {
  const tracked = commits.get(head.sha)?.files ?? {};
  const inside = (path: string) => within.some((prefix) => prefix === "." || path === prefix || isBelow(path, prefix));
  return edited.filter((path) => path in tracked || inside(path)).toSorted();
}

function listProposals({ branches, commits }: Memory, prefix: string): readonly OpenProposal[] {
  return [...branches]
    .filter(([branch]) => isBelow(branch, prefix))
    .map(([branch, sha]) => ({ branch, sha, title: commits.get(sha)?.message.split("\n")[0] ?? "" }))
    .sort((a, b) => (a.branch < b.branch ? -1 : 1));
}
