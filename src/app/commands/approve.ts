import type { Authorization } from "../../model/authorization.ts";
import { AuthorizationId } from "../../model/authorization.ts";
import { WhetstoneError } from "../../model/error.ts";
import { assertMayGrant } from "../../protect/authorization/grant.ts";
import { readAuthorization } from "../../protect/authorization/records.ts";
import { unauthorized } from "../../protect/authorization/refusal.ts";
import { standingOf } from "../../protect/authorization/rules.ts";
import { showWaiting, takeWaiting, type WaitingCommand, waitingCommand, waitingIn } from "../approval/waiting.ts";
import type { Answer, AppCommand, CommandContext } from "../command.ts";
import { cell } from "../page-text.ts";
import { parseParameters } from "./parameters.ts";

/** `/whetstone approve`: permits what another person asked for, and carries it out in that person's name. */
export const approve: AppCommand = {
  word: "approve",
  summary: "permits what waits for a second person; without an id, lists what waits here",
  on: "anything",
  parameters: [
    {
      name: "id",
      kind: "word",
      form: { pattern: /^a-\d{8}T\d{6}Z-[0-9a-f]{6,32}$/, says: "copy it from the list of what waits, a-…" },
    },
  ],
  run: async (context) => {
    const id = context.values["id"];
    return id === undefined ? await list(context) : await permit(context, AuthorizationId.parse(id));
  },
};

async function list(context: CommandContext): Promise<Answer> {
  const { repository, place } = context;
  const all = await waitingIn(repository.desk, place.conversation);
  const pending = all.filter(({ standing }) => standing === "pending");
  await showWaiting(repository, place.conversation);
  const lines = pending.map(
    ({ found: { request } }) => `- \`${request.id}\`: ${request.operation} of ${cell(request.target)}`,
  );
  const said = lines.length === 0 ? "Nothing waits for a permission here." : lines.join("\n");
  const hint = context.place.isPull ? "\n\nA proposal itself is approved by a review of the pull request." : "";
  return { state: "done", body: `### Whetstone: approve\n\n${said}${hint}` };
}

async function permit(context: CommandContext, id: string): Promise<Answer> {
  const { repository, by, event, place } = context;
  const view = await repository.desk.state.view();
  const waiting = await waitingCommand(view, id);
  const found = await readAuthorization(view, id);
  if (waiting === undefined || found === undefined) throw notHere(id, found);
  if (waiting.conversation !== place.conversation) throw elsewhere(waiting);
  try {
    // What an attempt of this same comment has taken may be granted already; everybody else's right is looked up first.
    if (waiting.taken?.run !== event.id) await assertMayGrant(repository.desk, { id, by });
    await takeWaiting(repository, id, { by, run: event.id });
    return await carryOut(context, waiting);
  } finally {
    await settle(context, id);
  }
}

/** Runs the command in the name of who gave it, with the consent of who permits it. */
async function carryOut(
  context: CommandContext,
  { id, conversation, word, rest, by }: WaitingCommand,
): Promise<Answer> {
  const command = context.commands.find((one) => one.word === word);
  if (command === undefined) throw new WhetstoneError("defect", `A waiting command has the unknown word ${word}.`);
  const { repository } = context;
  await assertStillThere(context, by);
  const answer = await command.run({
    ...context,
    by,
    values: parseParameters(command, rest),
    repository: { ...repository, asked: { conversation, word, rest }, consent: { by: context.by, id } },
  });
  return { ...answer, body: `${answer.body}\n\nAsked for by ${cell(by.id)}, permitted by ${cell(context.by.id)}.` };
}

/** Who asked may have lost the right to command since. */
async function assertStillThere({ repository }: CommandContext, { type, id }: WaitingCommand["by"]): Promise<void> {
  if (type !== "person") return;
  const permission = await repository.host.repository.permission(id);
  if (["admin", "maintain", "write"].includes(permission)) return;
  throw unauthorized({
    reason: "actor_not_allowed",
    message: `${id}, who asked for it, has the permission ${permission} now.`,
    remedy: "Give the command yourself.",
  });
}

/** A request that is still undecided is free again; the list of what waits says how it stands. */
async function settle({ repository, by, event, place }: CommandContext, id: string): Promise<void> {
  const found = await readAuthorization(await repository.desk.state.view(), id);
  const isPending = found !== undefined && standingOf(found, repository.desk.clock.now()) === "pending";
  const isOurs = (await waitingCommand(await repository.desk.state.view(), id))?.taken?.run === event.id;
  if (isPending && isOurs) await takeWaiting(repository, id, { by, run: event.id, release: true });
  await showWaiting(repository, place.conversation);
}

function notHere(id: string, found: Authorization | undefined): WhetstoneError {
  if (found === undefined) {
    return unauthorized({
      reason: "authorization_unknown",
      message: `No authorization ${id} is on record in this repository.`,
      remedy: "Copy the id from the list of what waits.",
    });
  }
  return new WhetstoneError("usage", `${id} was not asked for by a comment or a button.`, {
    remedy: `Its token must reach who asked for it: whetstone authorize grant ${id}`,
  });
}

function elsewhere({ id, conversation }: WaitingCommand): WhetstoneError {
  return new WhetstoneError("usage", `${id} was asked for in number ${conversation}.`, {
    remedy: "Permit it there, where people see what it is about.",
  });
}
