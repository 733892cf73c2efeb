import type { Actor } from "../../model/ledger.ts";
import { type Place, placeName } from "../place.ts";
import type { AppLog } from "../service.ts";
import type { StopDesk } from "./desk.ts";

/** Which repositories: `OWNER/REPO` in either case, or all of them. */
export type StopScope = { readonly all: true } | { readonly all: false; readonly repository: string };

/** What the holder of a key asks for. */
export type KeyStop = { readonly scope: StopScope; readonly keyId: string; readonly why: string | null };

/** What was asked for and is kept. */
export type Pressed = {
  /** Names the press: 32 hexadecimal digits. */
  readonly press: string;
  /** `owner/repo` of each repository. */
  readonly repositories: readonly string[];
  /** Accounts whose repositories could not be listed, and so are not stopped. */
  readonly unread: readonly { readonly account: string; readonly why: string }[];
};

/**
 * Asks for a stop in the name of a key; undefined where the App is installed in no such repository. Errors: `api_failed` when
 * GitHub cannot be asked, and those of the queue: then some of several repositories may be stopping.
 */
export type PressStop = (asked: KeyStop) => Promise<Pressed | undefined>;

/** A list of repositories that is no older is used, ms. */
export const LIST_MS = 60_000;

/** Presses at a desk. */
export function pressAt(desk: StopDesk, { newPress, log }: { readonly newPress: () => string; readonly log: AppLog }) {
  const press: PressStop = async ({ scope, keyId, why }) => {
    const { places, unread } = await wanted(desk, scope);
    if (places.length === 0) return undefined;
    const name = newPress();
    await desk.press({ places, by: actorOf(keyId), why, press: name });
    const repositories = places.map(placeName);
    log.info(`The key ${keyId} asked for a stop of ${describe(repositories)}.`);
    return { press: name, repositories, unread };
  };
  return press;
}

function describe(repositories: readonly string[]): string {
  const [only, ...others] = repositories;
  return only !== undefined && others.length === 0 ? only : `${repositories.length} repositories`;
}

/** Who acts in the ledger: the key by its public id, which `whetstone api-key list` shows with its name. No person is proven. */
function actorOf(keyId: string): Actor {
  return { type: "bot", id: `api-key:${keyId}` };
}

type Wanted = { readonly places: readonly Place[]; readonly unread: Pressed["unread"] };

async function wanted(desk: StopDesk, scope: StopScope): Promise<Wanted> {
  const known = await desk.installed(LIST_MS);
  if (scope.all) return known;
  const name = scope.repository.toLowerCase();
  const find = (list: readonly Place[]): Wanted => ({
    places: list.filter((place) => placeName(place) === name),
    unread: [],
  });
  const found = find(known.places);
  // It may have been installed since.
  return found.places.length > 0 ? found : find((await desk.installed(0)).places);
}
