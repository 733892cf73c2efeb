import { concat } from "../framing.ts";

/** What a line of an event stream is. `rest`: bytes of a line whose start was passed on before. */
export type EventLineKind = "data" | "id" | "blank" | "other" | "rest";

/** Bytes of a line (terminator included), or the start of one that is not held back. */
export type EventLine = { readonly kind: EventLineKind; readonly bytes: Uint8Array; readonly whole: boolean };

/** Cuts an event stream into lines; the concatenation of all pieces is the input, byte for byte. */
export type EventLines = {
  readonly push: (chunk: Uint8Array) => readonly EventLine[];
  /** What is left without a line end. */
  readonly end: () => readonly EventLine[];
};

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;

/**
 * Lines of `text/event-stream` (WHATWG HTML, 9.2.5): they end with LF, CR or CRLF. Only `data` lines are held until they
 * are whole, and at most `limitBytes` of one; everything else goes on as it comes, comments first of all.
 */
export function eventLines(limitBytes: number): EventLines {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  /** The current line's start was passed on. */
  let passing = false;
  let afterCr = false;

  const take = (more: Uint8Array = new Uint8Array()): Uint8Array => {
    const bytes = concat([...held, more], heldBytes + more.length);
    held = [];
    heldBytes = 0;
    return bytes;
  };
  const finish = (bytes: Uint8Array): EventLine => {
    if (passing) {
      passing = false;
      return { kind: "rest", bytes, whole: true };
    }
    const line = heldBytes === 0 ? bytes : take(bytes);
    return { kind: kindOf(line), bytes: line, whole: true };
  };
  const start = (bytes: Uint8Array): readonly EventLine[] => {
    if (passing) return [{ kind: "rest", bytes, whole: false }];
    held.push(bytes);
    heldBytes += bytes.length;
    if (heldBytes <= limitBytes && mayBeData(held)) return [];
    passing = true;
    const line = take();
    return [{ kind: kindOf(line), bytes: line, whole: false }];
  };

  const push = (chunk: Uint8Array): readonly EventLine[] => {
    const pieces: EventLine[] = [];
    let at = 0;
    if (afterCr && chunk[0] === LF) {
      pieces.push({ kind: "rest", bytes: chunk.subarray(0, 1), whole: true });
      at = 1;
    }
    const ends = lineEnds(chunk);
    while (at < chunk.length) {
      const end = ends(at);
      if (end === -1) pieces.push(...start(chunk.subarray(at)));
      else pieces.push(finish(chunk.subarray(at, end)));
      at = end === -1 ? chunk.length : end;
    }
    if (chunk.length > 0) afterCr = chunk.at(-1) === CR;
    return pieces;
  };

  return {
    push,
    end: () => (heldBytes === 0 ? [] : [{ kind: "other", bytes: take(), whole: false }]),
  };
}

/** Where a line's value lies: after the colon and one space, before the terminator. */
export function valueOf(line: Uint8Array): { readonly start: number; readonly end: number } {
  let end = line.length;
  while (end > 0 && (line[end - 1] === LF || line[end - 1] === CR)) end -= 1;
  const colon = line.indexOf(COLON);
  if (colon === -1 || colon >= end) return { start: end, end };
  return { start: line[colon + 1] === 0x20 ? colon + 2 : colon + 1, end };
}

/** Finds the position after the terminator of the line that starts at `from`, or -1. */
function lineEnds(chunk: Uint8Array): (from: number) => number {
  let cr = chunk.indexOf(CR);
  return (from) => {
    if (cr !== -1 && cr < from) cr = chunk.indexOf(CR, from);
    const lf = chunk.indexOf(LF, from);
    if (cr === -1 || (lf !== -1 && lf < cr)) return lf === -1 ? -1 : lf + 1;
    return chunk[cr + 1] === LF ? cr + 2 : cr + 1;
  };
}

const HELD_FIELDS = ["data", "id"];

/** Whether the start of a line may be one that is to be read. */
function mayBeData(parts: readonly Uint8Array[]): boolean {
  const head = textOf(parts);
  return head.startsWith("data:") || HELD_FIELDS.some((field) => `${field}:`.startsWith(head));
}

function textOf(parts: readonly Uint8Array[]): string {
  let text = "";
  for (const part of parts) {
    text += String.fromCharCode(...part.subarray(0, 5 - text.length));
    if (text.length >= 5) break;
  }
  return text;
}

function kindOf(line: Uint8Array): EventLineKind {
  const first = line[0];
  if (first === LF || first === CR) return "blank";
  const head = textOf([line]);
  if (/^data[:\r\n]/.test(head)) return "data";
  return /^id[:\r\n]/.test(head) ? "id" : "other";
}
