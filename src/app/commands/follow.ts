import { z } from "zod";
import type { WorkflowRun } from "../../github/runs-port.ts";
import type { AskedRun } from "../../model/asked-run.ts";
import { parsePullSession, type PullAtHead } from "../../model/pull-change.ts";
import { readAskedRun } from "../../protect/asked-runs.ts";
import { readPullValidation } from "../../protect/pull-validations.ts";
import { pullValidationText, pullValidationView, showPullLost, showPullRun } from "../checks/pull-validation.ts";
import { showStage } from "../checks/stage-check.ts";
import { answerInPlace } from "../conversation.ts";
import type { EventHandler, Handled, HandlerContext, Task } from "../handler.ts";
import { cell } from "../page-text.ts";
import type { RepositoryAccess } from "../repository.ts";

/** Time between two looks at a run, ms, and after how long it is not followed any more: GitHub ends runs after 35 days. */
const LOOK_MS = 20_000;
const LONGEST_MS = 35 * 86_400_000;

const Followed = z.object({
  comment: z.int().positive(),
  run: z.int().positive(),
  since: z.number(),
  told: z.string().optional(),
});

/** The task that follows a run; its own key, so that it holds nobody up. */
export function followTask(
  { owner, repo }: Pick<RepositoryAccess, "owner" | "repo">,
  { comment, run, now }: { readonly comment: number; readonly run: number; readonly now: number },
): Task {
  return {
    id: `follow:${owner}/${repo}:${comment}`,
    key: `${owner}/${repo}!run-${run}`,
    name: "task.follow-run",
    payload: { comment, run, since: now },
    notBefore: now + LOOK_MS,
  };
}

/** Follows a run that a comment started: says in the App's comment how it goes, and with a reaction how it ended. */
export const followRun: EventHandler = {
  events: ["task.follow-run"],
  handle: async (context): Promise<Handled> => {
    const followed = Followed.parse(context.event.payload);
    const { repository } = context;
    const asked = await readAskedRun(await repository.state.view(), followed.comment);
    if (asked === undefined) return { kind: "done" };
    const run = await repository.host.runs.find(followed.run);
    const now = Number(context.clock.now() / 1_000_000n);
    if (run === undefined || now - followed.since > LONGEST_MS) {
      const why = run === undefined ? "is not there any more" : "has not ended in 35 days and is not followed any more";
      return await tellEnd(context, asked, { isGood: false, line: `Run ${followed.run} ${why}.` });
    }
    if (run.status === "completed") return await tellEnd(context, asked, endOf(run));
    if (followed.told !== run.status) await tellProgress(context, asked, run);
    return { kind: "again", at: now + LOOK_MS, payload: { ...followed, told: run.status } };
  },
};

type End = { readonly isGood: boolean; readonly line: string };

function endOf(run: WorkflowRun): End {
  const conclusion = run.conclusion ?? "unknown";
  return { isGood: conclusion === "success", line: `${linkOf(run)} ended: **${cell(conclusion)}**.` };
}

const WORDS: Readonly<Record<string, string>> = {
  queued: "waits for a runner",
  waiting: "waits for an environment",
  pending: "waits for its turn",
  requested: "was asked for",
  in_progress: "is under way",
  action_required: "waits until somebody lets it run",
};

function progressOf(run: WorkflowRun): string {
  return `${linkOf(run)} ${WORDS[run.status] ?? cell(run.status)}.`;
}

function linkOf({ id, url }: WorkflowRun): string {
  return /^https:\/\/[\w.:/-]+$/.test(url) ? `[Run ${id}](${url})` : `Run ${id}`;
}

async function tellProgress(context: HandlerContext, asked: AskedRun, run: WorkflowRun): Promise<void> {
  const proved = parsePullSession(asked.inputs["session"]);
  if (proved !== undefined) await showPullRun(context.repository, { ...proved, target: asked.target });
  await tell(context, asked, progressOf(run));
}

async function tellEnd(context: HandlerContext, asked: AskedRun, { isGood, line }: End): Promise<Handled> {
  const proved = parsePullSession(asked.inputs["session"]);
  if (proved !== undefined) return await tellProved(context, { asked, line, isGood, pull: proved });
  const hint = isGood ? "`/whetstone status` shows what is on record." : "`/whetstone explain` says why.";
  await tell(context, asked, `${line}\n\n${hint}`);
  await context.repository.host.notes.react(asked.comment, isGood ? "hooray" : "confused");
  return { kind: "done" };
}

type Proved = End & { readonly asked: AskedRun; readonly pull: PullAtHead };

/** The verdict counts that this very run left of this very commit; a pass only of a run that ended well. */
async function tellProved(context: HandlerContext, { asked, pull, line, isGood }: Proved): Promise<Handled> {
  const { repository } = context;
  const kept = await readPullValidation(await repository.state.view(), pull.number);
  const isOwn = kept?.comment === asked.comment && kept.run === asked.run && kept.headSha === pull.headSha;
  const found = isOwn && (isGood || kept.verdict !== "pass") ? kept : undefined;
  if (found === undefined) {
    await showPullLost(repository, { ...pull, target: asked.target, line: `${line} It left no verdict.` });
  } else await showStage(repository, pullValidationView(found));
  const head = (await repository.host.pulls.find(pull.number))?.headSha;
  const moved =
    head === pull.headSha ? [] : ["The pull request has moved on since: this is not about what stands there now."];
  const said = found === undefined ? "It left no verdict; nothing is said of the change." : pullValidationText(found);
  await tell(context, asked, [line, said, ...moved].join("\n\n"));
  await repository.host.notes.react(asked.comment, found?.verdict === "pass" ? "hooray" : "confused");
  return { kind: "done" };
}

async function tell({ repository }: HandlerContext, asked: AskedRun, line: string): Promise<void> {
  const { word, target, comment, conversation } = asked;
  await answerInPlace(repository, {
    conversation,
    comment,
    body: `### Whetstone: ${word} of ${cell(target)}\n\n${line}`,
  });
}
