import type { StateReader } from "../github/state-port.ts";
import { WhetstoneError } from "../model/error.ts";
import { nearest } from "../model/nearest.ts";
import type { Answer, AppCommand, CommandContext } from "./command.ts";
import { parseCommands, type WrittenCommand } from "./commands.ts";
import { help } from "./commands/help.ts";
import { status } from "./commands/status.ts";
import { answerInPlace, type Conversation, mayCommand, react } from "./conversation.ts";
import { CommentDelivery } from "./delivery.ts";
import type { EventHandler, HandlerContext } from "./handler.ts";
import { cell } from "./page-text.ts";

/** Every word that the App understands. */
const COMMANDS: readonly AppCommand[] = [help, status];

/**
 * Answers `/whetstone <word>` in new comments of issues and pull requests. Edits are no commands. Only people with write
 * permission are answered; others get 👎 and nothing else. 👀 says that the command was seen, 🎉 or 😕 how it ended.
 */
export const comments: EventHandler = {
  events: ["issue_comment.created"],
  handle: async ({ event, repository, clock, log }) => {
    const delivery = CommentDelivery.parse(event.payload);
    const written = parseCommands(delivery.comment.body);
    if (written.length > 0) {
      const conversation = { client: repository.client, appId: repository.self.appId, delivery };
      await handle(conversation, written, { clock, log, state: repository.state });
    }
    return { kind: "done" };
  },
};

type Around = Pick<HandlerContext, "clock" | "log"> & { readonly state: StateReader };

async function handle(
  conversation: Conversation,
  written: readonly WrittenCommand[],
  { clock, log, state }: Around,
): Promise<void> {
  const { user } = conversation.delivery.comment;
  const command = `${written.map(({ word }) => `/whetstone ${word}`).join(", ")} by ${user?.login ?? "nobody"}`;
  if (!(await mayCommand(conversation))) {
    log(`${command}: refused, no write permission`);
    return react(conversation, "-1");
  }
  await react(conversation, "eyes");
  const { answer, thrown } = await answerTo(written, {
    clock,
    commands: COMMANDS,
    state,
  });
  try {
    await answerInPlace(conversation, answer.body);
  } catch (error) {
    // The failure itself is the news; whether the reaction still arrives adds nothing to it.
    await Promise.allSettled([react(conversation, "confused")]);
    throw error;
  }
  await react(conversation, answer.ok ? "hooray" : "confused");
  log(`${command}: ${answer.ok ? "answered" : "answered with an error"}`);
  if (thrown !== undefined) throw thrown;
}

/** The answer, and what is not the reader's to mend and belongs into the log. */
type Answered = { readonly answer: Answer; readonly thrown?: unknown };

async function answerTo(written: readonly WrittenCommand[], context: CommandContext): Promise<Answered> {
  try {
    return { answer: await commandOf(written).run(context) };
  } catch (error) {
    if (error instanceof WhetstoneError) return { answer: { ok: false, body: errorBody(error) } };
    const defect = new WhetstoneError("defect", "The command ended with an error of Whetstone's own.", {
      remedy: "The log of the App holds the details; please report it.",
      cause: error,
    });
    return { answer: { ok: false, body: errorBody(defect) }, thrown: error };
  }
}

/** @throws WhetstoneError `usage` for an unknown word, words too many, and more than one command. */
function commandOf(written: readonly WrittenCommand[]): AppCommand {
  const [first, ...others] = written;
  if (first === undefined || others.length > 0) {
    throw new WhetstoneError("usage", `The comment holds ${written.length} commands.`, {
      remedy: "Write one command per comment.",
    });
  }
  const known = COMMANDS.map(({ word }) => word);
  const command = first.word === "" ? help : COMMANDS.find(({ word }) => word === first.word);
  if (command === undefined) {
    const near = nearest(first.word, known);
    const hint = near === undefined ? `Known words: ${known.join(", ")}.` : `Did you mean "/whetstone ${near}"?`;
    throw new WhetstoneError("usage", `There is no command "${first.word}".`, { remedy: hint });
  }
  if (first.rest === "") return command;
  throw new WhetstoneError("usage", `"${first.word}" takes nothing after it, but "${first.rest}" was there.`, {
    remedy: `Write "/whetstone ${first.word}" on a line of its own.`,
  });
}

/** An error as a comment; its message may quote foreign text. */
function errorBody({ code, message, remedy }: WhetstoneError): string {
  return [`### Whetstone: ${code}`, cell(message), ...(remedy === undefined ? [] : [cell(remedy)])].join("\n\n");
}
