import type { Arm, CallSample } from "../model/call.ts";

/** What is remembered of the sessions of calls. */
export type SessionBook = {
  /** Takes note of a call; false if the very same call of the same session was noted before. */
  readonly note: (sample: CallSample) => boolean;
  /** Whole sessions were routed: some session has several calls, and none has calls in both arms. */
  readonly isSticky: () => boolean;
};

/**
 * Starts a book of sessions. Two records are one call when session, start, operation, duration and outcome are equal;
 * calls without a session are never taken for each other.
 */
export function sessionBook(): SessionBook {
  const arms = new Map<string, Arm>();
  const seen = new Set<string>();
  let [isRepeated, isMixed] = [false, false];
  return {
    note: ({ session, arm, timestamp, operation, durationMs, error }) => {
      const known = arms.get(session);
      if (session !== "") {
        const key = `${arm} ${error} ${timestamp} ${durationMs} ${operation} ${session}`;
        if (seen.has(key)) return false;
        seen.add(key);
      }
      isRepeated ||= known !== undefined;
      isMixed ||= known !== undefined && known !== arm;
      arms.set(session, arm);
      return true;
    },
    isSticky: () => isRepeated && !isMixed,
  };
}
