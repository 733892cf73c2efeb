import { z } from "zod";
import { callGitHub, type GitHubClient } from "../github/rest-api.ts";
import { WhetstoneError } from "../model/error.ts";
import { addressOf } from "./place.ts";
import { deliveryDigest, mayRepeat } from "./repeats.ts";
import type { WorkQueue } from "./work/port.ts";

/** What missed deliveries are looked for with. */
export type MissedParts = {
  /** As the App itself. */
  readonly client: GitHubClient;
  readonly queue: Pick<WorkQueue, "add" | "known">;
  /** Whether something is done about an event: `issue_comment.created`. */
  readonly isHeard: (name: string) => boolean;
  /** Told of the id of each delivery that GitHub was asked to send again. */
  readonly onResent: (guid: string) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** What a look at GitHub's log of deliveries found. */
export type Missed = {
  /** Deliveries of the log that were looked at. */
  readonly seen: number;
  /** Put into the queue from the log. */
  readonly fetched: number;
  /** Without a payload in the log: GitHub was asked to send them again. */
  readonly resent: number;
  /** Taken before under an id that GitHub's log does not have for it, of an event that cannot happen twice: left alone. */
  readonly repeated: number;
  /** When the newest delivery of the log came, by GitHub's clock, epoch ms; undefined where the log is empty. */
  readonly newest?: number | undefined;
  /** False when there were more than {@link MOST_PAGES} pages; older ones were not looked at. */
  readonly complete: boolean;
};

const PAGE = 100;
/** Pages of one look; 10,000 deliveries. */
export const MOST_PAGES = 100;
const ROUTE = "/app/hook/deliveries";

const Logged = z.object({
  id: z.int(),
  guid: z.string().min(1),
  delivered_at: z.iso.datetime({ offset: true }),
  event: z.string(),
  action: z.string().nullable(),
});
type Logged = z.infer<typeof Logged>;

const Delivery = z.object({ request: z.object({ payload: z.unknown() }) });

/**
 * Compares GitHub's log of deliveries since `since` (epoch ms) with the queue, and takes what is missing, the oldest first.
 * What is in the log needs no signature: GitHub itself is asked for it. Known ids change nothing.
 * @throws WhetstoneError `api_failed`, also for single deliveries when the others were taken, and those of the queue
 */
export async function takeMissed(parts: MissedParts, since: number): Promise<Missed> {
  const missing = new Map<string, Logged>();
  let [seen, page] = [0, 0];
  let [cursor, newest]: [string | undefined, number | undefined] = [undefined, undefined];
  do {
    const { items, next } = await readPage(parts.client, cursor);
    // The newest stand first.
    newest ??= items[0] && Date.parse(items[0].delivered_at);
    const recent = items.filter(({ delivered_at }) => Date.parse(delivered_at) >= since);
    for (const item of await unknownOf(parts, recent)) missing.set(item.guid, item);
    seen += recent.length;
    page += 1;
    cursor = recent.length < items.length ? undefined : next;
  } while (cursor !== undefined && page < MOST_PAGES);
  const taken = await takeAll(parts, [...missing.values()].toReversed());
  return { seen, ...taken, complete: cursor === undefined, newest };
}

/** So many deliveries in a row that GitHub does not give out: then it is GitHub, and not one of them. */
const MOST_FAILURES = 10;

/** One that GitHub does not give out keeps no other from being taken. @throws its error then */
async function takeAll(parts: MissedParts, items: readonly Logged[]): Promise<Record<Taken, number>> {
  const taken = { fetched: 0, resent: 0, repeated: 0 };
  let [failure, row]: [WhetstoneError | undefined, number] = [undefined, 0];
  for (const item of items) {
    try {
      taken[await take(parts, item)] += 1;
      row = 0;
    } catch (error) {
      if (!(error instanceof WhetstoneError) || error.code !== "api_failed") throw error;
      failure ??= error;
      row += 1;
      if (row === MOST_FAILURES) break;
    }
  }
  if (failure !== undefined) throw failure;
  return taken;
}

async function unknownOf({ queue, isHeard }: MissedParts, items: readonly Logged[]): Promise<readonly Logged[]> {
  const heard = items.filter(({ event, action }) => isHeard(action === null ? event : `${event}.${action}`));
  const known = await queue.known(heard.map(({ guid }) => guid));
  return heard.filter(({ guid }) => !known.has(guid));
}

/** A page has the newest first; the next one begins at the cursor that the answer's `Link` names. */
async function readPage(client: GitHubClient, cursor: string | undefined) {
  let link = "";
  const linking: GitHubClient = {
    request: async (route, parameters) => {
      const answer = await client.request(route, parameters);
      const said: unknown = Reflect.get(answer.headers ?? {}, "link");
      link = typeof said === "string" ? said : "";
      return answer;
    },
  };
  const parameters = { per_page: PAGE, ...(cursor === undefined ? {} : { cursor }) };
  const items = await callGitHub(linking, { route: `GET ${ROUTE}`, parameters, answer: z.array(Logged) });
  return { items, next: nextCursor(link) };
}

/** Cursor of the next page in a `Link` header; undefined on the last page. */
export function nextCursor(link: string): string | undefined {
  const next = /<([^<>]*)>;\s*rel="next"/.exec(link)?.[1];
  return next === undefined ? undefined : (URL.parse(next)?.searchParams.get("cursor") ?? undefined);
}

type Taken = "fetched" | "resent" | "repeated";

async function take({ client, queue, now, onResent }: MissedParts, { id, guid, event }: Logged): Promise<Taken> {
  const parameters = { delivery_id: id };
  const { request } = await callGitHub(client, { route: `GET ${ROUTE}/{delivery_id}`, parameters, answer: Delivery });
  const { payload } = request;
  if (typeof payload !== "object" || payload === null) {
    // Before it is asked for: it may arrive at once.
    onResent(guid);
    await callGitHub(client, { route: `POST ${ROUTE}/{delivery_id}/attempts`, parameters, answer: z.unknown() });
    return "resent";
  }
  const { name, key } = addressOf(event, payload);
  const work = { id: guid, event, key, payload: JSON.stringify(payload), receivedAt: now(), notBefore: 0 };
  const digest = deliveryDigest(event, payload);
  // GitHub itself says that it sent this one.
  const added = await queue.add({ ...work, digest }, { mayRepeat: mayRepeat(name) });
  return added === "repeated" ? "repeated" : "fetched";
}
