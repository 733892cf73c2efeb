/** An `issue_comment` delivery, reduced to the fields that are used. */
export type CommentPayload = {
  readonly action: string;
  readonly comment: {
    readonly id: number;
    readonly body: string;
    readonly user: { id: number; login: string; type: string } | null;
    readonly performed_via_github_app?: { readonly id: number } | null;
  };
  readonly issue: { readonly number: number; readonly pull_request?: object };
  readonly repository: { readonly id: number; readonly name: string; readonly owner: { readonly login: string } };
  readonly installation: { readonly id: number };
  readonly sender: { readonly login: string; readonly type: string };
};

export const OWNER = "octo-org";
export const REPO = "notes";
export const APP_ID = 4711;
export const INSTALLATION = 99;
export const ISSUE = 12;
export const REPOSITORY_ID = 1_296_269;

/** A new comment with this text by a person. */
export function commentPayload(body: string, change: Partial<CommentPayload["comment"]> = {}): CommentPayload {
  const user = { id: 7, login: "monalisa", type: "User" };
  return {
    action: "created",
    comment: { id: 1001, body, user, ...change },
    issue: { number: ISSUE },
    repository: { id: REPOSITORY_ID, name: REPO, owner: { login: OWNER } },
    installation: { id: INSTALLATION },
    sender: user,
  };
}
