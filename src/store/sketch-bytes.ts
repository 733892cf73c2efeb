import { WhetstoneError } from "../model/error.ts";
import { addToSketch, type Sketch } from "../stats/sketch.ts";

/** First byte of every code: bins of accuracy 1 % as pairs of varints. */
const FORMAT = 1;

/** Most bytes of a varint: 53 bits, seven to the byte. */
const VARINT_BYTES = 8;

/**
 * Code of a sketch: the format's byte, then per bin in ascending order the distance to the bin before and the count,
 * both as LEB128 varints. A sketch of one number takes 4 bytes, one of a busy minute some 150.
 */
export function encodeSketch(sketch: Sketch): Uint8Array {
  const bytes = new Uint8Array(1 + sketch.size * 2 * VARINT_BYTES);
  bytes[0] = FORMAT;
  let length = 1;
  let before = 0;
  for (const bin of Int32Array.from(sketch.keys()).sort()) {
    length = putVarint(bytes, length, bin - before);
    length = putVarint(bytes, length, sketch.get(bin) ?? 0);
    before = bin;
  }
  return bytes.slice(0, length);
}

/** Writes a number at `at`; returns where the next one goes. */
function putVarint(bytes: Uint8Array, at: number, value: number): number {
  // By division: bit operators would cut counts beyond 32 bits.
  let rest = value;
  let next = at;
  for (; rest >= 0x80; next += 1) {
    bytes[next] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[next] = rest;
  return next + 1;
}

/**
 * Adds the sketch that {@link encodeSketch} wrote to one that the caller owns.
 * @throws WhetstoneError `store_read_failed` when the bytes are no such code; the sketch may have got a part of it
 */
export function addEncodedSketch(sketch: Map<number, number>, bytes: Uint8Array): void {
  if (bytes[0] !== FORMAT) throw damaged();
  let bin = 0;
  let value = 0;
  let scale = 1;
  let isCount = false;
  for (let at = 1; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * scale;
    scale *= 0x80;
    if (byte >= 0x80) continue;
    if (isCount) addToSketch(sketch, bin, value);
    else bin += value;
    isCount = !isCount;
    value = 0;
    scale = 1;
  }
  if (isCount || scale > 1) throw damaged();
}

const damaged = (): WhetstoneError =>
  new WhetstoneError("store_read_failed", "A rollup of the span store holds a sketch that cannot be read.", {
    remedy: "The store is damaged: restore a backup, or import the traces into a new one.",
  });
