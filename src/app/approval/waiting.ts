import { z } from "zod";
import type { StateView } from "../../github/state-port.ts";
import { type Authorization, AuthorizationId, type AuthorizationRequest } from "../../model/authorization.ts";
import { canonicalJson } from "../../model/json.ts";
import { Actor } from "../../model/ledger.ts";
import { readAuthorization } from "../../protect/authorization/records.ts";
import { unauthorized } from "../../protect/authorization/refusal.ts";
import { standingOf } from "../../protect/authorization/rules.ts";
import type { OperationName } from "../../protect/operations.ts";
import { cell, markdownTable } from "../page-text.ts";
import type { AskedCommand, RepositoryAccess } from "../repository.ts";

/** `app/waiting/<id>.json` on the state branch: the command that an authorization is asked for, to be taken up again. */
export const WaitingCommand = z.strictObject({
  schema: z.literal("whetstone.waiting-command/1"),
  id: AuthorizationId,
  /** Number of the issue or pull request. */
  conversation: z.number().int().positive(),
  word: z.string().min(1).max(40),
  rest: z.string().max(500),
  by: Actor,
  /** Who agreed, and the delivery that carries it out: nobody else does. */
  taken: z.strictObject({ by: Actor, run: z.string() }).nullable(),
});
export type WaitingCommand = z.infer<typeof WaitingCommand>;

const FOLDER = "app/waiting/";
/** The file of a record and its text, for a change of the state. */
export function waitingFile(record: WaitingCommand): readonly [path: string, text: string] {
  return [`${FOLDER}${record.id}.json`, `${canonicalJson(WaitingCommand.parse(record))}\n`];
}

/** The command that waits for an authorization; undefined for one that was asked for elsewhere. */
export async function waitingCommand(view: StateView, id: string): Promise<WaitingCommand | undefined> {
  if (!AuthorizationId.safeParse(id).success) return undefined;
  const text = await view.read(`${FOLDER}${id}.json`);
  return text === undefined ? undefined : WaitingCommand.parse(JSON.parse(text));
}

/**
 * Takes a waiting command for one delivery, or lets it go again (`taken` null); of several who agree at once one gets it.
 * @throws WhetstoneError `unauthorized` (`authorization_decided`) when another delivery has it
 */
export async function takeWaiting(
  { state }: Pick<RepositoryAccess, "state">,
  id: string,
  taken: { readonly by: Actor; readonly run: string; readonly release?: boolean },
): Promise<void> {
  const { by, run, release } = taken;
  await state.update(`approval of ${id}`, async (view) => {
    const standing = await waitingCommand(view, id);
    if (standing === undefined) return { change: new Map(), value: undefined };
    if (standing.taken !== null && standing.taken.run !== run) throw takenAlready(standing);
    const next = { ...standing, taken: release === true ? null : { by, run } };
    return { change: new Map([waitingFile(next)]), value: undefined };
  });
}

function takenAlready({ id, taken }: WaitingCommand) {
  return unauthorized({
    reason: "authorization_decided",
    message: `${taken?.by.id ?? "Somebody"} has agreed to ${id} already.`,
    remedy: "Nothing has to be done.",
  });
}

/** What waits, and where people are told of it. */
export type Announcement = { readonly request: AuthorizationRequest; readonly conversation: number | undefined };

/** Puts the waiting command on record and tells people of it where it was given. */
export async function announceRequest(
  repository: RepositoryAccess,
  { request, conversation = repository.asked?.conversation }: Announcement,
): Promise<void> {
  if (conversation === undefined) return;
  const { id, requestedBy: by } = request;
  const asked = repository.asked ?? commandFor(request, conversation);
  if (asked !== undefined) {
    const { word, rest } = asked;
    const record = { schema: "whetstone.waiting-command/1", id, conversation, word, rest, by, taken: null } as const;
    await repository.state.update(`waits for ${id}`, async (view) => {
      const stands = (await waitingCommand(view, id)) !== undefined;
      return { change: new Map(stands ? [] : [waitingFile(record)]), value: undefined };
    });
  }
  await showWaiting(repository, conversation);
}

/** The command that does what a button asks for. */
const WORDS: Readonly<Partial<Record<OperationName, string>>> = {
  "canary.promote": "promote",
  "canary.rollback": "rollback",
  "session.refine": "refine",
  resume: "resume",
};

function commandFor({ operation, target }: AuthorizationRequest, conversation: number): AskedCommand | undefined {
  const word = new Map<string, string>(Object.entries(WORDS)).get(operation);
  if (word === undefined) return undefined;
  return { conversation, word, rest: word === "refine" ? target : "" };
}

/** Requests that one comment shows, and newest ones of the repository among which they are looked for. */
const MOST_SHOWN = 10;
const MOST_READ = 50;

/** Requests of a conversation with how they stand, newest first. */
export async function waitingIn(
  { state, clock }: RepositoryAccess["desk"],
  conversation: number,
): Promise<readonly { readonly command: WaitingCommand; readonly standing: string; readonly found: Authorization }[]> {
  const view = await state.view();
  const ids = (await view.list(FOLDER)).map((path) => path.slice(FOLDER.length, -".json".length)).toReversed();
  const shown = [];
  for (const id of ids.slice(0, MOST_READ)) {
    const command = await waitingCommand(view, id);
    if (command?.conversation !== conversation) continue;
    const found = await readAuthorization(view, id);
    if (found !== undefined) shown.push({ command, found, standing: standingOf(found, clock.now()) });
    if (shown.length === MOST_SHOWN) break;
  }
  return shown;
}

/** Brings the one comment about requests up to date; none is made where nothing ever waited. */
export async function showWaiting(repository: RepositoryAccess, conversation: number): Promise<void> {
  const all = await waitingIn(repository.desk, conversation);
  if (all.length === 0) return;
  const { twoPerson } = await repository.desk.rules();
  const rows = all.map(({ found: { request }, standing }) => [
    `\`${request.id}\``,
    `${request.operation} of ${cell(request.target)}`,
    `${request.risk.level}: ${cell(request.risk.reasons.join(" "))}`,
    cell(request.requestedBy.id),
    whoMay(request, twoPerson),
    standing === "pending" ? `waits until ${request.expiresAt}` : standing,
  ]);
  const body = [
    "### Whetstone: what needs the permission of another person",
    markdownTable(["id", "operation", "risk", "asked for by", "who may permit it", "state"], rows),
    "To permit one, write `/whetstone approve ID` in a comment of its own. What is not permitted in time expires.",
  ].join("\n\n");
  await repository.host.notes.comment(conversation, { purpose: "authorizations", body });
}

const PERMISSIONS = { operator: "write", maintainer: "maintain", admin: "admin" } as const;

function whoMay({ role, requestedBy, author }: AuthorizationRequest, twoPerson: boolean): string {
  const excluded = [requestedBy.id, ...(author === null ? [] : [author])].map(cell).join(" and ");
  const who = `people with the role ${role} (permission ${PERMISSIONS[role]}, or named in \`protection.roles\`)`;
  return twoPerson ? `${who}, except ${excluded}` : who;
}
