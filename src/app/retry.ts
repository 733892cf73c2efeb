import { z } from "zod";
import { WhetstoneError } from "../model/error.ts";
import { LONGEST_RETRY_MS } from "./work/port.ts";

/** When work that failed is tried again. */
export type RetryRule = {
  /** Attempts in all; after the last one it is a dead letter. */
  readonly attempts: number;
  /** Pause after the first failure, ms; it doubles with each one that follows. */
  readonly firstMs: number;
  /** Longest pause of its own, ms. */
  readonly longestMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
};

/** Ten attempts over 20 to 40 minutes, which outlasts most incidents of GitHub, and holds its issue up for no longer. */
export const RETRY = { attempts: 10, firstMs: 5_000, longestMs: 1_200_000 } as const;

/**
 * Milliseconds until the next attempt: half of the doubled pause, and up to as much again by chance, so that what
 * failed together does not come back together; but what GitHub asks for when it asks for more.
 */
export function retryAfter({ firstMs, longestMs, random }: RetryRule, attempt: number, error: unknown): number {
  const pause = Math.min(longestMs, firstMs * 2 ** (attempt - 1));
  const own = pause / 2 + (random() * pause) / 2;
  return Math.ceil(Math.min(Math.max(own, askedFor(error)), LONGEST_RETRY_MS));
}

/** Whether another attempt would end alike: the payload is not what it should be. */
export function isLasting(error: unknown): boolean {
  if (error instanceof WhetstoneError) return error.code === "input_unreadable";
  return error instanceof z.ZodError;
}

/** Pause that an `api_failed` asks for, ms; 0 without. */
function askedFor(error: unknown): number {
  const seconds = error instanceof WhetstoneError ? error.data["retryAfterSeconds"] : undefined;
  return typeof seconds === "number" ? seconds * 1_000 : 0;
}
