import { VALUE_TYPES, type Condition, type Plain } from "../condition.ts";
import { referencesOf, type Comparison, type Predicate } from "./ast.ts";
import type { Field } from "./field.ts";
import { parseField, seesField } from "./parse-field.ts";
import { comparedWith, parseLiteral } from "./parse-value.ts";
import type { Reader } from "./reader.ts";

/** Takes a question about one span: what stands between the braces. @throws WhetstoneError `spec_invalid` */
export function parsePredicate(reader: Reader): Predicate {
  const parts = [conjunction(reader)];
  while (reader.take(/\|\|/y) !== undefined) parts.push(conjunction(reader));
  return joined("any", parts);
}

function conjunction(reader: Reader): Predicate {
  const parts = [negation(reader)];
  while (reader.take(/&&/y) !== undefined) parts.push(negation(reader));
  return joined("all", parts);
}

function joined(kind: "any" | "all", parts: readonly Predicate[]): Predicate {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { kind, parts };
}

function negation(reader: Reader): Predicate {
  if (reader.take(/!(?![=~])|not(?![\w.:])/y) === undefined) return comparison(reader);
  return { kind: "not", part: reader.nested(() => negation(reader)) };
}

function comparison(reader: Reader): Predicate {
  if (reader.take(/\(/y) !== undefined) {
    const inner = reader.nested(() => parsePredicate(reader));
    reader.need(/\)/y, "an operator or a closing bracket");
    return inner;
  }
  const constant = reader.take(/(true|false)(?![\w.:])/y)?.[1];
  if (constant !== undefined) return { kind: "constant", value: constant === "true" };
  const field = parseField(reader);
  const operator = reader.take(/=~|!~|!=|>=|<=|=|>|</y)?.[0] as Comparison | undefined;
  if (operator !== undefined) return compared(reader, field, operator);
  const condition = wordCondition(reader, field);
  if (condition !== undefined) return { kind: "test", field, condition };
  if (field.kind === "intrinsic") throw reader.fault("an operator such as = is expected");
  return { kind: "test", field, condition: { op: "=", value: true } };
}

function compared(reader: Reader, field: Field, operator: Comparison): Predicate {
  if (seesField(reader)) refusePattern(reader, operator);
  if (seesField(reader)) return { kind: "fields", left: field, comparison: operator, right: parseField(reader) };
  const offset = reader.offset();
  const literal = parseLiteral(reader, field);
  if (literal === undefined) throw reader.fault('a value such as "text", 5, 2s or true is expected', offset);
  const { value } = literal;
  if (value === null) return { kind: "test", field, condition: existence(reader, operator, offset) };
  if (typeof value === "string" && referencesOf(value).length > 0) {
    refusePattern(reader, operator);
    return { kind: "captured", field, comparison: operator, text: value };
  }
  return { kind: "test", field, condition: comparedWith(operator, value, { reader, offset }) };
}

/** Patterns are compiled once, so they stand in the text. */
function refusePattern(reader: Reader, operator: Comparison): void {
  if (operator === "=~" || operator === "!~") throw reader.fault(`${operator} needs a pattern that is written out`);
}

function existence(reader: Reader, operator: Comparison, offset: number): Condition {
  if (operator === "=" || operator === "!=") return { op: "exists", wanted: operator === "!=" };
  throw reader.fault("nil is compared with = and != only", offset);
}

/** Operators that are words: `in`, `not in`, `contains`, `not contains`, `exists`, `is TYPE`. */
function wordCondition(reader: Reader, field: Field): Condition | undefined {
  const word = reader.take(/(not\s+)?(in|contains)(?![\w.:])|exists(?![\w.:])|is(?![\w.:])/y);
  if (word === undefined) return undefined;
  if (word[0] === "exists") return { op: "exists", wanted: true };
  if (word[0] === "is") return typeCondition(reader);
  const negated = word[1] !== undefined;
  if (word[2] === "in") return { op: negated ? "not_in" : "in", values: list(reader, field) };
  return { op: negated ? "not_contains" : "contains", value: plain(reader, field) };
}

function typeCondition(reader: Reader): Condition {
  const offset = reader.offset();
  const word = reader.take(/[A-Za-z]+/y)?.[0];
  const type = VALUE_TYPES.find((known) => known === word);
  if (type === undefined) throw reader.fault(`a type is expected: ${VALUE_TYPES.join(", ")}`, offset);
  return { op: "type", type };
}

function list(reader: Reader, field: Field): Plain[] {
  reader.need(/\[/y, "a list such as [1, 2]");
  const values = [plain(reader, field)];
  while (reader.take(/,/y) !== undefined) values.push(plain(reader, field));
  reader.need(/\]/y, "a comma or a closing bracket");
  return values;
}

function plain(reader: Reader, field: Field): Plain {
  const offset = reader.offset();
  const value = parseLiteral(reader, field)?.value;
  if (value === undefined || value === null) throw reader.fault("a value is expected", offset);
  if (typeof value === "string" && referencesOf(value).length > 0) {
    throw reader.fault("a captured value is compared with = != < <= > >= only", offset);
  }
  return value;
}
