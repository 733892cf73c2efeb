import { messageOf } from "../../model/error.ts";
import type { Actor } from "../../model/ledger.ts";
import type { StopState } from "../../model/stop.ts";
import type { AppClients } from "../clients.ts";
import { type Place, placeName } from "../place.ts";
import type { Opening } from "../service.ts";
import type { RepositoryAccess } from "../repository.ts";
import type { WorkQueue } from "../work/port.ts";
import { askStop, askedStopId } from "./asked.ts";
import type { Installed, KnownInstalled } from "./installed.ts";
import { sideBySide } from "./side-by-side.ts";

/** One press: who stops which repositories, and its name, by which it is found again. */
export type StopPress = {
  readonly places: readonly Place[];
  readonly by: Actor;
  readonly why: string | null;
  readonly press: string;
};

/** How a repository stands. */
export type Standing = {
  readonly place: Place;
  /** Undefined where it could not be looked at, which `unseen` explains. */
  readonly flags: StopState | undefined;
  readonly unseen?: string;
};

/** What became of a stop that was asked for: it is in the queue or done, or is a dead letter. */
export type Asked = "kept" | "given up";

/** What the page that stops works with. */
export type StopDesk = {
  /** @throws WhetstoneError `api_failed` */
  readonly installed: (maxAgeMs: number) => Promise<Installed>;
  /** Resolves when the stops are in the queue. Errors: those of the queue. */
  readonly press: (press: StopPress) => Promise<void>;
  /** Those of the repositories that a press was about. */
  readonly pressed: (places: readonly Place[], press: string) => Promise<ReadonlyMap<Place, Asked>>;
  /** How repositories stand now, or some seconds ago. */
  readonly standing: (places: readonly Place[]) => Promise<readonly Standing[]>;
};

/** What a {@link StopDesk} is made of. */
export type DeskParts = {
  readonly clients: Pick<AppClients, "identity" | "reader">;
  readonly queue: Pick<WorkQueue, "add" | "known" | "deadLetters">;
  readonly installed: KnownInstalled;
  readonly open: (opening: Opening) => Pick<RepositoryAccess, "killSwitch">;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Called when there is something to do. */
  readonly onWork: () => void;
};

/** Repositories that are looked at at the same time. */
const AT_ONCE = 8;
/** The newest ones, among which those of a press are looked for. */
const DEAD_LETTERS = 1_000;
/** A look counts for so long, ms. */
const LOOK_MS = 4_000;

/** The desk over GitHub and the queue. */
export function openStopDesk(parts: DeskParts): StopDesk {
  const { queue, installed, now, onWork } = parts;
  const looks = new Map<number, { readonly at: number; readonly standing: Promise<Standing> }>();
  const standingOf = (place: Place): Promise<Standing> => {
    const known = looks.get(place.id);
    if (known !== undefined && known.at + LOOK_MS > now() && known.at <= now()) return known.standing;
    const standing = lookAt(parts, place);
    looks.set(place.id, { at: now(), standing });
    return standing;
  };
  return {
    installed,
    press: async ({ places, by, why, press }) => {
      await Promise.all(places.map((place) => askStop(queue, { place, by, why, origin: originOf(press), at: now() })));
      onWork();
    },
    pressed: async (places, press) => {
      const ids = places.map((place) => [place, askedStopId(place, originOf(press))] as const);
      const known = await queue.known(ids.map(([, id]) => id));
      const dead = new Set((await queue.deadLetters(DEAD_LETTERS)).map(({ id }) => id));
      const asked = ids.filter(([, id]) => known.has(id));
      return new Map(asked.map(([place, id]) => [place, dead.has(id) ? "given up" : "kept"] as const));
    },
    standing: (places) => sideBySide(places, AT_ONCE, standingOf),
  };
}

const originOf = (press: string): string => `page-${press}`;

async function lookAt({ clients, open }: DeskParts, place: Place): Promise<Standing> {
  try {
    const client = await clients.reader(place.installation);
    if (client === undefined) return { place, flags: undefined, unseen: "the App is not installed there any more" };
    const opened = open({ ...place, self: await clients.identity(), client, run: `look:${placeName(place)}` });
    return { place, flags: await opened.killSwitch.look() };
  } catch (error) {
    return { place, flags: undefined, unseen: messageOf(error) };
  }
}
