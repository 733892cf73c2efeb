import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";
import { answerInPlace } from "../conversation.ts";
import { CheckRunDelivery, PullDelivery, RunDelivery } from "../delivery.ts";
import type { AppEvent, EventHandler, Handled, HandlerContext } from "../handler.ts";
import { cell } from "../page-text.ts";
import type { RepositoryAccess } from "../repository.ts";
import { buttonOf, press, type Press } from "./press.ts";
import { showKept } from "./pull-validation.ts";
import { parseStageCheck } from "./stage-check.ts";
import { pullOfDossier, showStages } from "./stages.ts";
import { showRun } from "./workflow-run.ts";

const Held = z.object({ dossier: z.string() });

const DONE: Handled = { kind: "done" };

/** Keeps the check runs of the stages: after pushes and runs, when they are asked for again, and their buttons. */
export const checks: EventHandler = {
  events: [
    "check_run.requested_action",
    "check_run.rerequested",
    "pull_request.opened",
    "pull_request.synchronize",
    "pull_request.reopened",
    "pull_request.closed",
    "task.held",
    "workflow_run.requested",
    "workflow_run.in_progress",
    "workflow_run.completed",
  ],
  handle: async (context) => {
    const { name, payload } = context.event;
    if (name.startsWith("pull_request.")) {
      await showStages(context.repository, PullDelivery.parse(payload).pull_request.number);
      return DONE;
    }
    if (name.startsWith("workflow_run.")) {
      await showRun(context, RunDelivery.parse(payload).workflow_run.id);
      return DONE;
    }
    if (name === "task.held") {
      const pull = await pullOfDossier(context.repository, Held.parse(payload).dossier);
      if (pull !== undefined) await showStages(context.repository, pull);
      return DONE;
    }
    return await ownCheck(context);
  },
};

/** A pull request of people has no stages but the one that was asked for. */
async function showAgain(repository: RepositoryAccess, pull: number): Promise<void> {
  if (!(await showStages(repository, pull))) await showKept(repository, pull);
}

async function ownCheck(context: HandlerContext): Promise<Handled> {
  const { event, repository, log } = context;
  const { check_run: check, requested_action: asked, sender } = CheckRunDelivery.parse(event.payload);
  const stage = parseStageCheck(check.external_id ?? "");
  // Others may name theirs as they like.
  if (check.app?.id !== repository.self.appId || stage === undefined) return DONE;
  const [kind = "", id = ""] = stage.about.split("/");
  if (event.name === "check_run.rerequested") {
    if (kind === "pull") await showAgain(repository, Number(id));
    else if (kind === "run") await showRun(context, Number(id));
    // A group of a merge queue is asked for by the queue alone.
    return DONE;
  }
  const button = buttonOf(asked?.identifier ?? "");
  if (button === undefined || kind !== "pull" || sender?.type !== "User") return DONE;
  if (!MAY_WRITE.includes(await repository.host.repository.permission(sender.login))) {
    log(`${button} pressed by ${sender.login}: refused, no write permission`);
    return DONE;
  }
  const by = { type: "person", id: sender.login } as const;
  await answerPress(
    context,
    { button, pull: Number(id), sha: check.head_sha, check: check.id, by },
    isOld(event, check),
  );
  return DONE;
}

/**
 * A press does not say when it happened. Deliveries are told apart for 90 days; what is sent again after that is of a check run
 * that is older still.
 */
const LONGEST_PRESS_DAYS = 60;

function isOld({ receivedAt }: AppEvent, { completed_at, started_at }: CheckRunDelivery["check_run"]): boolean {
  const at = completed_at ?? started_at ?? undefined;
  return at !== undefined && receivedAt - Date.parse(at) > LONGEST_PRESS_DAYS * 86_400_000;
}

const MAY_WRITE = ["admin", "maintain", "write"];

/** What another attempt may mend is tried again; what people have to mend is told. */
async function answerPress(context: HandlerContext, pressed: Press, tooOld: boolean): Promise<void> {
  const said = tooOld ? TOO_OLD : await press(context, pressed).catch(saidOf);
  const body = `### Whetstone: ${pressed.button.replaceAll("-", " ")}\n\n${said}`;
  await answerInPlace(context.repository, { conversation: pressed.pull, comment: pressed.check, body });
  // What follows from it, such as a canary that is watched, has its check run from there.
}

const TOO_OLD = `This check run is older than ${LONGEST_PRESS_DAYS} days, and its buttons do nothing any more. Ask by a comment: \`/whetstone help\`.`;

/** @throws what is not for people */
function saidOf(error: unknown): string {
  const isForPeople = error instanceof WhetstoneError && !RETRIED.includes(error.code) && error.code !== "defect";
  if (!isForPeople) throw error;
  return `${cell(error.message)} ${cell(error.remedy ?? "")}`;
}

const RETRIED: readonly string[] = ["api_failed", "ref_moved"];
