import { isUtf8 } from "node:buffer";
import { OTLP_LIMITS } from "./limits.ts";
import { reject } from "./rejection.ts";

/**
 * Protobuf wire format (protobuf.dev/programming-guides/encoding): a reader that moves over one body without copying.
 * Every reader takes the end of the message that it is in and ends with `reject` (`input_unreadable`) rather than pass
 * it. Callers switch on the whole tag, so that a known field of another wire type counts as unknown, as in protobuf.
 */
export type Wire = {
  readonly bytes: Buffer;
  readonly view: DataView;
  pos: number;
  /** Names that this body held before, by a hash of their bytes: attribute keys come again in every span. */
  readonly names: (string | undefined)[];
};

/** Slots of {@link Wire.names}; a name takes the slot of another one with its hash. */
const NAME_SLOTS = 256;
const LONGEST_NAME = 64;

/** A reader at the start of a body. */
export function wireOf(body: Uint8Array): Wire {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return { bytes, view, pos: 0, names: Array.from({ length: NAME_SLOTS }) };
}

const TRUNCATED = "protobuf ends within a field";

/** A field's tag: number times 8 plus wire type. */
export function readTag(wire: Wire, end: number): number {
  const tag = readUint32(wire, end);
  return tag >>> 3 === 0 ? reject("protobuf field has the number 0") : tag;
}

/** A varint's low 32 bits, unsigned; the higher ones are dropped, as protobuf does for 32-bit fields. */
export function readUint32(wire: Wire, end: number): number {
  const { bytes } = wire;
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (wire.pos >= end) reject(TRUNCATED);
    const byte = bytes[wire.pos++] as number;
    if (shift < 32) value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value >>> 0;
  }
  return reject("protobuf varint is longer than 10 bytes");
}

/** An int64 varint: a number where that is exact, else its decimal text. */
export function readInt64(wire: Wire, end: number): number | string {
  const { bytes } = wire;
  let value = 0;
  let scale = 1;
  const start = wire.pos;
  // Six bytes hold 42 bits, which a double holds exactly; nearly every value ends there.
  for (let count = 0; count < 6 && wire.pos < end; count += 1, scale *= 128) {
    const byte = bytes[wire.pos++] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
  wire.pos = start;
  return readLongInt64(wire, end);
}

function readLongInt64(wire: Wire, end: number): number | string {
  let bits = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    if (wire.pos >= end) reject(TRUNCATED);
    const byte = wire.bytes[wire.pos++] as number;
    bits |= BigInt(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    const value = BigInt.asIntN(64, bits);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  return reject("protobuf varint is longer than 10 bytes");
}

/** A fixed64, unsigned. */
export function readFixed64(wire: Wire, end: number): bigint {
  return wire.view.getBigUint64(advance(wire, 8, end), true);
}

/** A double. */
export function readDouble(wire: Wire, end: number): number {
  return wire.view.getFloat64(advance(wire, 8, end), true);
}

/** Reads a length and returns where its bytes end; the position is where they begin. */
export function readLength(wire: Wire, end: number): number {
  const length = readUint32(wire, end);
  return length > end - wire.pos ? reject(TRUNCATED) : wire.pos + length;
}

/** A string field. Protobuf strings are UTF-8; anything else is refused rather than mended. */
export function readText(wire: Wire, end: number): string {
  const to = readLength(wire, end);
  return textTo(wire, to);
}

/** A string field that is likely to hold one of few values: the same string again costs no decoding. */
export function readName(wire: Wire, end: number): string {
  const to = readLength(wire, end);
  const { bytes, names, pos: from } = wire;
  if (to - from > LONGEST_NAME || to === from) return textTo(wire, to);
  const ends = (bytes[from] as number) * 7 + (bytes[to - 1] as number) * 131;
  const slot = ((to - from) * 31 + ends + (bytes[(from + to) >> 1] as number) * 17) % NAME_SLOTS;
  const known = names[slot];
  if (known === undefined || !isAscii(known, { bytes, from, to })) return (names[slot] = textTo(wire, to));
  wire.pos = to;
  return known;
}

/** Whether the bytes are ASCII and spell `text`. */
function isAscii(text: string, { bytes, from, to }: Part & { readonly bytes: Buffer }): boolean {
  if (text.length !== to - from) return false;
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number;
    if (byte !== text.charCodeAt(at - from) || byte > 0x7f) return false;
  }
  return true;
}

function textTo(wire: Wire, to: number): string {
  const from = wire.pos;
  wire.pos = to;
  if (to - from > OTLP_LIMITS.textBytes) reject(`a text is longer than ${OTLP_LIMITS.textBytes} bytes`);
  const text = wire.bytes.toString("utf8", from, to);
  // The decoder replaces what is not UTF-8 by U+FFFD, which may also stand there in earnest.
  if (text.includes("\ufffd") && !isUtf8(wire.bytes.subarray(from, to))) reject("a text is not UTF-8");
  return text;
}

/** A bytes field in an encoding of Node. */
export function readBytes(wire: Wire, end: number, encoding: "hex" | "base64"): string {
  const to = readLength(wire, end);
  const from = wire.pos;
  wire.pos = to;
  if (to - from > OTLP_LIMITS.textBytes) reject(`a byte string is longer than ${OTLP_LIMITS.textBytes} bytes`);
  return wire.bytes.toString(encoding, from, to);
}

/** A part of the body: where a message begins and ends. */
export type Part = { readonly from: number; readonly to: number };

/** The embedded messages of one field (by its tag) of a message; between two of them the reader may move freely. */
export function* partsOf(wire: Wire, { from, to }: Part, wanted: number): Generator<Part> {
  wire.pos = from;
  while (wire.pos < to) {
    const tag = readTag(wire, to);
    if (tag !== wanted) {
      skipField(wire, tag, to);
      continue;
    }
    const end = readLength(wire, to);
    yield { from: wire.pos, to: end };
    wire.pos = end;
  }
}

/** Passes over the field that `tag` begins, groups with all that is in them. */
export function skipField(wire: Wire, tag: number, end: number): void {
  // Groups left to close, innermost last.
  const open: number[] = [];
  for (let current = tag; ; current = readTag(wire, end)) {
    const kind = current & 7;
    if (kind === 0) readUint32(wire, end);
    else if (kind === 1) advance(wire, 8, end);
    else if (kind === 2) wire.pos = readLength(wire, end);
    else if (kind === 3) open.push(current >>> 3);
    else if (kind === 4) closeGroup(open, current >>> 3);
    else if (kind === 5) advance(wire, 4, end);
    else reject("protobuf field has an unknown wire type");
    if (open.length === 0) return;
    if (open.length > OTLP_LIMITS.depth) reject("protobuf groups are nested too deeply");
  }
}

function closeGroup(open: number[], field: number): void {
  if (open.pop() !== field) reject("protobuf group is closed that was not open");
}

function advance(wire: Wire, bytes: number, end: number): number {
  const from = wire.pos;
  if (bytes > end - from) reject(TRUNCATED);
  wire.pos = from + bytes;
  return from;
}
