/** Bytes of one line (terminator included), or of a part of a line that is longer than the limit. */
export type Piece = { readonly bytes: Uint8Array; readonly whole: boolean };

/** Cuts a byte stream into lines; the concatenation of all pieces is the input, byte for byte. */
export type LineFramer = {
  /** Lines that this chunk completes. The chunk may be kept and must not be changed afterwards. */
  readonly push: (chunk: Uint8Array) => readonly Piece[];
  /** What is left without a line end: none or one piece. */
  readonly end: () => readonly Piece[];
};

/** Longest line that is held back to be read as a message, in bytes. */
export const LINE_LIMIT_BYTES = 64 * 1024 * 1024;

const NEWLINE = 0x0a;

/**
 * Framing of the MCP stdio transport: messages are separated by LF. Lines stay bytes, so CRLF, empty lines, text that
 * is no JSON and UTF-8 split over chunks pass unchanged. A line above `limitBytes` is passed on in parts
 * (`whole: false`) so that memory stays bounded.
 */
export function lineFramer(limitBytes: number = LINE_LIMIT_BYTES): LineFramer {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let oversize = false;

  const take = (): Uint8Array => {
    const [only] = held;
    const bytes = held.length === 1 && only !== undefined ? only : concat(held, heldBytes);
    held = [];
    heldBytes = 0;
    return bytes;
  };
  const hold = (bytes: Uint8Array): void => {
    if (bytes.length === 0) return;
    held.push(bytes);
    heldBytes += bytes.length;
  };

  const push = (chunk: Uint8Array): readonly Piece[] => {
    const pieces: Piece[] = [];
    let start = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
      hold(chunk.subarray(start, at + 1));
      pieces.push({ whole: !oversize && heldBytes <= limitBytes, bytes: take() });
      oversize = false;
      start = at + 1;
    }
    hold(chunk.subarray(start));
    oversize ||= heldBytes > limitBytes;
    if (oversize && heldBytes > 0) pieces.push({ whole: false, bytes: take() });
    return pieces;
  };

  return { push, end: () => (heldBytes === 0 ? [] : [{ whole: !oversize, bytes: take() }]) };
}

/** One array of all bytes in order; `length` is their sum. */
export function concat(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
