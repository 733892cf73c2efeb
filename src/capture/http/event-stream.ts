import { concat } from "../framing.ts";
import { eventLines, valueOf } from "./event-lines.ts";

/** A message of an event as it is to be passed on. */
export type ReadMessage = { readonly bytes: Uint8Array; readonly passed: () => void };

/** Bytes to be passed on; call `passed` once they were written. */
export type Passing = { readonly parts: readonly Uint8Array[]; readonly passed: () => void };

/** Watches the events of one stream. */
export type EventStream = {
  readonly push: (chunk: Uint8Array) => Passing;
  readonly end: () => Passing;
  /** Whether events had ids, so that the client may ask for the rest on another stream. */
  readonly isResumable: () => boolean;
  /** Messages that were too large to be read. */
  readonly unread: () => number;
};

/**
 * Reads the messages of an event stream. Bytes go on as they come; a `data` line goes on whole, with the bytes that
 * `read` gives for it (undefined: it is no message). A message that is spread over several `data` lines is read when
 * its event ends, unchanged.
 */
export function eventStream(options: {
  readonly read: (bytes: Uint8Array) => ReadMessage | undefined;
  readonly limitBytes: number;
}): EventStream {
  const lines = eventLines(options.limitBytes);
  const event = eventData(options);
  let hasIds = false;

  const watch = (pieces: ReturnType<typeof lines.push>): Passing => {
    const parts: Uint8Array[] = [];
    const messages: ReadMessage[] = [];
    for (const piece of pieces) {
      hasIds ||= piece.kind === "id";
      const message = piece.kind === "data" || piece.kind === "blank" ? event.take(piece) : undefined;
      if (message) messages.push(message);
      parts.push(piece.kind === "data" && message ? message.bytes : piece.bytes);
    }
    return { parts, passed: () => messages.forEach((message) => message.passed()) };
  };
  return {
    push: (chunk) => watch(lines.push(chunk)),
    end: () => watch(lines.end()),
    isResumable: () => hasIds,
    unread: event.unread,
  };
}

type Line = { readonly kind: string; readonly bytes: Uint8Array; readonly whole: boolean };

/** Puts the data of one event together. */
function eventData({ read, limitBytes }: Parameters<typeof eventStream>[0]) {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let isDone = false;
  let unread = 0;

  const giveUp = (): undefined => {
    if (!isDone) unread += 1;
    isDone = true;
    return undefined;
  };
  const data = ({ bytes, whole }: Line): ReadMessage | undefined => {
    if (isDone) return undefined;
    if (!whole) return giveUp();
    const { start, end } = valueOf(bytes);
    const value = bytes.subarray(start, end);
    const message = waiting.length === 0 && value.length > 0 ? read(value) : undefined;
    if (message) {
      isDone = true;
      if (message.bytes === value) return { bytes, passed: message.passed };
      const whole = [bytes.subarray(0, start), message.bytes, bytes.subarray(end)];
      return { bytes: concat(whole, sizeOf(whole)), passed: message.passed };
    }
    waiting.push(value);
    waitingBytes += value.length;
    return waitingBytes > limitBytes ? giveUp() : undefined;
  };
  const blank = ({ bytes }: Line): ReadMessage | undefined => {
    const spread = !isDone && waiting.length > 1 ? read(joined(waiting)) : undefined;
    waiting = [];
    waitingBytes = 0;
    isDone = false;
    return spread && { bytes, passed: spread.passed };
  };
  return { take: (line: Line) => (line.kind === "data" ? data(line) : blank(line)), unread: () => unread };
}

function joined(values: readonly Uint8Array[]): Uint8Array {
  const newline = new Uint8Array([0x0a]);
  const parts = values.flatMap((value, at) => (at === 0 ? [value] : [newline, value]));
  return concat(parts, sizeOf(parts));
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
