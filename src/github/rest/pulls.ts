import { z } from "zod";
import { CommitSha } from "../../model/json.ts";
import type { FoundPull, PullRequest, PullRequests, Review } from "../host-port.ts";
import { apiStatus, callGitHub, findOnGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";
import { fitBody } from "./body.ts";
import { createOnce } from "./create-once.ts";

const PULLS = "/repos/{owner}/{repo}/pulls";
const ISSUE = "/repos/{owner}/{repo}/issues/{issue_number}";

const Pull = z.object({
  number: z.number(),
  html_url: z.string(),
  title: z.string(),
  body: z.string().nullable(),
  state: z.enum(["open", "closed"]),
  draft: z.boolean().optional(),
  merged_at: z.string().nullish(),
  // Null when a fork is gone.
  head: z.object({ ref: z.string(), sha: CommitSha, repo: z.object({ full_name: z.string() }).nullish() }),
  base: z.object({ ref: z.string() }),
  labels: z.array(z.object({ name: z.string() })),
  requested_reviewers: z.array(z.object({ login: z.string() })).nullish(),
  requested_teams: z.array(z.object({ slug: z.string() })).nullish(),
});
const OwnPage = Pull.extend({
  user: z.object({ login: z.string() }).nullish(),
  merge_commit_sha: CommitSha.nullish(),
  closed_at: z.string().nullish(),
});

/** Pull requests over REST. */
export function restPulls(repository: RestRepository): PullRequests {
  const { client, owner, repo } = repository;
  const where = { owner, repo };
  const shaped = shapeOf(owner);
  const list = async (query: Record<string, string>): Promise<readonly PullRequest[]> => {
    const parameters = { ...where, ...query, sort: "created", direction: "desc" };
    const all = await listOnGitHub(client, { route: `GET ${PULLS}`, parameters, answer: Pull });
    return all.filter(isFromHere).map(shaped);
  };
  // A fork may name its branch as it likes, and an organisation may fork its own repository.
  const isFromHere = ({ head }: z.output<typeof Pull>) =>
    head.repo?.full_name.toLowerCase() === `${owner}/${repo}`.toLowerCase();
  const from = (branch: string) => list({ head: `${owner}:${branch}`, state: "all" });
  const send = async (route: string, parameters: Record<string, unknown>): Promise<PullRequest> =>
    shaped(await callGitHub(client, { route, parameters: { ...where, ...parameters }, answer: Pull }));
  const patch = (number: number, change: Record<string, unknown>) =>
    send(`PATCH ${PULLS}/{pull_number}`, { pull_number: number, ...change });
  return {
    from,
    find: async (number) => {
      const call = {
        route: `GET ${PULLS}/{pull_number}`,
        parameters: { ...where, pull_number: number },
        answer: OwnPage,
      };
      const found = await findOnGitHub(client, call);
      return found === undefined ? undefined : { ...shaped(found), ...ownFacts(found), fork: !isFromHere(found) };
    },
    authors: (number) => readAuthors(repository, number),
    pushers: (branch) => readPushers(repository, branch),
    lastPush: (branch) => readLastPush(repository, branch),
    open: () => list({ state: "open" }),
    create: async ({ branch, base, title, body, draft }) => {
      const wanted = { head: branch, base, title, body: fitBody(body), draft, maintainer_can_modify: true };
      const { value } = await createOnce({
        find: async () => (await from(branch)).find(({ state }) => state === "open"),
        create: () => send(`POST ${PULLS}`, wanted),
      });
      return value;
    },
    edit: (number, { body, ...rest }) =>
      patch(number, { ...rest, ...(body === undefined ? {} : { body: fitBody(body) }) }),
    close: async (number) => void (await patch(number, { state: "closed" })),
    label: (number, labels) => addLabels(repository, number, labels),
    askReview: (number, reviewers) => askReview(repository, number, reviewers),
    reviews: (number) => readReviews(repository, number),
  };
}

function shapeOf(owner: string) {
  return (pull: z.output<typeof Pull>): PullRequest => ({
    number: pull.number,
    url: pull.html_url,
    branch: pull.head.ref,
    base: pull.base.ref,
    headSha: pull.head.sha,
    title: pull.title,
    body: pull.body ?? "",
    state: pull.state,
    merged: typeof pull.merged_at === "string",
    draft: pull.draft === true,
    labels: pull.labels.map(({ name }) => name),
    reviewers: [
      ...(pull.requested_reviewers ?? []).map(({ login }) => login),
      ...(pull.requested_teams ?? []).map(({ slug }) => `@${owner}/${slug}`),
    ],
  });
}

/** Before a merge GitHub states the commit that one would make; that is none yet. */
function ownFacts(pull: z.output<typeof OwnPage>): Pick<FoundPull, "author" | "mergeSha" | "closedAt"> {
  const merged = typeof pull.merged_at === "string";
  return {
    author: pull.user?.login,
    mergeSha: merged ? (pull.merge_commit_sha ?? undefined) : undefined,
    closedAt: pull.closed_at ?? undefined,
  };
}

const Account = z.object({ login: z.string().optional() }).nullish();

async function readAuthors({ client, owner, repo }: RestRepository, number: number): Promise<readonly string[]> {
  const answer = z.object({ author: Account, committer: Account });
  const parameters = { owner, repo, pull_number: number };
  const commits = await listOnGitHub(client, { route: `GET ${PULLS}/{pull_number}/commits`, parameters, answer });
  const names = commits.flatMap(({ author, committer }) => [author?.login, committer?.login]);
  return [...new Set(names.filter((name) => name !== undefined))];
}

async function readPushers({ client, owner, repo }: RestRepository, branch: string): Promise<readonly string[]> {
  const moves = await findOnGitHub(client, {
    route: "GET /repos/{owner}/{repo}/activity",
    parameters: { owner, repo, ref: `refs/heads/${branch}`, per_page: 100 },
    answer: z.array(z.object({ actor: Account, activity_type: z.string().optional() })),
  });
  // Whoever deletes a branch, as after its merge, has put nothing on it.
  const pushes = (moves ?? []).filter(({ activity_type: type }) => type !== "branch_deletion");
  const names = pushes.map(({ actor }) => actor?.login);
  return [...new Set(names.filter((name) => name !== undefined))];
}

async function readLastPush(
  { client, owner, repo }: RestRepository,
  branch: string,
): Promise<{ readonly at: string; readonly sha: CommitSha } | undefined> {
  const moves = await findOnGitHub(client, {
    route: "GET /repos/{owner}/{repo}/activity",
    parameters: { owner, repo, ref: `refs/heads/${branch}`, direction: "desc", per_page: 1 },
    answer: z.array(z.object({ timestamp: z.string(), after: CommitSha })),
  });
  const [last] = moves ?? [];
  return last && { at: last.timestamp, sha: last.after };
}

/** Labels that a repository lacks are made by GitHub. */
async function addLabels(
  { client, owner, repo }: RestRepository,
  number: number,
  labels: readonly string[],
): Promise<void> {
  if (labels.length === 0) return;
  const parameters = { owner, repo, issue_number: number, labels };
  await callGitHub(client, { route: `POST ${ISSUE}/labels`, parameters, answer: z.array(z.object({})) });
}

/** One by one: GitHub refuses a whole list for one name in it. */
async function askReview(
  { client, owner, repo }: RestRepository,
  number: number,
  reviewers: readonly string[],
): Promise<{ readonly refused: readonly string[] }> {
  const refused: string[] = [];
  for (const reviewer of reviewers) {
    const team = /^@[^/]+\/(.+)$/.exec(reviewer)?.[1];
    const asked = team === undefined ? { reviewers: [reviewer] } : { team_reviewers: [team] };
    const parameters = { owner, repo, pull_number: number, ...asked };
    try {
      await callGitHub(client, {
        route: `POST ${PULLS}/{pull_number}/requested_reviewers`,
        parameters,
        answer: z.object({}),
      });
    } catch (error) {
      const status = apiStatus(error);
      if (status !== 422 && status !== 404 && status !== 403) throw error;
      refused.push(reviewer);
    }
  }
  return { refused };
}

const REVIEW_STATES = {
  APPROVED: "approved",
  CHANGES_REQUESTED: "changes_requested",
  COMMENTED: "commented",
  DISMISSED: "dismissed",
  PENDING: "pending",
} as const satisfies Record<string, Review["state"]>;
const RestReview = z.object({
  user: z.object({ login: z.string(), type: z.string().optional() }).nullable(),
  submitted_at: z.string().nullish(),
  state: z.enum(Object.keys(REVIEW_STATES) as (keyof typeof REVIEW_STATES)[]),
  commit_id: CommitSha.nullish(),
});

async function readReviews({ client, owner, repo }: RestRepository, number: number): Promise<readonly Review[]> {
  const parameters = { owner, repo, pull_number: number };
  const call = { route: `GET ${PULLS}/{pull_number}/reviews`, parameters, answer: RestReview };
  return (await listOnGitHub(client, call)).map(({ user, state, commit_id, submitted_at }) => ({
    user: user?.login ?? "ghost",
    person: user?.type === "User",
    at: submitted_at ?? undefined,
    state: REVIEW_STATES[state],
    commit: commit_id ?? undefined,
  }));
}
