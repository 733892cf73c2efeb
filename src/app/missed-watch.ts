import type { AppLog, AppService } from "./service.ts";

/** What the look for missed deliveries goes by. */
export type WatchParts = {
  readonly takeMissed: AppService["takeMissed"];
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds that pass; ends early, without an error, when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: AppLog;
};

/** GitHub keeps its log of deliveries for three days. */
const KEPT_MS = 3 * 24 * 3_600_000;
const EVERY_MS = 5 * 60_000;
/** A look goes back before the one before it: the log tells of a delivery when it has been answered. */
const OVERLAP_MS = 10 * 60_000;

/**
 * Takes what GitHub delivered in vain: at once, and every five minutes until the signal aborts. A look that fails is made
 * up for by the next one.
 */
export async function watchMissed({ takeMissed, now, pause, log }: WatchParts, signal: AbortSignal): Promise<void> {
  let since = now() - KEPT_MS;
  while (!signal.aborted) {
    const begun = now();
    try {
      const { seen, fetched, resent, complete } = await takeMissed(since);
      since = begun - OVERLAP_MS;
      if (fetched + resent > 0)
        log.info(`Missed deliveries: ${fetched} taken from GitHub's log, ${resent} asked for again.`);
      if (!complete) log.info(`Only the newest ${seen} deliveries of GitHub's log were compared; older ones were not.`);
    } catch (error) {
      // What a stop cut off is made up for by the next start.
      if (!signal.aborted) log.error("GitHub's log of deliveries could not be compared; that is tried again.", error);
    }
    await pause(EVERY_MS, signal);
  }
}
