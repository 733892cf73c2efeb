import type { Json } from "../../model/json.ts";
import type { Attributes } from "../../model/span.ts";

/**
 * Messages of opentelemetry-proto as tables: a field's name in OTLP JSON, its number in protobuf and its kind. Both
 * encodings are read by the same table, to the same values. (Spans, of which there are many more, have a decoder of their
 * own.)
 */
export type Message = Readonly<Record<string, Field>>;

/** A field: its number, and its kind or what message it holds (`many`: repeated). */
export type Field =
  | { readonly number: number; readonly kind: keyof ScalarValues }
  | { readonly number: number; readonly kind: "enum"; readonly names: readonly string[]; readonly prefix: string }
  | { readonly number: number; readonly kind: "one" | "many"; readonly of: Message };

/** What a field of a kind is read to. Absent fields have the value that proto3 gives them, or undefined where that tells. */
export type ScalarValues = {
  text: string;
  /** Lower-case hexadecimal; undefined where it is absent, empty or all zero. */
  traceId: string | undefined;
  spanId: string | undefined;
  /** fixed64, ns since the Unix epoch; 0 where it is absent. */
  time: bigint;
  /** fixed64, at most 2^53 − 1. */
  count: number;
  double: number | undefined;
  /** Nearest double. */
  sfixed64: number | undefined;
  sint32: number;
  uint32: number;
  bool: boolean;
  doubles: number[];
  /** repeated fixed64. */
  counts: number[];
  /** repeated uint64. */
  varints: number[];
  /** repeated KeyValue. */
  attributes: Attributes;
  /** AnyValue. */
  any: Json | undefined;
};

/** The values of a message. Enums are their numbers. */
export type Values<M extends Message> = {
  readonly [Name in keyof M]: M[Name] extends { readonly kind: infer Kind extends keyof ScalarValues }
    ? ScalarValues[Kind]
    : M[Name] extends { readonly kind: "one"; readonly of: infer Of extends Message }
      ? Values<Of> | undefined
      : M[Name] extends { readonly kind: "many"; readonly of: infer Of extends Message }
        ? readonly Values<Of>[]
        : number;
};

/** A field of a kind. */
export const field = <Kind extends keyof ScalarValues>(number: number, kind: Kind) => ({ number, kind });

/** A field that holds a message, or several. */
export const one = <Of extends Message>(number: number, of: Of) => ({ number, kind: "one" as const, of });
export const many = <Of extends Message>(number: number, of: Of) => ({ number, kind: "many" as const, of });

/** An enum; its names in JSON, without their prefix, in the order of their numbers from 0. */
export const enumeration = (number: number, prefix: string, names: readonly string[]) => ({
  number,
  kind: "enum" as const,
  names,
  prefix,
});

/** A request in either encoding: nodes are messages that are not read yet, so that a bad one costs no other. */
export type Source<Node> = {
  readonly root: Node;
  /** The messages in a field. */
  readonly below: (node: Node, message: Message, name: string) => Iterable<Node>;
  /** A message's own fields. @throws WhetstoneError `input_unreadable` with the reason why it is left out */
  readonly read: <M extends Message>(node: Node, message: M) => Values<M>;
};

/** Values of a message without fields. */
export function emptyValues(message: Message): Record<string, unknown> {
  return Object.fromEntries(Object.entries(message).map(([name, { kind }]) => [name, EMPTY[kind]?.()]));
}

const EMPTY: Readonly<Partial<Record<Field["kind"], () => unknown>>> = {
  text: () => "",
  time: () => 0n,
  count: () => 0,
  sint32: () => 0,
  uint32: () => 0,
  enum: () => 0,
  bool: () => false,
  doubles: () => [],
  counts: () => [],
  varints: () => [],
  attributes: () => ({}),
  many: () => [],
};
