import type { CommitFacts, History } from "../../github/history-port.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { CommitSha } from "../../model/json.ts";

/** A merged pull request as two commits: the one before its change, and the one that has it. */
export type MergedChange = {
  readonly before: CommitSha;
  readonly changed: CommitSha;
  readonly how: "merge" | "squash" | "rebase";
};

/**
 * Where a merged change begins. A merge commit has its base as first parent; a squash is one commit; a rebase put the
 * pull request's commits on the base one by one, which is told by their messages.
 * @throws WhetstoneError `not_found` when the commit is not there or has no parent; `api_failed`
 */
export async function changeOfPull(
  history: Pick<History, "commit" | "messagesOfPull">,
  pull: { readonly number: number; readonly mergeSha: CommitSha },
): Promise<MergedChange> {
  const { number, mergeSha } = pull;
  const commit = await history.commit(mergeSha);
  const [before, second] = commit?.parents ?? [];
  if (commit === undefined || before === undefined) {
    throw new WhetstoneError("not_found", `The commit ${mergeSha} that merged #${number} is not in the repository.`, {
      remedy: "Its history was rewritten; take the change back by hand.",
      data: { pull: number, mergeSha },
    });
  }
  if (second !== undefined) return { before, changed: mergeSha, how: "merge" };
  const start = await startOfRebase(history, mergeSha, await history.messagesOfPull(number));
  return start === undefined
    ? { before, changed: mergeSha, how: "squash" }
    : { before: start, changed: mergeSha, how: "rebase" };
}

/** The commit below the rebased ones; undefined when these are not the pull request's commits, one by one. */
async function startOfRebase(
  history: Pick<History, "commit">,
  mergeSha: CommitSha,
  messages: readonly string[],
): Promise<CommitSha | undefined> {
  if (messages.length < 2) return undefined;
  let at: CommitSha | undefined = mergeSha;
  for (const message of messages.toReversed()) {
    const commit: CommitFacts | undefined = at === undefined ? undefined : await history.commit(at);
    if (commit?.parents.length !== 1 || commit.message.trimEnd() !== message.trimEnd()) return undefined;
    at = commit.parents[0];
  }
  return at;
}
