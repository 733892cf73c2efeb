import type { Arm, CallSample } from "../model/call.ts";
import type { SessionBook } from "./session-book.ts";

/** A book of sessions of calls that come in order of time. */
export type OrderedSessions = SessionBook & {
  /** A book with the same calls, good until a further call is noted in this one. */
  readonly fork: () => OrderedSessions;
};

type Book = {
  /** The time of the last call, and the keys of the calls of that instant: a call that is told again has the same time. */
  atMs: number;
  seen: Set<string>;
  /** Arm of each session; undefined once it can tell nothing further. */
  arms: Map<string, Arm> | undefined;
  /** Sessions of the book that this one was forked from. */
  readonly before: ReadonlyMap<string, Arm> | undefined;
  isRepeated: boolean;
  isMixed: boolean;
};

/**
 * What `sessionBook` says of calls in order of time, for as little as the calls of one instant: a call that was told
 * before has the time of the one that it repeats. `routed`: whether it matters that whole sessions were routed; only then
 * sessions are remembered, and no longer than until one has calls in both arms.
 */
export function orderedSessions(routed: boolean): OrderedSessions {
  return bookOf({
    atMs: -Infinity,
    seen: new Set(),
    arms: routed ? new Map() : undefined,
    before: undefined,
    isRepeated: false,
    isMixed: false,
  });
}

function bookOf(book: Book): OrderedSessions {
  return {
    note: (sample) => {
      if (isTold(book, sample)) return false;
      noteArm(book, sample);
      return true;
    },
    isSticky: () => book.isRepeated && !book.isMixed,
    fork: () => {
      const { arms, before } = book;
      const known = arms === undefined || before === undefined ? arms : new Map([...before, ...arms]);
      return bookOf({ ...book, seen: new Set(book.seen), arms: arms && new Map(), before: known });
    },
  };
}

function isTold(book: Book, { session, arm, timestamp, operation, durationMs, error }: CallSample): boolean {
  if (session === "") return false;
  if (timestamp !== book.atMs) {
    book.atMs = timestamp;
    book.seen.clear();
  }
  const key = `${arm} ${error} ${durationMs} ${operation} ${session}`;
  if (book.seen.has(key)) return true;
  book.seen.add(key);
  return false;
}

function noteArm(book: Book, { session, arm }: CallSample): void {
  if (book.arms === undefined) return;
  const known = book.arms.get(session) ?? book.before?.get(session);
  book.isRepeated ||= known !== undefined;
  book.isMixed ||= known !== undefined && known !== arm;
  if (book.isMixed) book.arms = undefined;
  else book.arms.set(session, arm);
}
