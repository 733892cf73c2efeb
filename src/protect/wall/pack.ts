import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { deltaSizes } from "../patch-binary.ts";

/** How large a pack may be: objects, bytes of one and of all objects when unpacked, deltas upon deltas. */
export type PackLimits = {
  readonly objects: number;
  readonly objectBytes: number;
  readonly totalBytes: number;
  readonly depth: number;
};

/** Far above what a proposal needs, far below what would hurt a small machine. */
export const PACK_LIMITS: PackLimits = {
  objects: 5_000,
  objectBytes: 16 * 1024 * 1024,
  totalBytes: 64 * 1024 * 1024,
  depth: 50,
};

/** What is wrong with a pack; undefined when nothing is. */
export type PackFault = { readonly kind: "damaged" | "too_large"; readonly detail: string };

class Faulty extends Error {
  readonly kind: PackFault["kind"];
  constructor(kind: PackFault["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * Walks a pack (gitformat-pack, version 2) before git sees it: every object has the size that is stated and none is
 * larger than allowed, so that a small file cannot unpack to a large one. `idBytes` is 20 or 32. Returns the fault.
 */
export function packFault(pack: Uint8Array, idBytes: number, limits: PackLimits = PACK_LIMITS): PackFault | undefined {
  try {
    walk(Buffer.from(pack.buffer, pack.byteOffset, pack.length), idBytes, limits);
    return undefined;
  } catch (error) {
    if (error instanceof Faulty) return { kind: error.kind, detail: error.message };
    throw error;
  }
}

function walk(pack: Buffer, idBytes: number, limits: PackLimits): void {
  const end = pack.length - idBytes;
  if (end < 12 || pack.toString("latin1", 0, 4) !== "PACK" || pack.readUInt32BE(4) !== 2) {
    throw new Faulty("damaged", "what follows the header is no pack of version 2");
  }
  const count = pack.readUInt32BE(8);
  if (count > limits.objects) throw new Faulty("too_large", `${count} objects, at most ${limits.objects} are allowed`);
  const sum = createHash(idBytes === 20 ? "sha1" : "sha256").update(pack.subarray(0, end));
  if (!sum.digest().equals(pack.subarray(end))) throw new Faulty("damaged", "the pack's checksum is wrong");
  const depths = new Map<number, number>();
  let [at, total] = [12, 0];
  for (let index = 0; index < count; index += 1) {
    const entry = readEntry(pack.subarray(0, end), { at, idBytes, limits, depths });
    depths.set(at, entry.depth);
    total += entry.bytes;
    if (total > limits.totalBytes) throw new Faulty("too_large", `unpacks to more than ${limits.totalBytes} bytes`);
    at = entry.end;
  }
  if (at !== end) throw new Faulty("damaged", "bytes follow the last object");
}

type Place = {
  readonly at: number;
  readonly idBytes: number;
  readonly limits: PackLimits;
  readonly depths: ReadonlyMap<number, number>;
};

function readEntry(pack: Buffer, place: Place): { end: number; depth: number; bytes: number } {
  const { type, size, next } = readHead(pack, place.at);
  const { from, depth } = readBase(pack, { ...place, type, next });
  const { limits } = place;
  if (depth > limits.depth) throw new Faulty("too_large", `deltas ${depth} deep, at most ${limits.depth} are allowed`);
  if (size > limits.objectBytes) throw new Faulty("too_large", `an object of ${size} bytes`);
  const { data, used } = inflate(pack.subarray(from), size);
  const result = depth === 0 ? size : deltaSizes(data)?.result;
  if (result === undefined) throw new Faulty("damaged", "a delta is cut off");
  if (result > limits.objectBytes) throw new Faulty("too_large", `an object of ${result} bytes`);
  return { end: from + used, depth, bytes: size + (depth === 0 ? 0 : result) };
}

/** Type in three bits and size in four, then seven per byte, least first. */
function readHead(pack: Buffer, at: number): { type: number; size: number; next: number } {
  let byte = byteAt(pack, at);
  const type = (byte >> 4) & 7;
  let [size, next, factor] = [byte & 15, at + 1, 16];
  while ((byte & 0x80) !== 0) {
    byte = byteAt(pack, next);
    next += 1;
    size += (byte & 0x7f) * factor;
    factor *= 128;
    if (factor > 2 ** 49) throw new Faulty("too_large", "an object's size has too many digits");
  }
  return { type, size, next };
}

function readBase(pack: Buffer, place: Place & { type: number; next: number }): { from: number; depth: number } {
  const { type, next, at, depths, idBytes } = place;
  if (type >= 1 && type <= 4) return { from: next, depth: 0 };
  // The base of a delta by id lies in the pack or in the base's history; git resolves it. Its result counts as well.
  if (type === 7) return { from: next + idBytes, depth: 1 };
  if (type !== 6) throw new Faulty("damaged", `an object of type ${type}`);
  let byte = byteAt(pack, next);
  let [distance, from] = [byte & 0x7f, next + 1];
  while ((byte & 0x80) !== 0) {
    byte = byteAt(pack, from);
    from += 1;
    distance = (distance + 1) * 128 + (byte & 0x7f);
    if (distance > pack.length) break;
  }
  const depth = depths.get(at - distance);
  if (depth === undefined) throw new Faulty("damaged", "a delta has no base");
  return { from, depth: depth + 1 };
}

function byteAt(pack: Buffer, at: number): number {
  const byte = pack[at];
  if (byte === undefined) throw new Faulty("damaged", "the pack is cut off");
  return byte;
}

function inflate(packed: Buffer, size: number): { data: Buffer; used: number } {
  // One byte more than stated is let through, to tell a larger content from a damaged one.
  const options = { info: true, maxOutputLength: size + 1 } as const;
  let result: { buffer: Buffer; engine: { bytesWritten: number } };
  try {
    result = inflateSync(packed, options) as unknown as typeof result;
  } catch {
    throw new Faulty("damaged", "an object cannot be inflated to the size that is stated");
  }
  if (result.buffer.length !== size) throw new Faulty("damaged", "an object has another size than is stated");
  return { data: result.buffer, used: result.engine.bytesWritten };
}
