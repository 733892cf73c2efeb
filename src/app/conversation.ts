import type { Actor } from "../model/ledger.ts";
import type { CommentDelivery } from "./delivery.ts";
import { appSettings, type RepositoryAccess } from "./repository.ts";
import { withSection } from "./sticky.ts";

/** Who wrote a comment, as far as commands are concerned. `self`: the App itself, which never answers itself. */
export type Speaker =
  | { readonly kind: "heard"; readonly by: Actor }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "self" };

/**
 * Whether the author of a comment may give commands, as GitHub says at this moment: a person with write permission, or a
 * bot whose id the default branch lists. `author_association` and the form of a name are no test.
 * @throws WhetstoneError `api_failed`, `config_invalid`
 */
export async function speakerOf(repository: RepositoryAccess, { comment }: CommentDelivery): Promise<Speaker> {
  const { user } = comment;
  const { self, host } = repository;
  if (comment.performed_via_github_app?.id === self.appId || user?.login === self.login) return { kind: "self" };
  if (user === null) return { kind: "refused", why: "the account is gone" };
  const type = user.type ?? "unknown";
  switch (type) {
    case "User": {
      const permission = await host.repository.permission(user.login);
      if (["admin", "maintain", "write"].includes(permission)) return heard("person", user.login);
      return { kind: "refused", why: `permission ${permission}` };
    }
    case "Bot": {
      const { bots } = await appSettings(repository);
      return bots.includes(user.id) ? heard("bot", user.login) : { kind: "refused", why: "a bot that is not listed" };
    }
    default:
      return { kind: "refused", why: `an account of type ${type}` };
  }
}

function heard(type: Actor["type"], id: string): Speaker {
  return { kind: "heard", by: { type, id } };
}

/** An answer to one command, by the id of its comment. */
export type CommandAnswer = { readonly conversation: number; readonly comment: number; readonly body: string };

/**
 * Puts an answer into the one comment that the App has in the conversation, in place of what it said to the same command.
 * GitHub changes comments whole and without a condition, so this process writes each conversation's one at a time: an
 * answer and the progress of a run, which are works of different keys, would else lose one another.
 */
export function answerInPlace(
  { host, owner, repo }: Pick<RepositoryAccess, "host" | "owner" | "repo">,
  { conversation, comment, body }: CommandAnswer,
): Promise<void> {
  const change = (standing: string | undefined): string => withSection(standing, { key: comment, body });
  return inTurn(`${owner}/${repo}#${conversation}`.toLowerCase(), async () => {
    await host.notes.amend(conversation, { purpose: "answer", change });
  });
}

/** Conversations that are written to at this moment, with the end of the last write. */
const writing = new Map<string, Promise<void>>();

async function inTurn(key: string, write: () => Promise<void>): Promise<void> {
  // Whoever was before tells its own failure.
  const turn = (writing.get(key) ?? Promise.resolve()).then(write, write);
  writing.set(key, turn);
  try {
    await turn;
  } finally {
    if (writing.get(key) === turn) writing.delete(key);
  }
}
