import { codeOf, messageOf } from "../../model/error.ts";
import { STOP_VARIABLE, variableFlag } from "../../model/stop.ts";
import type { AppClients } from "../clients.ts";
import { type Place, placeName } from "../place.ts";
import type { AppLog } from "../service.ts";
import type { WorkQueue } from "../work/port.ts";
import { askStop } from "./asked.ts";
import { type Installed, type KnownInstalled, stopVariable } from "./installed.ts";
import { sideBySide } from "./side-by-side.ts";

/** What the look at the variables goes by. */
export type VariableParts = {
  readonly clients: Pick<AppClients, "identity" | "reader">;
  readonly queue: Pick<WorkQueue, "add">;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Called when there is something to do. */
  readonly onWork: () => void;
  readonly log: AppLog;
};

/** A look every so often. */
const EVERY_MS = 60_000;
/**
 * Repositories of one installation that a look asks for, each with one request: 1,200 an hour, of at least 5,000 that GitHub
 * grants. Of more than that many each look takes the next ones.
 */
export const MOST_LOOKS = 20;
/** Requests at the same time. */
const AT_ONCE = 4;

/**
 * Age of a list of repositories by its length, ms for each: 100 of them are one request, and to list thousands every minute
 * would use up what GitHub grants. What is installed meanwhile waits for the next list.
 */
const AGE_MS_EACH = 60;

/**
 * Looks whether somebody has set the variable that stops a repository: GitHub sends no event for it. At once in all
 * repositories, then every minute until the signal aborts. A look that fails is made up for by the next one.
 */
export async function watchVariables(
  parts: VariableParts & {
    readonly installed: KnownInstalled;
    readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  },
  signal: AbortSignal,
): Promise<void> {
  let [look, known] = [0, 0];
  while (!signal.aborted) {
    try {
      const installed = await parts.installed(Math.max(EVERY_MS / 2, known * AGE_MS_EACH));
      known = installed.places.length;
      // Only what could be listed was asked: the first look is the first that finds out where the App is.
      await lookAtVariables(parts, installed, look++);
    } catch (error) {
      // What a stop cut off is made up for by the next start.
      if (!signal.aborted) parts.log.error(`${STOP_VARIABLE} could not be looked at; that is tried again.`, error);
    }
    await parts.pause(EVERY_MS, signal);
  }
}

/** One look; the first one, number 0, asks for all repositories. @throws WhetstoneError those of the queue */
export async function lookAtVariables(
  parts: VariableParts,
  { places, unread }: Installed,
  look: number,
): Promise<void> {
  const due = [...Map.groupBy(places, ({ installation }) => installation).values()].flatMap((of) => turnOf(of, look));
  const failures = (await sideBySide(due, AT_ONCE, (place) => lookAt(parts, place))).filter((why) => why !== undefined);
  const unseen = [...unread.map(({ account, why }) => `${account}: ${why}`), ...failures];
  const [first] = unseen;
  if (first === undefined) return;
  parts.log.info(`${STOP_VARIABLE} could not be read (${unseen.length}); that is tried again. First: ${first}`);
}

/** The repositories of an installation whose turn it is. */
export function turnOf(places: readonly Place[], look: number): readonly Place[] {
  if (look === 0 || places.length <= MOST_LOOKS) return places;
  const from = ((look - 1) * MOST_LOOKS) % places.length;
  return [...places, ...places].slice(from, from + MOST_LOOKS);
}

/** Stops the repository when the variable is set: once for each time that it was set. What failed, for the log. */
async function lookAt(parts: VariableParts, place: Place): Promise<string | undefined> {
  const { clients, queue, now, onWork, log } = parts;
  try {
    const found = await stopVariable(clients, place);
    const flag = variableFlag(found?.value);
    if (found === undefined || flag.kind !== "variable") return undefined;
    const { login } = await clients.identity();
    const by = { type: "bot", id: login } as const;
    const asked = { by, why: `${STOP_VARIABLE}: ${flag.value}`, origin: `variable-${found.updated_at}`, at: now() };
    if (!(await askStop(queue, { place, ...asked }))) return undefined;
    log.info(`${placeName(place)}: ${STOP_VARIABLE} was set; everything is stopped there`);
    onWork();
    return undefined;
  } catch (error) {
    if (codeOf(error) !== "api_failed") throw error;
    return `${placeName(place)}: ${messageOf(error)}`;
  }
}
