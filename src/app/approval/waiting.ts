import { z } from "zod";
import type { StateView } from "../../github/state-port.ts";
import { Actor } from "../../model/ledger.ts";
import { AuthorizationId, type AuthorizationRequest } from "../../model/authorization.ts";
import { canonicalJson } from "../../model/json.ts";
import type { RepositoryAccess } from "../repository.ts";

/** `app/waiting/<id>.json` on the state branch: the command that an authorization is asked for, to be taken up again. */
export const WaitingCommand = z.strictObject({
  schema: z.literal("whetstone.waiting-command/1"),
  id: AuthorizationId,
  /** Number of the issue or pull request. */
  conversation: z.number().int().positive(),
  word: z.string().min(1).max(40),
  rest: z.string().max(500),
  by: Actor,
});
export type WaitingCommand = z.infer<typeof WaitingCommand>;

const pathOf = (id: string): string => `app/waiting/${id}.json`;

/** The command that waits for an authorization; undefined for one that was asked for elsewhere. */
export async function waitingCommand(view: StateView, id: string): Promise<WaitingCommand | undefined> {
  if (!AuthorizationId.safeParse(id).success) return undefined;
  const text = await view.read(pathOf(id));
  return text === undefined ? undefined : WaitingCommand.parse(JSON.parse(text));
}

/** What waits, and where people are told of it. */
export type Announcement = { readonly request: AuthorizationRequest; readonly conversation: number | undefined };

/** Puts the waiting command on record and tells people of it where it was given. */
export async function announceRequest(
  { state, asked, host }: RepositoryAccess,
  { request, conversation = asked?.conversation }: Announcement,
): Promise<void> {
  if (conversation === undefined) return;
  const record = asked === undefined ? undefined : commandOf(request, { ...asked, conversation });
  if (record !== undefined) {
    const file = [pathOf(record.id), `${canonicalJson(record)}\n`] as const;
    await state.update(`waits for ${record.id}`, async () => ({ change: new Map([file]), value: undefined }));
  }
  await host.notes.comment(conversation, { purpose: "authorizations", body: bodyOf(request) });
}

function commandOf(
  { id, requestedBy: by }: AuthorizationRequest,
  { conversation, word, rest }: NonNullable<RepositoryAccess["asked"]>,
): WaitingCommand {
  return WaitingCommand.parse({ schema: "whetstone.waiting-command/1", id, conversation, word, rest, by });
}

function bodyOf({ id }: AuthorizationRequest): string {
  return `\`${id}\` waits.`;
}
