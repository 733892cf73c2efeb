import { codeOf, WhetstoneError } from "../../model/error.ts";
import { CommitSha } from "../../model/json.ts";
import type { ReasonCode } from "../../model/codes.ts";
import type { Stage } from "../../model/stage.ts";
import { formatBranchName } from "../branch-name.ts";
import { openAlready, rejectedBefore } from "../duplicates.ts";
import { type PullRequestFacts, pullRequestFacts } from "../facts.ts";
import { outgoingFaults } from "../outgoing.ts";
import { formatPullRequest } from "../pull-request.ts";
import { judgeChange, type PassedChange } from "./change.ts";
import { provenance, type Read } from "./provenance.ts";
import { publish, type Published } from "./publish.ts";
import { failed, passed, type WriteCheck, type WriteDeps, type WriteRequest } from "./request.ts";
import { judgeVerdicts } from "./verdicts.ts";

/** What the write job did: every check with its verdict, and what stands on GitHub when all of them let it pass. */
export type WriteValue = {
  readonly checks: readonly WriteCheck[];
  readonly branch?: string;
  readonly sha?: CommitSha;
  readonly published?: Published;
};

/**
 * The write job: verifies where everything comes from and what it is, in the order of `WRITE_CHECKS`, then commits by
 * compare-and-swap and opens a draft pull request. Nothing of the change is executed and no model runs. Run again, it
 * completes what an interrupted run left and doubles nothing. It never approves and never merges.
 * @throws WhetstoneError `api_failed`, `ref_moved` when somebody else writes the branch, `stopped`, `git_failed`
 */
export async function writeProposal(deps: WriteDeps, request: WriteRequest): Promise<Stage<WriteValue>> {
  const checks: WriteCheck[] = [];
  const origin = await provenance(deps, request);
  checks.push(origin.check);
  if (origin.read === undefined) return refused(checks);
  const judged = await judgeChange(deps.git, origin.read.proposal, request.rules);
  checks.push(...judged.checks);
  if (judged.change === undefined) return refused(checks);
  checks.push(judgeVerdicts(request, origin.read));
  if (isRefused(checks)) return refused(checks);
  const head = await deps.forge.head();
  checks.push(freshness(head, origin.read));
  if (isRefused(checks)) return refused(checks);
  const facts = factsOf(origin.read, judged.change, request);
  checks.push(judgeTexts(facts, request));
  if (isRefused(checks)) return refused(checks);
  return await commitAndPublish(deps, {
    ...origin.read,
    ...judged.change,
    facts,
    base: head.branch ?? "",
    request,
    checks,
  });
}

type Verified = Read &
  PassedChange & {
    readonly facts: PullRequestFacts;
    readonly base: string;
    readonly request: WriteRequest;
    readonly checks: WriteCheck[];
  };

async function commitAndPublish(deps: WriteDeps, verified: Verified): Promise<Stage<WriteValue>> {
  const { proposal, facts, checks, base, files, tree, patch, request } = verified;
  const branch = formatBranchName(proposal);
  const outcomes = await deps.outcomes(proposal.target);
  const { operation } = facts.hypothesis;
  const duplicate =
    rejectedBefore(proposal.fingerprint, outcomes, await deps.host.pulls.from(branch)) ??
    (await openAlready(deps.host.pulls, { target: proposal.target, branch, operation }));
  if (duplicate !== undefined) return refused([...checks, failed("commit", duplicate.reason, duplicate.detail)]);
  await deps.mayWrite();
  const { title } = formatPullRequest(facts);
  const { baseSha } = proposal;
  const commit = { branch, baseSha, title, body: commitBody(facts), files, tree, mayReplace: isOwnMessage };
  const made = await put(deps, commit);
  if (typeof made === "string") return refused([...checks, failed("commit", "views_disagree", made)]);
  checks.push(passed("commit", `${branch} at ${made.sha} (${made.action}), tree ${tree} as it was validated.`));
  const published = await publish(deps, { branch, base, sha: made.sha, facts, patch }, request);
  const { pull, action } = published;
  const summary = `pull request ${pull.number} (${action}) from ${branch}, ${checks.length} checks passed`;
  return { verdict: "pass", reasons: ["ok"], summary, value: { checks, branch, sha: made.sha, published } };
}

/** The commit, or why it is none: GitHub made another tree of it, and the branch was taken back. */
async function put(deps: WriteDeps, commit: Parameters<WriteDeps["commits"]["put"]>[0]) {
  try {
    return await deps.commits.put(commit);
  } catch (error) {
    const made = error instanceof WhetstoneError ? CommitSha.safeParse(error.data["sha"]) : undefined;
    if (codeOf(error) !== "git_failed" || made?.success !== true) throw error;
    const gone = await deps.forge.closeProposal(commit.branch, made.data);
    return `GitHub made another tree than was validated; the branch ${gone ? "was taken back" : "must be deleted by hand"}.`;
  }
}

function freshness(head: { readonly sha: string; readonly branch?: string }, { proposal }: Read): WriteCheck {
  const where = head.branch ?? "the default branch";
  if (head.sha === proposal.baseSha) return passed("freshness", `${where} is still at ${head.sha}.`);
  const detail = `${where} is at ${head.sha}; the change was validated on ${proposal.baseSha}. Run the loop again.`;
  return failed("freshness", "base_moved", detail);
}

function factsOf(read: Read, change: PassedChange, { artifact, links, dossier }: WriteRequest): PullRequestFacts {
  const { patch, reviews } = change;
  return pullRequestFacts({ parts: { ...read, dossier }, patch, reviews, dossierDigest: artifact.digest, links });
}

/** What goes out was made harmless when it was rendered; this looks at the result. */
function judgeTexts(facts: PullRequestFacts, { links, labels }: WriteRequest): WriteCheck {
  const { title, body } = formatPullRequest(facts);
  const urls = Object.values(links);
  const texts = { title, body, "commit message": commitBody(facts), labels: labels.join("\n") };
  const limits = { title: 256, body: 65_536, "commit message": 65_536, labels: 1_000 } as const;
  for (const [name, text] of Object.entries(texts)) {
    const faults = outgoingFaults(text, { urls, longest: limits[name as keyof typeof limits] });
    if (faults.length > 0) return failed("text", "text_forbidden", `The ${name} holds ${faults.join(", ")}.`);
  }
  return passed("text", `Title of ${title.length} and body of ${body.length} characters send nothing out.`);
}

const SIGNATURE = "Proposed by Whetstone; validated as patch sha256 ";

/** Whether a commit is one of these; what a person pushed on top of one is not. */
function isOwnMessage(message: string): boolean {
  return message.includes(`\n\n${SIGNATURE}`);
}

/** Plain facts; what a session wrote stands in the pull request, as a quotation. */
function commitBody({ patchDigest, fingerprint, links }: PullRequestFacts): string {
  return `${SIGNATURE}${patchDigest}, fingerprint ${fingerprint}.\n\nRun: ${links.run}`;
}

function isRefused(checks: readonly WriteCheck[]): boolean {
  return checks.at(-1)?.verdict !== "pass";
}

/** The branch moved, or people have another proposal before them: nothing was found against the change. */
const CIRCUMSTANCES: ReadonlySet<ReasonCode> = new Set(["base_moved", "duplicate_open"]);

function refused(checks: readonly WriteCheck[]): Stage<WriteValue> {
  const last = checks.at(-1);
  const reasons: readonly [ReasonCode, ...ReasonCode[]] = last?.reasons ?? ["verdict_missing"];
  const summary = `refused at ${last?.check ?? "the start"}: ${last?.detail ?? "nothing was verified"}`;
  const verdict = reasons.every((reason) => CIRCUMSTANCES.has(reason)) ? "inconclusive" : "fail";
  return { verdict, reasons, summary, value: { checks } };
}
