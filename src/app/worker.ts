import { messageOf, WhetstoneError } from "../model/error.ts";
import { createBell, sleepUntil } from "./bell.ts";
import type { Handled } from "./handler.ts";
import { isLasting, type RetryRule, retryAfter } from "./retry.ts";
import type { ClaimedWork, Ending, WorkQueue } from "./work/port.ts";

/** How one attempt ended, for counters. `lost`: its lease ran out, and somebody else has the work. */
export type Attempted = {
  readonly event: string;
  readonly result: "done" | "again" | "failed" | "dead" | "lost";
  readonly ms: number;
};

/** What a worker works with. */
export type WorkerParts = {
  readonly queue: WorkQueue;
  /** Does the work; what it throws is a failure. */
  readonly perform: (work: ClaimedWork) => Promise<Handled>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds that pass; ends early, without an error, when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly retry: RetryRule;
  /** Works that are done at the same time. */
  readonly concurrency: number;
  /** How long work is held without a sign of life, ms. */
  readonly leaseMs: number;
  /** Told of an attempt that ended. */
  readonly onAttempt: (attempted: Attempted) => void;
  /** Told of failures, of work and of the queue itself. */
  readonly onError: (message: string, error: unknown) => void;
};

/** Works off a queue until it is stopped. */
export type Worker = {
  /** Says that there may be something to do. */
  readonly wake: () => void;
  /** Begins nothing further; resolves when what was begun has ended. */
  readonly stop: () => Promise<void>;
  /** What is under way. */
  readonly running: () => number;
};

/** Claims at the same time. */
const MOST_CLAIMS = 16;
/** Signs of life in the time of a lease: several may be late before a hold runs out. */
const SIGNS_PER_LEASE = 5;
/** Looks at least this often, because other processes may add work; ms. */
const LONGEST_SLEEP_MS = 5_000;
/** Shortest sleep, where another process is about to take what is due; ms. */
const SHORTEST_SLEEP_MS = 20;

/** Starts a worker. A queue that cannot be reached is tried again, and told of. */
export function startWorker(parts: WorkerParts): Worker {
  const running = new Map<string, Running>();
  const bell = createBell();
  const stopping = new AbortController();
  const begin = (work: ClaimedWork): void => {
    const own = running.get(work.id);
    if (own !== undefined) {
      // The hold ran out here, while the clock jumped or the queue could not be reached. It is ours again.
      own.hold.claim = work.claim;
      return;
    }
    const hold = { claim: work.claim };
    const ended = attemptWork(parts, work, hold).finally(() => {
      running.delete(work.id);
      bell.ring();
    });
    running.set(work.id, { hold, ended });
  };
  const live = async (): Promise<void> => {
    // One claim while there is little to do; more at a time, in one transaction, while each of them finds something.
    let claims = 1;
    while (!stopping.signal.aborted) {
      // Heard from before the look on, so that nothing that arrives during it is missed.
      const rung = bell.next();
      const free = parts.concurrency - running.size;
      const asked = Math.min(free, claims);
      const works = await claimWorks(parts, asked);
      works?.forEach(begin);
      claims = works !== undefined && works.length === asked ? Math.min(2 * claims, MOST_CLAIMS) : 1;
      if (free > 0 && works !== undefined && works.length === asked) continue;
      const sleepMs = free === 0 ? Infinity : await msUntilWork(parts, works !== undefined);
      if (sleepMs > 0) await sleepUntil({ rung, ms: sleepMs, stopping: stopping.signal }, parts.pause);
    }
    await Promise.all(Array.from(running.values(), (one) => one.ended));
  };
  const ended = live();
  return {
    wake: bell.ring,
    running: () => running.size,
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
}

/** A claim that is held, by its newest name. */
type Hold = { claim: string };

type Running = { readonly hold: Hold; readonly ended: Promise<void> };

/** Takes up to so many works; undefined when the queue cannot be reached. */
async function claimWorks(parts: WorkerParts, asked: number): Promise<readonly ClaimedWork[] | undefined> {
  const { queue, now, leaseMs, onError } = parts;
  const claims = await Promise.allSettled(Array.from({ length: asked }, () => queue.claim(now(), leaseMs)));
  const failed = claims.find((claim) => claim.status === "rejected");
  if (failed) onError("The queue cannot be reached; it is tried again.", failed.reason);
  const works = claims.flatMap((claim) => (claim.status === "fulfilled" && claim.value ? [claim.value] : []));
  return failed && works.length === 0 ? undefined : works;
}

/** How long there is nothing to do, ms. */
async function msUntilWork({ queue, now, leaseMs, onError }: WorkerParts, isReachable: boolean): Promise<number> {
  if (!isReachable) return LONGEST_SLEEP_MS;
  try {
    const due = await queue.nextDue(now(), leaseMs);
    return Math.min(Math.max((due ?? Infinity) - now(), SHORTEST_SLEEP_MS), LONGEST_SLEEP_MS);
  } catch (error) {
    onError("The queue cannot be reached; it is tried again.", error);
    return LONGEST_SLEEP_MS;
  }
}

/**
 * Works off what is due, one after the other, and begins nothing after `until` (epoch ms): for hosts that freeze a process
 * between requests. Returns how many were begun.
 */
export async function drainQueue(parts: WorkerParts, until: number): Promise<number> {
  for (let begun = 0; ; begun += 1) {
    const work = parts.now() < until ? await parts.queue.claim(parts.now(), parts.leaseMs) : undefined;
    if (work === undefined) return begun;
    await attemptWork(parts, work, { claim: work.claim });
  }
}

/** One attempt, from the claim to its end in the queue. Never rejects. */
async function attemptWork(parts: WorkerParts, work: ClaimedWork, hold: Hold): Promise<void> {
  const { now, onAttempt, onError } = parts;
  const begun = now();
  const over = new AbortController();
  const heartbeat = keepHold(parts, { hold, id: work.id }, over.signal);
  const ending = await endingOf(parts, work);
  over.abort();
  await heartbeat;
  const ms = now() - begun;
  try {
    const isMine = await endHeld(parts, hold, ending);
    onAttempt({ event: work.event, result: isMine ? ending.kind : "lost", ms });
  } catch (error) {
    onError(`${work.event} ${work.id} was handled, but the queue does not know; it will be handled again.`, error);
    onAttempt({ event: work.event, result: "lost", ms });
  }
}

/** Whether it was still held; a hold that was taken anew meanwhile counts. */
async function endHeld({ queue, now }: WorkerParts, hold: Hold, ending: Ending): Promise<boolean> {
  for (;;) {
    const { claim } = hold;
    if (await queue.end(claim, ending, now())) return true;
    if (hold.claim === claim) return false;
  }
}

async function endingOf({ perform, retry, now, onError }: WorkerParts, work: ClaimedWork): Promise<Ending> {
  const { attempt, event, id } = work;
  // Attempts that ended with their process have told nobody why.
  if (attempt > retry.attempts) {
    return { kind: "dead", error: `The process ended, or lost its hold, in each of ${retry.attempts} attempts.` };
  }
  try {
    const handled = await perform(work);
    if (handled.kind === "done") return handled;
    const again = { kind: "again", at: wholeInstant(handled.at) } as const;
    return handled.payload === undefined ? again : { ...again, payload: JSON.stringify(handled.payload) };
  } catch (error) {
    const isLast = attempt === retry.attempts || isLasting(error);
    const then = isLast ? "it is given up" : "it is tried again";
    onError(`${event} ${id}: attempt ${attempt} of ${retry.attempts} failed; ${then}.`, error);
    if (isLast) return { kind: "dead", error: messageOf(error) };
    return { kind: "failed", error: messageOf(error), retryAt: now() + retryAfter(retry, attempt, error) };
  }
}

/** An instant as a queue keeps it, epoch ms. @throws WhetstoneError `defect` for what is none */
export function wholeInstant(at: number): number {
  if (Number.isSafeInteger(Math.ceil(at))) return Math.ceil(at);
  throw new WhetstoneError("defect", `Work was to go on at ${at}, which is no instant.`);
}

/** Signs of life while the work is under way. */
async function keepHold(
  { queue, pause, leaseMs, now, onError }: WorkerParts,
  { hold, id }: { readonly hold: Hold; readonly id: string },
  over: AbortSignal,
): Promise<void> {
  for (;;) {
    await pause(leaseMs / SIGNS_PER_LEASE, over);
    if (over.aborted) return;
    try {
      // Who has lost it to another ends the attempt without effect on the queue; what both do is keyed.
      await queue.extend(hold.claim, now() + leaseMs);
    } catch (error) {
      onError(`The hold on ${id} could not be renewed; that is tried again.`, error);
    }
  }
}
