import type { FoundPull, Review } from "../../github/host-port.ts";
import type { CommitSha } from "../../model/json.ts";
import { isSamePerson } from "../../protect/authorization/rules.ts";
import type { RepositoryAccess } from "../repository.ts";
import { askersOf } from "./askers.ts";

/** Why there is no approval. `objected`: somebody who may write asked for changes and has not agreed since. */
export type MissingApproval =
  "no_pull" | "closed" | "fork" | "nobody" | "not_independent" | "not_permitted" | "objected";

/** What is asked about an approval. */
type ApprovalPlace = Pick<RepositoryAccess, "host" | "state" | "desk">;

/** Whether people have approved what a pull request holds now. */
export type Approval =
  | { readonly kind: "approved"; readonly by: string; readonly at: string; readonly sha: CommitSha }
  /** What was approved is no longer what stands there: `head` is. */
  | {
      readonly kind: "stale";
      readonly by: string;
      readonly at: string;
      readonly sha: CommitSha | undefined;
      readonly head: CommitSha;
    }
  | { readonly kind: "missing"; readonly why: MissingApproval; readonly head: CommitSha | undefined };

/**
 * Whether a pull request is approved, as GitHub says at this moment: by a person who may write to the repository now, who
 * neither opened it nor wrote or committed any of its commits (nor, with the two-person rule, asked for it), and for
 * exactly the commit that is its head. Of each person the last decision counts; a comment is none.
 * @throws WhetstoneError `api_failed`, `config_invalid`, `ledger_broken`
 */
export async function approvalOf(repository: ApprovalPlace, number: number): Promise<Approval> {
  const { host } = repository;
  const pull = await host.pulls.find(number);
  const unfit = pull === undefined ? "no_pull" : unfitness(pull);
  if (pull === undefined || unfit !== undefined)
    return { kind: "missing", why: unfit ?? "no_pull", head: pull?.headSha };
  const decisions = lastDecisions(await host.pulls.reviews(number));
  const involved = await involvedIn(repository, pull);
  const permitted: Review[] = [];
  for (const review of decisions) if (await mayWrite(host, review)) permitted.push(review);
  // Whoever wrote part of it may object to it, but not agree to it.
  if (permitted.some(({ state }) => state === "changes_requested")) return missing(pull, "objected");
  const approvals = permitted.filter(({ state }) => state === "approved");
  const independent = approvals.filter(({ user }) => !involved.some((name) => isSamePerson(name, user)));
  const [latest] = independent.toSorted((a, b) => ((a.at ?? "") < (b.at ?? "") ? 1 : -1));
  if (latest === undefined) return missing(pull, whyNot(decisions, approvals));
  const current = independent.find(({ commit }) => commit === pull.headSha);
  const { user: by, at = "", commit } = current ?? latest;
  if (current !== undefined) return { kind: "approved", by, at, sha: pull.headSha };
  return { kind: "stale", by, at, sha: commit, head: pull.headSha };
}

/** Who opened it, whoever wrote of it, and with the two-person rule whoever asked for it. */
async function involvedIn(
  repository: ApprovalPlace,
  { number, author, branch }: FoundPull,
): Promise<readonly string[]> {
  const { twoPerson } = await repository.desk.rules();
  const asked = twoPerson ? await askersOf(repository, number) : [];
  const { pulls } = repository.host;
  const [authors, pushers] = [await pulls.authors(number), await pulls.pushers(branch)];
  return [...(author === undefined ? [] : [author]), ...authors, ...pushers, ...asked];
}

function unfitness({ state, fork }: FoundPull): MissingApproval | undefined {
  if (fork) return "fork";
  return state === "open" ? undefined : "closed";
}

function whyNot(decisions: readonly Review[], approvals: readonly Review[]): MissingApproval {
  if (approvals.length > 0) return "not_independent";
  return decisions.some(({ state }) => state === "approved") ? "not_permitted" : "nobody";
}

function missing({ headSha }: FoundPull, why: MissingApproval): Approval {
  return { kind: "missing", why, head: headSha };
}

/** The last approval, objection or withdrawal of each person; reviews come oldest first. */
function lastDecisions(reviews: readonly Review[]): readonly Review[] {
  const last = new Map<string, Review>();
  for (const review of reviews) {
    if (review.state !== "commented" && review.state !== "pending") last.set(review.user.toLowerCase(), review);
  }
  return [...last.values()];
}

const MAY_WRITE = ["admin", "maintain", "write"];

async function mayWrite({ repository }: RepositoryAccess["host"], { user, person }: Review): Promise<boolean> {
  return person && MAY_WRITE.includes(await repository.permission(user));
}
