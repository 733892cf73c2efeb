import type { Clock } from "../model/time.ts";

/** How many requests of one sender are answered within a window. */
export type Quota = { readonly limit: number; readonly windowMs: number };

/** What is left to a sender. */
export type Standing = Quota & {
  readonly isAllowed: boolean;
  readonly remaining: number;
  /** Until the oldest request that counts leaves the window, ms; when nothing remains, until the next is answered. */
  readonly resetMs: number;
};

/** Counts requests by sender. */
export type RateLimiter = {
  /** Counts one request, unless it exceeds the quota. */
  readonly take: (sender: string) => Standing;
  /** What {@link RateLimiter.take} would say, without counting. */
  readonly peek: (sender: string) => Standing;
};

/** Senders whose requests are remembered; of more, those that have been silent longest are forgotten. */
const MOST_SENDERS = 10_000;

/**
 * A sliding window: of any `windowMs` in a row, at most `limit` requests of a sender are allowed, whatever their rhythm.
 * It counts within this process; each process has a quota of its own.
 */
export function slidingWindow({ limit, windowMs }: Quota, clock: Pick<Clock, "monotonicMs">): RateLimiter {
  const senders = new Map<string, number[]>();
  const recentOf = (sender: string, nowMs: number): number[] => {
    const times = senders.get(sender) ?? [];
    const stale = times.findIndex((time) => time > nowMs - windowMs);
    times.splice(0, stale === -1 ? times.length : stale);
    return times;
  };
  const standing = (times: readonly number[], nowMs: number, isAllowed: boolean): Standing => ({
    limit,
    windowMs,
    isAllowed,
    remaining: limit - times.length,
    resetMs: times[0] === undefined ? 0 : times[0] + windowMs - nowMs,
  });
  return {
    peek: (sender) => {
      const nowMs = clock.monotonicMs();
      const times = recentOf(sender, nowMs);
      return standing(times, nowMs, times.length < limit);
    },
    take: (sender) => {
      const nowMs = clock.monotonicMs();
      const times = recentOf(sender, nowMs);
      const isAllowed = times.length < limit;
      if (isAllowed) times.push(nowMs);
      senders.delete(sender);
      senders.set(sender, times);
      const [silent] = senders.keys();
      if (senders.size > MOST_SENDERS && silent !== undefined) senders.delete(silent);
      return standing(times, nowMs, isAllowed);
    },
  };
}

/**
 * A standing as headers: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10), the older three
 * that most clients know, and `Retry-After` for who has to wait. Seconds are rounded up, so that a sender that waits so
 * long is answered.
 */
export function rateLimitHeaders({ limit, windowMs, remaining, resetMs, isAllowed }: Standing): Record<string, string> {
  const reset = String(Math.ceil(resetMs / 1_000));
  return {
    "RateLimit-Policy": `"requests";q=${limit};w=${Math.ceil(windowMs / 1_000)}`,
    RateLimit: `"requests";r=${remaining};t=${reset}`,
    "RateLimit-Limit": String(limit),
    "RateLimit-Remaining": String(remaining),
    "RateLimit-Reset": reset,
    ...(!isAllowed && { "Retry-After": reset }),
  };
}
