import { inflateSync } from "node:zlib";
import { type Cursor, malformed, peek, take } from "./patch-form.ts";

/** One direction of a binary patch: the whole content, or what makes it from the other side's (a delta of git's packs). */
export type BinaryHunk = {
  readonly form: "literal" | "delta";
  /** Bytes of the data that follow, inflated; for `literal` that is the content. */
  readonly data: Uint8Array;
  /** Bytes of the content that it leads to. */
  readonly size: number;
};

/** The binary content of a file's change with the object ids of both sides, in full (zeros for an absent side). */
export type BinaryContent = {
  readonly forward: BinaryHunk;
  readonly reverse?: BinaryHunk;
  readonly oldId: string;
  readonly newId: string;
};

/** Largest content that is inflated at all, whatever the limits of a target are. */
const LARGEST_BYTES = 16 * 1024 * 1024;

/** Digits of git's base 85 (base85.c). */
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
const VALUES: ReadonlyMap<string, number> = new Map(Array.from(DIGITS, (digit, value) => [digit, value]));

/** Reads what follows `GIT binary patch`. The cursor stands behind that line. Throws what `malformed` makes. */
export function readBinaryContent(cursor: Cursor, index: string | undefined): BinaryContent {
  const ids = /^([0-9a-f]{40}|[0-9a-f]{64})\.\.([0-9a-f]{40}|[0-9a-f]{64})(?: \d+)?$/.exec(index ?? "");
  if (ids?.[1]?.length !== ids?.[2]?.length || ids?.[1] === undefined || ids[2] === undefined) {
    throw malformed(cursor, "a binary patch needs an `index` line with both ids in full");
  }
  const forward = readDirection(cursor);
  if (forward === undefined) throw malformed(cursor, "expected `literal` or `delta` with a size");
  const reverse = readDirection(cursor);
  return { forward, ...(reverse && { reverse }), oldId: ids[1], newId: ids[2] };
}

function readDirection(cursor: Cursor): BinaryHunk | undefined {
  const match = /^(literal|delta) (0|[1-9]\d{0,9})$/.exec(peek(cursor) ?? "");
  if (match === null) return undefined;
  const begin = { ...cursor };
  cursor.at += 1;
  const size = Number(match[2]);
  if (size > LARGEST_BYTES)
    throw malformed(begin, `the binary content has ${size} bytes, at most ${LARGEST_BYTES} are read`);
  const packed: Buffer[] = [];
  for (let line = peek(cursor); line !== undefined && line !== ""; line = peek(cursor)) {
    packed.push(decodeLine(cursor, line));
    cursor.at += 1;
  }
  if (packed.length === 0 || take(cursor, "") === undefined) throw malformed(cursor, "the binary content ends early");
  const data = inflate(begin, Buffer.concat(packed), size);
  if (match[1] === "literal") return { form: "literal", data, size };
  const sizes = deltaSizes(data);
  if (sizes === undefined || sizes.result > LARGEST_BYTES) throw malformed(begin, "the delta cannot be read");
  return { form: "delta", data, size: sizes.result };
}

function decodeLine(cursor: Cursor, line: string): Buffer {
  const length = /^[A-Z]/.test(line) ? line.charCodeAt(0) - 64 : line.charCodeAt(0) - 96 + 26;
  const groups = (line.length - 1) / 5;
  if (!/^[A-Za-z]/.test(line) || groups !== Math.ceil(length / 4)) throw malformed(cursor, "no line of base 85");
  const bytes = Buffer.alloc(groups * 4);
  for (let group = 0; group < groups; group += 1) {
    let value = 0;
    for (const digit of line.slice(1 + group * 5, 6 + group * 5)) {
      const one = VALUES.get(digit);
      if (one === undefined) throw malformed(cursor, `${JSON.stringify(digit)} is no digit of base 85`);
      value = value * 85 + one;
    }
    if (value > 0xffffffff) throw malformed(cursor, "a group of base 85 is too large");
    bytes.writeUInt32BE(value, group * 4);
  }
  return bytes.subarray(0, length);
}

function inflate(begin: Cursor, packed: Buffer, size: number): Uint8Array {
  let data: Buffer | undefined;
  try {
    data = inflateSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch {
    throw malformed(begin, "the binary content cannot be inflated to the size that is stated");
  }
  if (data.length !== size) throw malformed(begin, "the binary content has another size than is stated");
  return data;
}

type Varint = { readonly value: number; readonly at: number };

function varint(data: Uint8Array, from: number): Varint | undefined {
  let value = 0;
  for (let at = from, shift = 0; at < data.length && shift <= 42; at += 1, shift += 7) {
    const byte = data[at] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if ((byte & 0x80) === 0) return { value, at: at + 1 };
  }
  return undefined;
}

/** Sizes of base and result that a delta begins with (pack-format, "Deltified representation"); undefined when cut off. */
export function deltaSizes(
  data: Uint8Array,
): { readonly base: number; readonly result: number; readonly at: number } | undefined {
  const base = varint(data, 0);
  const result = base && varint(data, base.at);
  return result && { base: base.value, result: result.value, at: result.at };
}

/** The content that a binary hunk makes of the other side's; undefined when it does not fit. */
export function applyBinary(before: Uint8Array, { form, data }: BinaryHunk): Uint8Array | undefined {
  if (form === "literal") return data;
  const sizes = deltaSizes(data);
  if (sizes === undefined || sizes.base !== before.length) return undefined;
  const out: Uint8Array[] = [];
  let [at, length] = [sizes.at, 0];
  while (at < data.length) {
    const step = deltaStep(data, at, before);
    if (step === undefined) return undefined;
    at = step.at;
    length += step.bytes.length;
    if (length > sizes.result) return undefined;
    out.push(step.bytes);
  }
  return length === sizes.result ? Buffer.concat(out) : undefined;
}

function deltaStep(data: Uint8Array, from: number, before: Uint8Array) {
  const command = data[from] ?? 0;
  let at = from + 1;
  if (command === 0) return undefined;
  if (command < 0x80) {
    const bytes = data.subarray(at, at + command);
    return bytes.length === command ? { bytes, at: at + command } : undefined;
  }
  let [offset, size] = [0, 0];
  for (let bit = 0; bit < 7; bit += 1) {
    if ((command & (1 << bit)) === 0) continue;
    const byte = data[at];
    if (byte === undefined) return undefined;
    at += 1;
    if (bit < 4) offset += byte * 2 ** (8 * bit);
    else size += byte * 2 ** (8 * (bit - 4));
  }
  const bytes = before.subarray(offset, offset + (size || 0x10000));
  return bytes.length === (size || 0x10000) ? { bytes, at } : undefined;
}
