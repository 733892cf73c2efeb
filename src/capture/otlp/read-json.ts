import { isObject, type JsonObject } from "../jsonrpc.ts";
import { boundedList, checkedText, decodeAttributes, decodeValue, listOf } from "./any-value.ts";
import { enumIndex, idField } from "./fields.ts";
import { emptyValues, type Field, type Message, type Source, type Values } from "./message.ts";
import { MALFORMED, TOO_MANY } from "./read-protobuf.ts";
import { reject } from "./rejection.ts";

/** A request in OTLP JSON; nodes are values of the parsed document. */
export function jsonSource(document: unknown): Source<unknown> {
  return {
    root: document,
    below: (node, message, name) => {
      const value = objectOf(node)[name];
      return message[name]?.kind === "many" ? listOf(value) : value === undefined || value === null ? [] : [value];
    },
    read: (node, message) => readMessage(objectOf(node), message),
  };
}

const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : reject("a message is no object"));

function readMessage<M extends Message>(object: JsonObject, message: M): Values<M> {
  const into = emptyValues(message);
  for (const [name, field] of Object.entries(message)) {
    const value = object[name];
    // proto3 JSON: null is absent.
    if (value !== undefined && value !== null) into[name] = readField(value, field, name);
  }
  return into as Values<M>;
}

function readField(value: unknown, field: Field, name: string): unknown {
  switch (field.kind) {
    case "text":
      return typeof value === "string" ? checkedText(value) : reject(`${name} is no text`);
    case "traceId":
      return readId(value, 16, field.kind);
    case "spanId":
      return readId(value, 8, field.kind);
    case "time":
      return wholeNumber(value, name);
    case "count":
      return countOf(value, name);
    case "double":
      return doubleOf(value, name);
    case "sfixed64":
      return integerOf(value, name);
    case "sint32":
    case "uint32":
      return int32Of(value, name);
    case "enum":
      return enumIndex(value, field.prefix, field.names);
    case "bool":
      return typeof value === "boolean" ? value : reject(`${name} is neither true nor false`);
    case "doubles":
      return boundedList(value, `values in ${name}`).map((item) => doubleOf(item, name));
    case "counts":
    case "varints":
      return boundedList(value, `values in ${name}`).map((item) => countOf(item, name));
    case "attributes":
      return decodeAttributes(value);
    case "any":
      return decodeValue(value) ?? undefined;
    case "one":
      return readMessage(objectOf(value), field.of);
    case "many":
      return boundedList(value, `values in ${name}`).map((item) => readMessage(objectOf(item), field.of));
  }
}

/** Absent, empty and all zero are the same in protobuf. */
function readId(value: unknown, bytes: 8 | 16, kind: keyof typeof MALFORMED): string | undefined {
  if (typeof value !== "string") reject(MALFORMED[kind]);
  if (/^0*$/.test(value) || /^A+=*$/.test(value)) return undefined;
  return idField(value, bytes, kind === "traceId" ? "trace id" : "span id");
}

function wholeNumber(value: unknown, name: string): bigint {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return BigInt(value);
  if (typeof value === "string" && /^\d{1,20}$/.test(value)) return BigInt(value);
  return reject(`${name} is malformed`);
}

function countOf(value: unknown, name: string): number {
  const count = wholeNumber(value, name);
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : reject(TOO_MANY);
}

function doubleOf(value: unknown, name: string): number {
  if (typeof value === "number") return value;
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  return Number.isNaN(number) ? reject(`${name} is no number`) : number;
}

function integerOf(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  return typeof value === "string" && /^-?\d{1,20}$/.test(value)
    ? Number(BigInt(value))
    : reject(`${name} is malformed`);
}

function int32Of(value: unknown, name: string): number {
  const number = integerOf(value, name);
  return Math.abs(number) < 2 ** 32 ? number : reject(`${name} is out of range`);
}
