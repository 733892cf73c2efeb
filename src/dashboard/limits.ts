import type { Quota } from "./rate-limit.ts";

/** Longest value of a parameter, characters. */
export const FILTER_TEXT_LIMIT = 2_000;

/** What the API takes and holds at most. */
export type ApiLimits = {
  /** Answered requests of one key with all its sessions. */
  readonly requests: Quota;
  /** Requests of one address with a credential that proves nothing, before they are answered 429 instead of 401. */
  readonly attempts: Quota;
  /** Longest address with its query, characters. */
  readonly addressLength: number;
  /** Open streams of one key, and of all. */
  readonly streamsPerKey: number;
  readonly streams: number;
};

export const API_LIMITS: ApiLimits = {
  requests: { limit: 1_000, windowMs: 3_600_000 },
  attempts: { limit: 30, windowMs: 60_000 },
  addressLength: 8_192,
  streamsPerKey: 5,
  streams: 100,
};
