/** What the App may do on GitHub, and why: the smallest set with which every command works. */
export const PERMISSIONS = {
  metadata: ["read", "who may do what in a repository; GitHub gives it to every App"],
  contents: ["write", "the state branch, branches of proposals and of rollbacks; reading whetstone.yaml"],
  issues: ["write", "answers and reactions to comments, issues about what went wrong"],
  pull_requests: ["write", "draft pull requests of proposals and rollbacks; reading reviews"],
  checks: ["write", "one check run for each stage, with its buttons"],
  deployments: ["write", "answering the deployment gate; deploying the last known good version"],
  actions: ["write", "starting the loop's workflow; stopping runs and workflows in an emergency"],
  merge_queues: ["read", "hearing that a merge queue waits for the check of the canary"],
  actions_variables: ["read", "the variable that stops everything"],
} as const satisfies Readonly<Record<string, readonly ["read" | "write", string]>>;

/** Events that the App hears of, by GitHub's names in a manifest. Those of installations come unasked. */
export const EVENTS = [
  "check_run",
  "deployment_protection_rule",
  "issue_comment",
  "merge_group",
  "pull_request",
  "pull_request_review",
  "workflow_run",
] as const;
