import type { FoundPull } from "../../github/host-port.ts";
import { WhetstoneError } from "../../model/error.ts";
import { formatPullSession, parsePullSession } from "../../model/pull-change.ts";
import { readAskedRun } from "../../protect/asked-runs.ts";
import { pullFault } from "../../protect/pull-fitness.ts";
import { showPullRun } from "../checks/pull-validation.ts";
import type { Answer, CommandContext } from "../command.ts";
import { CommentDelivery } from "../delivery.ts";
import { type LoopOrder, startLoop } from "./loop-run.ts";

/**
 * Starts a run that proves the pull request of the conversation at the commit that its author of the comment saw. What an
 * earlier attempt of the same comment put on record stays: a push in between does not change what was asked for.
 * @throws WhetstoneError `usage` for one whose change is not to be run, and for one that was pushed to since the comment
 */
export async function validatePull(context: CommandContext, target: string): Promise<Answer> {
  const { repository, place } = context;
  const standing = await readAskedRun(await repository.state.view(), place.comment);
  const order: LoopOrder = standing ?? (await orderFor(context, target));
  const answer = await startLoop(context, order);
  const pull = parsePullSession(order.inputs["session"]);
  if (pull === undefined) return answer;
  // A later attempt comes when the run may have ended: who follows it says so at the commit.
  if ((standing?.run ?? null) === null) await showPullRun(repository, { ...pull, target: order.target });
  return {
    ...answer,
    body: `${answer.body}\n\nIt proves #${pull.number} at \`${pull.headSha}\`; later pushes are not part of it.`,
  };
}

async function orderFor(context: CommandContext, target: string): Promise<LoopOrder> {
  const { repository, place } = context;
  const number = place.conversation;
  const { defaultBranch } = await repository.host.repository.facts();
  const pull = await repository.host.pulls.find(number);
  const fault = pullFault(pull, { number, defaultBranch });
  if (fault !== undefined || pull === undefined) {
    throw new WhetstoneError("usage", fault ?? `There is no pull request #${number}.`, {
      remedy: "An open pull request from a branch of this repository to its default branch can be validated.",
    });
  }
  await assertSeen(context, pull);
  const session = formatPullSession({ number, headSha: pull.headSha });
  return {
    word: "validate",
    target,
    inputs: { target, mode: "refinement", session, "dry-run": "true" },
    permission: null,
  };
}

/** Nobody has read what was pushed after they wrote; in the same second counts as after. */
async function assertSeen({ repository, event }: CommandContext, pull: FoundPull): Promise<void> {
  const { branch, number, headSha } = pull;
  const written = CommentDelivery.safeParse(event.payload).data?.comment.created_at;
  const pushed = await repository.host.pulls.lastPush(branch);
  if (written === undefined || pushed === undefined) return;
  if (pushed.sha !== headSha) {
    throw new WhetstoneError(
      "api_failed",
      `GitHub does not tell yet when #${number} came to ${headSha.slice(0, 12)}.`,
      {
        remedy: "It is asked again.",
        data: { later: true },
      },
    );
  }
  if (Date.parse(pushed.at) < Date.parse(written)) return;
  const when = `#${number} was pushed to at ${pushed.at}, when your comment was already written (${written}).`;
  throw new WhetstoneError("usage", when, {
    remedy: `Look at ${headSha.slice(0, 12)}, then write /whetstone validate again.`,
  });
}
