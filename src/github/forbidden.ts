import { WhetstoneError } from "../model/error.ts";

/** Requests that agree to something in a person's place: approving, merging, letting a waiting run go on, fewer rules. */
const ROUTES =
  /^(?:POST|PUT|PATCH|DELETE) .*(?:\/merge[^/]*|\/update-branch|\/reviews(?:\/.*)?|\/approve|\/pending_deployments|\/protection(?:\/.*)?|\/rulesets(?:\/.*)?)(?:\?.*)?$/i;
/** The same as mutations. */
const MUTATIONS =
  /\b(?:merge(?:PullRequest|Branch)|(?:add|submit|update)PullRequestReview|enablePullRequestAutoMerge|enqueuePullRequest|approveDeployments|createPullRequestReview)\b/i;

/**
 * Refuses what Whetstone never does, whoever asks: the client through which everything goes cannot send it.
 * @throws WhetstoneError `defect`
 */
export function assertNotForbidden(request: { readonly route: string } | { readonly query: string }): void {
  const forbidden = "route" in request ? ROUTES.test(request.route) : MUTATIONS.test(request.query);
  if (!forbidden) return;
  const what = "route" in request ? request.route : "A GraphQL mutation";
  throw new WhetstoneError("defect", `${what}: Whetstone neither approves nor merges; that is for people.`);
}
