import { WhetstoneError } from "../model/error.ts";
import type { CommitSha } from "../model/json.ts";
import { gitRecords, gitText, runGit } from "./git.ts";
import { branchTip, moveBranch, withScratch, writeCommit } from "./object-writer.ts";
import { commitMessage, isBelow } from "./proposal-branch.ts";
import type { Forge, OpenProposal, ProposalBranch } from "./port.ts";
import { repositoryRoot } from "./repository.ts";
import { specialFiles } from "./special-files.ts";
import { differingPaths } from "./status.ts";

/** Where the repository is, and the clock for commit dates (ns since the Unix epoch). */
export type LocalForgeOptions = { readonly cwd: string; readonly now: () => bigint };

/**
 * The forge on a plain git repository. Commits are built beside the user's work: index, worktree, HEAD and stash are
 * never touched. `root` is the repository's top folder.
 * @throws WhetstoneError `not_a_repository` when there is none, or it has no commit yet.
 */
export async function openLocalForge({ cwd, now }: LocalForgeOptions): Promise<Forge & { readonly root: string }> {
  const root = await repositoryRoot(cwd);
  await headCommit(root);
  return {
    root,
    head: () => readHead(root),
    uncommitted: (within) => uncommitted(root, within),
    read: (sha, path) => readFileAt(root, sha, path),
    openProposal: (proposal) => openProposal(root, proposal, now),
    closeProposal: (branch, sha) => closeProposal(root, branch, sha),
    proposals: (prefix) => listProposals(root, prefix),
  };
}

async function headCommit(root: string): Promise<CommitSha> {
  const args = ["rev-parse", "--quiet", "--verify", "HEAD^{commit}"];
  const { code, stdout } = await runGit({ args, cwd: root, okCodes: [0, 1] });
  if (code === 0) return stdout.toString("utf8").trim();
  throw new WhetstoneError("not_a_repository", `The repository ${root} has no commit yet.`, {
    remedy: "Commit the files that are to be measured: git add . && git commit -m start.",
    data: { root },
  });
}

async function readHead(root: string): Promise<{ readonly sha: CommitSha; readonly branch?: string }> {
  const sha = await headCommit(root);
  const args = ["symbolic-ref", "--quiet", "HEAD"];
  const { code, stdout } = await runGit({ args, cwd: root, okCodes: [0, 1] });
  return code === 0 ? { sha, branch: stdout.toString("utf8").trim().replace("refs/heads/", "") } : { sha };
}

async function uncommitted(root: string, within: readonly string[]): Promise<readonly string[]> {
  const tracked = await differingPaths(root, { untracked: false });
  // Without a path git would list every untracked file of the repository.
  if (within.length === 0) return tracked;
  const others = ["ls-files", "-z", "--others", "--exclude-standard", "--", ...within];
  const untracked = await gitRecords({ args: others, cwd: root });
  return [...new Set([...tracked, ...untracked])].sort();
}

async function readFileAt(root: string, sha: CommitSha, path: string): Promise<Uint8Array | undefined> {
  // git refuses some of these as a path outside the repository, and none can be the name of a file in it.
  if (path.split("/").some((part) => part === "" || part === "." || part === "..")) return undefined;
  const records = await gitRecords({ args: ["ls-tree", "-z", "--full-tree", sha, "--", path], cwd: root });
  for (const record of records) {
    const [, mode, blob, name] = /^(\d+) \w+ ([0-9a-f]+)\t([^]*)$/.exec(record) ?? [];
    // A folder, submodule or symbolic link has no bytes of a file.
    if (name !== path || blob === undefined || !mode?.startsWith("100")) continue;
    return (await runGit({ args: ["cat-file", "blob", blob], cwd: root })).stdout;
  }
  return undefined;
}

async function openProposal(root: string, proposal: ProposalBranch, now: () => bigint): Promise<OpenProposal> {
  const { branch, baseSha } = proposal;
  await assertFree(root, branch);
  const { title, message } = commitMessage(proposal);
  const from = await branchTip(root, branch);
  const tree = await patchedTree(root, proposal);
  if (from !== undefined && (await holds(root, from, { tree, baseSha, message }))) return { branch, sha: from, title };
  const to = await writeCommit(root, { tree, parent: baseSha, message, at: now() });
  if (from === undefined) await proposal.announce?.({ branch, sha: to, title });
  if (await moveBranch(root, { branch, from, to })) return { branch, sha: to, title };
  throw new WhetstoneError("ref_moved", `The branch ${branch} moved while the proposal was being written.`, {
    remedy: "Somebody else wrote it; look at it, then run again.",
    data: { branch, expected: from ?? null },
  });
}

/** The base's tree with the patch applied, built in an index of its own. */
function patchedTree(root: string, { branch, baseSha, patch }: ProposalBranch): Promise<string> {
  return withScratch(async ({ env }) => {
    await runGit({ args: ["read-tree", baseSha], cwd: root, env });
    const apply = { args: ["apply", "--cached", "-"], cwd: root, env, input: patch };
    const { code, stderr } = await runGit({ ...apply, okCodes: [0, 1, 128] });
    const special = code === 0 ? await specialFiles({ cwd: root, base: baseSha, env }) : [];
    if (code === 0 && special.length === 0) return await gitText({ args: ["write-tree"], cwd: root, env });
    const why = code === 0 ? `it changes what is no file: ${special.join(", ")}` : stderr.trim();
    throw new WhetstoneError("git_failed", `The patch for ${branch} does not apply to ${baseSha}: ${why}`, {
      remedy: "Make the patch anew on that commit.",
      data: { branch, baseSha, args: apply.args, stderr: stderr.trim() },
    });
  });
}

type Content = { readonly tree: string; readonly baseSha: CommitSha; readonly message: string };

async function holds(root: string, commit: CommitSha, content: Content): Promise<boolean> {
  const raw = await gitText({ args: ["cat-file", "commit", commit], cwd: root });
  const [head = "", ...body] = raw.split("\n\n");
  const links = head.split("\n").filter((line) => /^(tree|parent) /.test(line));
  const same = links.join("\n") === `tree ${content.tree}\nparent ${content.baseSha}`;
  return same && body.join("\n\n") === content.message.replace(/\n$/, "");
}

async function closeProposal(root: string, branch: string, sha: CommitSha): Promise<boolean> {
  if ((await branchTip(root, branch)) !== sha) return false;
  await assertFree(root, branch);
  return await moveBranch(root, { branch, from: sha, to: undefined });
}

/** Moving a branch under somebody's checkout would make all files look changed. */
async function assertFree(root: string, branch: string): Promise<void> {
  const args = ["for-each-ref", "--format=%(refname)%00%(worktreepath)", `refs/heads/${branch}`];
  const lines = (await gitText({ args, cwd: root })).split("\n").map((line) => line.split("\0"));
  const where = lines.find(([ref]) => ref === `refs/heads/${branch}`)?.[1] ?? "";
  if (where === "") return;
  throw new WhetstoneError("git_failed", `The branch ${branch} is checked out in ${where}.`, {
    remedy: "Switch that worktree to another branch, then run again.",
    data: { branch, worktree: where },
  });
}

async function listProposals(root: string, prefix: string): Promise<readonly OpenProposal[]> {
  const format = "%(refname)%00%(objectname)%00%(contents:subject)";
  const text = await gitText({ args: ["for-each-ref", `--format=${format}`, "refs/heads/"], cwd: root });
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [ref = "", sha = "", title = ""] = line.split("\0");
      return { branch: ref.replace("refs/heads/", ""), sha, title };
    })
    .filter(({ branch }) => isBelow(branch, prefix));
}
