import { type Bell, type Pause, sleepUntil } from "./bell.ts";
import type { Missed } from "./missed.ts";
import type { AppLog, AppService } from "./service.ts";

/** What the look for missed deliveries goes by. */
export type WatchParts = {
  readonly takeMissed: AppService["takeMissed"];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly pause: Pause;
  /** Rings when the next look should be soon. */
  readonly doubt: Pick<Bell, "next">;
  readonly log: AppLog;
};

/** Everything that the log holds: GitHub keeps it for three days. */
const ALL = 0;
const EVERY_MS = 5 * 60_000;
/** So long before a look that was asked for, ms: GitHub's log has to hear of it, and whoever causes many causes one. */
const SOON_MS = 10_000;
/** How far back such a look goes, ms. */
const SOON_SPAN_MS = 2 * 60_000;
/** A look goes back before the one before it: the log tells of a delivery when it has been answered. */
const OVERLAP_MS = 10 * 60_000;

/**
 * Takes what GitHub delivered in vain: at once, and every five minutes until the signal aborts, sooner where the door is in
 * doubt about a delivery. A look that fails is made up for by the next one.
 */
export async function watchMissed(parts: WatchParts, signal: AbortSignal): Promise<void> {
  const { now, pause, doubt } = parts;
  let [since, fullAt] = [ALL, now()];
  // By GitHub's clock, as the log is: this one may be wrong, and what came meanwhile would be left out when it is set right.
  let newest: number | undefined;
  while (!signal.aborted) {
    const begun = now();
    const rung = doubt.next();
    // What comes between does not put off the look at everything; nor does a clock that is set back.
    const isFull = begun >= fullAt || begun < fullAt - EVERY_MS;
    const done = await look(parts, isFull ? since : (newest ?? begun) - SOON_SPAN_MS, signal);
    newest = done?.newest ?? newest;
    if (isFull) fullAt = begun + EVERY_MS;
    if (isFull && done?.newest !== undefined) since = done.newest - OVERLAP_MS;
    const ms = Math.min(Math.max(fullAt - now(), 0), EVERY_MS);
    const slept = sleepUntil({ rung, ms, stopping: signal }, pause);
    const isSoon = await Promise.race([rung.then(() => true), slept.then(() => false)]);
    if (isSoon) await pause(SOON_MS, signal);
  }
}

/** What a look found; undefined when it failed. */
async function look({ takeMissed, log }: WatchParts, since: number, signal: AbortSignal): Promise<Missed | undefined> {
  try {
    const missed = await takeMissed(since);
    const { seen, fetched, resent, repeated, complete } = missed;
    if (fetched + resent > 0)
      log.info(`Missed deliveries: ${fetched} taken from GitHub's log, ${resent} asked for again.`);
    if (repeated > 0)
      log.info(`${repeated} deliveries of GitHub's log were taken before under other ids; nothing is done.`);
    if (!complete) log.info(`Only the newest ${seen} deliveries of GitHub's log were compared; older ones were not.`);
    return missed;
  } catch (error) {
    // What a stop cut off is made up for by the next start.
    if (!signal.aborted) log.error("GitHub's log of deliveries could not be compared; that is tried again.", error);
    return undefined;
  }
}
