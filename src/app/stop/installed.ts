import { z } from "zod";
import { findOnGitHub } from "../../github/rest-api.ts";
import { listOnGitHub } from "../../github/rest-list.ts";
import { codeOf, messageOf, WhetstoneError } from "../../model/error.ts";
import { STOP_VARIABLE } from "../../model/stop.ts";
import type { AppClients } from "../clients.ts";
import { type Place, placeName } from "../place.ts";
import { sideBySide } from "./side-by-side.ts";

/** Where the App is installed, by name; archived repositories, in which nothing runs, are left out. */
export type Installed = {
  readonly places: readonly Place[];
  /** Accounts whose repositories could not be listed, and why. */
  readonly unread: readonly { readonly account: string; readonly why: string }[];
};

const Installation = z.object({
  id: z.int(),
  account: z.object({ login: z.string() }).nullish(),
  suspended_at: z.string().nullish(),
});
type Installation = z.infer<typeof Installation>;

const Repository = z.object({
  id: z.int(),
  name: z.string().min(1),
  owner: z.object({ login: z.string().min(1) }),
  archived: z.boolean().optional(),
});

/** Accounts that are asked at the same time. */
const AT_ONCE = 4;

type Clients = Pick<AppClients, "app" | "reader">;

/**
 * Asks GitHub where the App is installed; suspended installations hold nothing that could be reached.
 * @throws WhetstoneError `api_failed` when the installations themselves cannot be listed
 */
export async function readInstalled(clients: Clients): Promise<Installed> {
  const call = { route: "GET /app/installations", parameters: {}, answer: Installation };
  const all = await listOnGitHub(await clients.app(), call);
  const reachable = all.filter(({ suspended_at }) => (suspended_at ?? undefined) === undefined);
  const lists = await sideBySide(reachable, AT_ONCE, (one) => placesOf(clients, one));
  const places = lists.flatMap((list) => (Array.isArray(list) ? list : []));
  return {
    places: places.toSorted((one, other) => (placeName(one) < placeName(other) ? -1 : 1)),
    unread: lists.flatMap((list) => (Array.isArray(list) ? [] : [list])),
  };
}

async function placesOf({ reader }: Clients, { id, account }: Installation): Promise<Place[] | Installed["unread"][0]> {
  try {
    const client = await reader(id);
    if (client === undefined) return []; // gone since it was listed
    const call = { route: "GET /installation/repositories", parameters: {}, answer: Repository };
    const found = await listOnGitHub(client, call, "repositories");
    const live = found.filter(({ archived }) => archived !== true);
    return live.map(({ id: repository, name, owner }) => ({
      installation: id,
      id: repository,
      owner: owner.login,
      repo: name,
    }));
  } catch (error) {
    if (codeOf(error) !== "api_failed") throw error;
    return { account: account?.login ?? `installation ${id}`, why: messageOf(error) };
  }
}

/** The list, asked for again when it is older than `maxAgeMs`; those who ask at the same time share one answer. */
export type KnownInstalled = (maxAgeMs: number) => Promise<Installed & { readonly at: number }>;

/** Remembers {@link readInstalled}. `now`: epoch ms. */
export function rememberInstalled(read: () => Promise<Installed>, now: () => number): KnownInstalled {
  let known: (Installed & { readonly at: number }) | undefined;
  let asking: Promise<Installed & { readonly at: number }> | undefined;
  const ask = async (): Promise<Installed & { readonly at: number }> => {
    try {
      const at = now();
      known = { ...(await read()), at };
      return known;
    } finally {
      asking = undefined;
    }
  };
  return async (maxAgeMs) => {
    if (known !== undefined && known.at + maxAgeMs > now() && known.at <= now()) return known;
    asking ??= ask();
    return await asking;
  };
}

const Variable = z.object({ value: z.string(), updated_at: z.iso.datetime({ offset: true }) });

/**
 * The variable that stops a repository, with the instant at which it was set; undefined where there is none. One request.
 * @throws WhetstoneError `api_failed`
 */
export async function stopVariable({ reader }: Pick<AppClients, "reader">, place: Place) {
  const client = await reader(place.installation);
  if (client === undefined) throw new WhetstoneError("api_failed", `The App is not installed any more.`);
  const route = "GET /repos/{owner}/{repo}/actions/variables/{name}";
  const parameters = { owner: place.owner, repo: place.repo, name: STOP_VARIABLE };
  return await findOnGitHub(client, { route, parameters, answer: Variable });
}
