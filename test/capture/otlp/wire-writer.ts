/** A varint of an unsigned integer. */
export function varint(value: bigint | number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.from([...bytes, Number(rest)]);
}

/** A field of wire type "varint". */
export const varintField = (field: number, value: bigint | number): Uint8Array =>
  Buffer.concat([varint(field * 8), varint(value)]);

/** A field of wire type "length". */
export const bytesField = (field: number, bytes: Uint8Array): Uint8Array =>
  Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);

export const textField = (field: number, text: string): Uint8Array => bytesField(field, Buffer.from(text));

export const fixed64Field = (field: number, value: bigint): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return Buffer.concat([varint(field * 8 + 1), bytes]);
};

export const fixed32Field = (field: number): Uint8Array => Buffer.concat([varint(field * 8 + 5), Buffer.alloc(4, 7)]);

/** A group (wire types 3 and 4) around other fields. */
export const group = (field: number, ...inner: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([varint(field * 8 + 3), ...inner, varint(field * 8 + 4)]);

/** Fields that no version of OTLP has, one of each wire type. */
export const UNKNOWN: Uint8Array = Buffer.concat([
  varintField(900, 2n ** 64n - 1n),
  fixed64Field(901, 5n),
  textField(902, "unknown"),
  group(903, varintField(1, 1), group(904, textField(1, "deep"), fixed32Field(2))),
  fixed32Field(905),
]);

const TRACE = Buffer.from("0af7651916cd43dd8448eb211c80319c", "hex");
const SPAN = Buffer.from("b7ad6b7169203331", "hex");

/** The fields of a small valid span. */
export const spanFields = (): Uint8Array[] => [
  bytesField(1, TRACE),
  bytesField(2, SPAN),
  fixed64Field(7, 10n),
  fixed64Field(8, 30n),
];

/** A request with one resource and one scope; `resource` and `scope` are the fields inside these messages. */
export function requestOf(
  spans: readonly (readonly Uint8Array[])[],
  { resource = [], scope = [] }: { resource?: readonly Uint8Array[]; scope?: readonly Uint8Array[] } = {},
): Uint8Array {
  const scoped = [bytesField(1, Buffer.concat(scope)), ...spans.map((fields) => bytesField(2, Buffer.concat(fields)))];
  return bytesField(1, Buffer.concat([bytesField(1, Buffer.concat(resource)), bytesField(2, Buffer.concat(scoped))]));
}

/** A `KeyValue` whose value is the given `AnyValue` fields. */
export const keyValue = (key: string, ...value: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([textField(1, key), bytesField(2, Buffer.concat(value))]);
