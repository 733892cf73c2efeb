import { z } from "zod";
import { callGitHub, findOnGitHub, type GitHubClient } from "../github/rest-api.ts";
import type { CommentDelivery } from "./delivery.ts";

/** An issue or pull request that a comment was written to, as the App sees it. */
export type Conversation = {
  readonly client: GitHubClient;
  /** Id of the GitHub App that this is. */
  readonly appId: number;
  readonly delivery: CommentDelivery;
};

/** Reactions by GitHub's names: 👀, 🎉, 😕, 👎. */
export type Reaction = "eyes" | "hooray" | "confused" | "-1";

const ISSUES = "/repos/{owner}/{repo}/issues";
/** First line of the App's own comment; foreign text cannot hold it, the sanitiser escapes it. */
const MARKER = "<!-- whetstone:answer -->";
const PAGE = 100;

function where({ delivery: { repository } }: Conversation): { readonly owner: string; readonly repo: string } {
  return { owner: repository.owner.login, repo: repository.name };
}

/**
 * Whether the author of the comment may give commands: a person with write or admin permission, as GitHub says at this
 * moment. `author_association` and the form of a name are no test.
 * @throws WhetstoneError `api_failed`.
 */
export async function mayCommand(conversation: Conversation): Promise<boolean> {
  const { user } = conversation.delivery.comment;
  if (user?.type !== "User") return false;
  const found = await findOnGitHub(conversation.client, {
    route: "GET /repos/{owner}/{repo}/collaborators/{username}/permission",
    parameters: { ...where(conversation), username: user.login },
    answer: z.object({ permission: z.string() }),
  });
  return found?.permission === "admin" || found?.permission === "write";
}

/** Puts a reaction on the comment; a second one of the same kind changes nothing. @throws WhetstoneError `api_failed`. */
export async function react(conversation: Conversation, content: Reaction): Promise<void> {
  const parameters = { ...where(conversation), comment_id: conversation.delivery.comment.id, content };
  await callGitHub(conversation.client, {
    route: `POST ${ISSUES}/comments/{comment_id}/reactions`,
    parameters,
    answer: z.unknown(),
  });
}

/**
 * Answers in the one comment that the App has in the conversation: updated in place, made when there is none.
 * @throws WhetstoneError `api_failed`.
 */
export async function answerInPlace(conversation: Conversation, markdown: string): Promise<void> {
  const { client, delivery } = conversation;
  const body = `${MARKER}\n${markdown}\n`;
  const own = await findOwnComment(conversation);
  if (own !== undefined) {
    const route = `PATCH ${ISSUES}/comments/{comment_id}`;
    const parameters = { ...where(conversation), comment_id: own, body };
    // Somebody may have deleted it since it was listed; then a new one is made.
    if ((await findOnGitHub(client, { route, parameters, answer: z.unknown() })) !== undefined) return;
  }
  const parameters = { ...where(conversation), issue_number: delivery.issue.number, body };
  await callGitHub(client, { route: `POST ${ISSUES}/{issue_number}/comments`, parameters, answer: z.unknown() });
}

const Comments = z.array(
  z.object({
    id: z.number().int(),
    body: z.string().nullish(),
    performed_via_github_app: z.object({ id: z.number().int() }).nullish(),
  }),
);

/** The App's first comment with the marker. Others may copy the marker, so the author is compared too. */
async function findOwnComment(conversation: Conversation): Promise<number | undefined> {
  const { client, delivery, appId } = conversation;
  for (let page = 1; ; page += 1) {
    const parameters = { ...where(conversation), issue_number: delivery.issue.number, per_page: PAGE, page };
    const route = `GET ${ISSUES}/{issue_number}/comments`;
    const comments = await callGitHub(client, { route, parameters, answer: Comments });
    const own = comments.find(
      ({ body, performed_via_github_app: app }) => app?.id === appId && body?.startsWith(MARKER) === true,
    );
    if (own !== undefined || comments.length < PAGE) return own?.id;
  }
}
