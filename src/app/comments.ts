import { z } from "zod";
import { messageOf, WhetstoneError } from "../model/error.ts";
import type { Actor } from "../model/ledger.ts";
import type { Answer, CommandContext } from "./command.ts";
import { isStopAlone, parseCommands, type WrittenCommand } from "./commands.ts";
import { commandOf, COMMANDS } from "./commands/catalogue.ts";
import { parseParameters } from "./commands/parameters.ts";
import { answerInPlace, speakerOf } from "./conversation.ts";
import { CommentDelivery } from "./delivery.ts";
import type { EventHandler, HandlerContext } from "./handler.ts";
import { cell } from "./page-text.ts";
import { RETRY } from "./retry.ts";

/**
 * Answers `/whetstone <word>` in new comments of issues and pull requests. Edits are no commands. Only people with write
 * permission are answered, and bots that are listed; others get 👎 and nothing else, and the App never hears itself. 👀 says that the
 * command was seen, 🎉 or 😕 how it ended, 🚀 that it goes on.
 */
export const comments: EventHandler = {
  events: ["issue_comment.created"],
  handle: async (context) => {
    const delivery = CommentDelivery.parse(context.event.payload);
    const written = parseCommands(delivery.comment.body);
    if (written.length === 0) return { kind: "done" };
    if (isStale(context, delivery)) {
      context.log(
        `${described(written)}: written more than ${LONGEST_DAYS} days before it was delivered; nothing is done`,
      );
      return { kind: "done" };
    }
    const speaker = await speakerOf(context.repository, delivery);
    const said = `${described(written)} by ${delivery.comment.user?.login ?? "nobody"}`;
    switch (speaker.kind) {
      case "self":
        break;
      case "refused":
        context.log(`${said}: refused, ${speaker.why}`);
        await refuse(context, delivery);
        break;
      case "heard":
        await answer({ context, delivery, written, by: speaker.by, said });
    }
    return { kind: "done" };
  },
};

/**
 * A stop waits for nobody and counts for nothing, so whoever floods a repository with stops must not hold the places of
 * others open with refusals, which GitHub wants a second apart: they wait among the other work of the conversation.
 */
async function refuse({ repository, schedule, clock }: HandlerContext, delivery: CommentDelivery): Promise<void> {
  const { comment, issue } = delivery;
  if (!isStopAlone(comment.body)) {
    await repository.host.notes.react(comment.id, "-1");
    return;
  }
  await schedule({
    id: `refusal:${repository.owner}/${repository.repo}:${comment.id}`,
    key: `${repository.owner}/${repository.repo}#${issue.number}`,
    name: REFUSAL,
    payload: { comment: comment.id },
    notBefore: Number(clock.now() / 1_000_000n),
  });
}

const REFUSAL = "task.refusal";
const Refused = z.object({ comment: z.int() });

/** Puts 👎 on a comment that was refused. */
export const refusals: EventHandler = {
  events: [REFUSAL],
  handle: async ({ event, repository }) => {
    await repository.host.notes.react(Refused.parse(event.payload).comment, "-1");
    return { kind: "done" };
  },
};

/** GitHub delivers for three days; what comes later is an old delivery that somebody sends again, whose id may be forgotten. */
const LONGEST_DAYS = 7;

function isStale({ event }: HandlerContext, { comment }: CommentDelivery): boolean {
  const { created_at: at } = comment;
  return at !== undefined && event.receivedAt - Date.parse(at) > LONGEST_DAYS * 86_400_000;
}

/** Commands of a comment that a line of the log names. */
const MOST_NAMED = 3;

function described(written: readonly WrittenCommand[]): string {
  const shown = written.slice(0, MOST_NAMED).map(({ word }) => `/whetstone ${word.slice(0, 40)}`);
  return `${shown.join(", ")}${written.length > MOST_NAMED ? ` and ${written.length - MOST_NAMED} more` : ""}`;
}

type Heard = {
  readonly context: HandlerContext;
  readonly delivery: CommentDelivery;
  readonly written: readonly WrittenCommand[];
  readonly by: Actor;
  readonly said: string;
};

async function answer(heard: Heard): Promise<void> {
  const { context, delivery, said } = heard;
  const { comment, issue } = delivery;
  const { notes } = context.repository.host;
  const seen = notes.react(comment.id, "eyes");
  // A stop is done whether or not GitHub takes reactions at the moment.
  if (heard.written[0]?.word === "stop") seen.catch(() => undefined);
  else await seen;
  const { answer: found, thrown } = await answerTo(heard);
  await seen;
  await answerInPlace(context.repository, { conversation: issue.number, comment: comment.id, body: found.body });
  const reactions = { done: "hooray", failed: "confused", running: "rocket" } as const;
  await notes.react(comment.id, reactions[found.state]);
  context.log(`${said}: ${found.state}`);
  if (thrown !== undefined) throw thrown;
}

/** The answer, and what is not the reader's to mend and belongs into the log. */
type Answered = { readonly answer: Answer; readonly thrown?: unknown };

async function answerTo({ context, delivery, written, by }: Heard): Promise<Answered> {
  try {
    return { answer: await run({ context, delivery, written, by }) };
  } catch (error) {
    const isLast = context.event.attempt >= RETRY.attempts;
    if (mayPass(error) && !isLast) throw error;
    if (error instanceof WhetstoneError) return { answer: failed(error), ...(isLast ? { thrown: error } : {}) };
    const defect = new WhetstoneError("defect", "The command ended with an error of Whetstone's own.", {
      remedy: "The log of the App holds the details; please report it.",
      cause: error,
    });
    return { answer: failed(defect), thrown: new Error(messageOf(error), { cause: error }) };
  }
}

/** Statuses by which GitHub says that the request itself is wrong: asked again it will be so again. */
const FINAL: readonly unknown[] = [400, 410, 422, 451];

/** What another attempt may mend: GitHub did not answer, or others wrote the state at the same time. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof WhetstoneError)) return false;
  return error.code === "ref_moved" || (error.code === "api_failed" && !FINAL.includes(error.data["status"]));
}

async function run({ context, delivery, written, by }: Omit<Heard, "said">): Promise<Answer> {
  const { comment, issue } = delivery;
  const isPull = issue.pull_request !== undefined && issue.pull_request !== null;
  const command = commandOf(written, { isPull });
  const { rest = "" } = written[0] ?? {};
  const asked = { conversation: issue.number, word: command.word, rest };
  return await command.run({
    ...context,
    repository: { ...context.repository, asked },
    by,
    place: { conversation: issue.number, isPull, comment: comment.id },
    values: parseParameters(command, rest),
    commands: COMMANDS,
  } satisfies CommandContext);
}

/** An error as an answer; its message may quote foreign text. */
function failed({ code, message, remedy }: WhetstoneError): Answer {
  const body = [`### Whetstone: ${code}`, cell(message), ...(remedy === undefined ? [] : [cell(remedy)])].join("\n\n");
  return { state: "failed", body };
}
