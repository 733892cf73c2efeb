import type { Attributes } from "../../model/span.ts";
import { emptyValues, type Field, type Message, type Source, type Values } from "./message.ts";
import { checkItems, readKeyValue, readValue } from "./protobuf-value.ts";
import { reject } from "./rejection.ts";
import {
  partsOf,
  readBytes,
  readDouble,
  readFixed64,
  readInt64,
  readLength,
  readName,
  readTag,
  readUint32,
  skipField,
  wireOf,
  type Part,
  type Wire,
} from "./wire.ts";

/** A request in protobuf; nodes are parts of its body. */
export function protobufSource(body: Uint8Array): Source<Part> {
  const wire = wireOf(body);
  return {
    root: { from: 0, to: body.byteLength },
    below: (part, message, name) => partsOf(wire, part, (message[name]?.number ?? 0) * 8 + LENGTH),
    read: (part, message) => {
      wire.pos = part.from;
      return readMessage(wire, part.to, message);
    },
  };
}

/** Wire types of protobuf. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;

type Into = Record<string, unknown>;
type Read = (wire: Wire, end: number, into: Into) => void;

/** Readers of a message's fields by tag, made once each. */
const readers = new WeakMap<Message, ReadonlyMap<number, Read>>();

function readMessage<M extends Message>(wire: Wire, end: number, message: M): Values<M> {
  const known = readers.get(message) ?? readersOf(message);
  const into = emptyValues(message);
  while (wire.pos < end) {
    const tag = readTag(wire, end);
    const read = known.get(tag);
    if (read === undefined) skipField(wire, tag, end);
    else read(wire, end, into);
  }
  return into as Values<M>;
}

function readersOf(message: Message): ReadonlyMap<number, Read> {
  const made = new Map(
    Object.entries(message).flatMap(([name, field]) =>
      wireReaders(name, field).map(([wireType, read]) => [field.number * 8 + wireType, read] as const),
    ),
  );
  readers.set(message, made);
  return made;
}

/** How a field is read in each wire type that it may have: repeated numbers come packed and by themselves. */
function wireReaders(name: string, field: Field): readonly (readonly [number, Read])[] {
  const set =
    (value: (wire: Wire, end: number) => unknown): Read =>
    (wire, end, into) =>
      void (into[name] = value(wire, end));
  switch (field.kind) {
    case "text":
      return [[LENGTH, set(readName)]];
    case "traceId":
      return [[LENGTH, set((wire, end) => readId(wire, end, "traceId"))]];
    case "spanId":
      return [[LENGTH, set((wire, end) => readId(wire, end, "spanId"))]];
    case "time":
      return [[FIXED64, set(readFixed64)]];
    case "count":
      return [[FIXED64, set(readCount)]];
    case "double":
      return [[FIXED64, set(readDouble)]];
    case "sfixed64":
      return [[FIXED64, set((wire, end) => Number(BigInt.asIntN(64, readFixed64(wire, end))))]];
    case "sint32":
      return [[VARINT, set(readSint32)]];
    case "uint32":
    case "enum":
      return [[VARINT, set(readUint32)]];
    case "bool":
      return [[VARINT, set((wire, end) => readInt64(wire, end) !== 0)]];
    case "doubles":
      return repeated(name, FIXED64, readDouble);
    case "counts":
      return repeated(name, FIXED64, readCount);
    case "varints":
      return repeated(name, VARINT, readWhole);
    case "attributes":
      return [[LENGTH, (wire, end, into) => readAttribute(wire, end, into[name] as Attributes)]];
    case "any":
      // An AnyValue without a value is none.
      return [[LENGTH, set((wire, end) => readValue(wire, readLength(wire, end), 0) ?? undefined)]];
    case "one":
      return [[LENGTH, set((wire, end) => readMessage(wire, readLength(wire, end), field.of))]];
    case "many":
      return [[LENGTH, (wire, end, into) => push(into[name], readMessage(wire, readLength(wire, end), field.of))]];
  }
}

function repeated(name: string, wireType: number, read: (wire: Wire, end: number) => number) {
  const single: Read = (wire, end, into) => push(into[name], read(wire, end));
  const packed: Read = (wire, end, into) => {
    const to = readLength(wire, end);
    while (wire.pos < to) push(into[name], read(wire, to));
  };
  return [
    [wireType, single],
    [LENGTH, packed],
  ] as const;
}

function push(list: unknown, value: unknown): void {
  const items = list as unknown[];
  items.push(value);
  checkItems(items.length, "values in a list");
}

/** Attributes read so far, repeated keys too. */
const attributeCounts = new WeakMap<Attributes, number>();

function readAttribute(wire: Wire, end: number, into: Attributes): void {
  const count = (attributeCounts.get(into) ?? 0) + 1;
  attributeCounts.set(into, count);
  checkItems(count, "attributes");
  readKeyValue(wire, readLength(wire, end), { into, depth: 0 });
}

function readId(wire: Wire, end: number, kind: "traceId" | "spanId"): string | undefined {
  const hex = readBytes(wire, end, "hex");
  if (/^0*$/.test(hex)) return undefined;
  return hex.length === (kind === "traceId" ? 32 : 16) ? hex : reject(MALFORMED[kind]);
}

/** Reasons for ids of another length. */
export const MALFORMED = { traceId: "trace id is malformed", spanId: "span id is malformed" } as const;

function readCount(wire: Wire, end: number): number {
  const count = readFixed64(wire, end);
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : reject(TOO_MANY);
}

function readWhole(wire: Wire, end: number): number {
  const value = readInt64(wire, end);
  return typeof value === "number" && value >= 0 ? value : reject(TOO_MANY);
}

/** Reason for counts that no double holds. */
export const TOO_MANY = "count is out of range";

function readSint32(wire: Wire, end: number): number {
  const folded = readUint32(wire, end);
  return (folded >>> 1) ^ -(folded & 1);
}
