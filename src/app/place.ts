import { z } from "zod";
import { isStopAlone } from "./commands.ts";

/** The repository that an event is of, and the installation through which it is reached. */
export const Place = z.object({
  installation: z.int(),
  /** GitHub's id of the repository: it survives a change of the name. */
  id: z.int(),
  owner: z.string().min(1),
  repo: z.string().min(1),
});
export type Place = z.infer<typeof Place>;

const Delivered = z.object({
  installation: z.object({ id: z.int() }).nullish(),
  repository: z
    .object({ id: z.int(), name: z.string().min(1), owner: z.object({ login: z.string().min(1) }) })
    .nullish(),
});

const Numbered = z.object({ number: z.int() });
/** Members of payloads that say what of a repository an event is about. */
const About = z.object({
  issue: Numbered.optional(),
  pull_request: Numbered.optional(),
  check_run: z.object({ head_sha: z.string(), pull_requests: z.array(Numbered).optional() }).optional(),
  environment: z.string().optional(),
  merge_group: z.object({ head_sha: z.string() }).optional(),
});

/** What a delivery is called, where it belongs, and what it waits for. */
export type Addressed = { readonly name: string; readonly key: string; readonly place: Place | undefined };

/**
 * Reads the address of a delivery; payloads of other forms have no place, and wait for those of their event. No account has a
 * name with a colon, so that no key of another kind is taken for one of an account.
 */
export function addressOf(event: string, payload: unknown): Addressed {
  const action: unknown = Reflect.get(Object(payload), "action");
  const name = typeof action === "string" ? `${event}.${action}` : event;
  const delivered = Delivered.safeParse(payload);
  if (!delivered.success) return { name, key: `:event/${event}`, place: undefined };
  const { installation, repository } = delivered.data;
  if (!repository)
    return { name, key: installation ? `:installation/${installation.id}` : `:event/${event}`, place: undefined };
  const where = { id: repository.id, owner: repository.owner.login, repo: repository.name };
  const place = installation ? { installation: installation.id, ...where } : undefined;
  const stop = name === "issue_comment.created" ? stopOrigin(payload) : undefined;
  const key = stop === undefined ? `${placeName(where)}${about(payload)}` : stopKey(where, stop);
  return { name, key, place };
}

const Comment = z.object({
  comment: z.object({ id: z.int(), body: z.string(), user: z.object({ id: z.int() }) }),
});

/**
 * What a stop in a comment waits for: other stops of the same account, of which so many are worked on at the same time as
 * of a repository, and nothing else. Only for a comment that holds this one command and no other; whether its author may
 * give it is asked as for every command.
 */
function stopOrigin(payload: unknown): string | undefined {
  const found = Comment.safeParse(payload);
  if (!found.success || !found.data.comment.body.toLowerCase().includes("stop")) return undefined;
  const { id, body, user } = found.data.comment;
  return isStopAlone(body) ? `by-${user.id}#${id}` : undefined;
}

/** `owner/repo` in lower case: what keys begin with, because GitHub's names are the same in either case. */
export function placeName({ owner, repo }: Pick<Place, "owner" | "repo">): string {
  return `${owner}/${repo}`.toLowerCase();
}

/**
 * Key of work that stops a repository: a place of its own, so that it neither waits for other work of the repository nor
 * counts as such. It goes with the repository when that is dropped.
 */
export function stopKey(place: Pick<Place, "owner" | "repo">, origin: string): string {
  return `${placeName(place)}/stop/${origin.toLowerCase()}`;
}

function about(payload: unknown): string {
  const found = About.safeParse(payload);
  if (!found.success) return "";
  const { issue, pull_request, check_run, environment, merge_group: group } = found.data;
  const number = issue?.number ?? pull_request?.number ?? check_run?.pull_requests?.[0]?.number;
  if (number !== undefined) return `#${number}`;
  const commit = check_run?.head_sha ?? group?.head_sha;
  if (commit !== undefined) return `!${commit}`;
  return environment === undefined ? "" : `@${environment.toLowerCase()}`;
}

/** Work of Whetstone's own: a task, or a delivery that goes on with another payload than GitHub's. */
const Envelope = z.object({
  whetstone: z.literal(1),
  name: z.string().min(1),
  place: Place,
  payload: z.unknown(),
});
export type Envelope = Omit<z.infer<typeof Envelope>, "whetstone">;

/** The envelope as a payload of the queue. */
export function sealed(envelope: Envelope): Readonly<Record<string, unknown>> {
  return { whetstone: 1, ...envelope };
}

/** The envelope that a payload of the queue is; undefined for a delivery. */
export function opened(payload: unknown): Envelope | undefined {
  const found = Envelope.safeParse(payload);
  if (!found.success) return undefined;
  const { name, place, payload: inner } = found.data;
  return { name, place, payload: inner };
}
