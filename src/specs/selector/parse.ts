import type { Condition } from "../condition.ts";
import { AGGREGATES, type Aggregate, type Relation, type Selector } from "./ast.ts";
import { parseField } from "./parse-field.ts";
import { parsePredicate } from "./parse-predicate.ts";
import { comparedWith, parseLiteral } from "./parse-value.ts";
import { readerOf, type Reader } from "./reader.ts";

/**
 * Parses a selector: the part of TraceQL that selects spans of one trace, with a few more operators (docs/specs.md).
 * @throws WhetstoneError `spec_invalid`: the message holds position and caret, `data.offset` the offset
 */
export function parseSelector(text: string): Selector {
  const reader = readerOf(text);
  const selector = pipeline(reader);
  if (!reader.atEnd()) throw reader.fault("this is more than a selector");
  return selector;
}

/** Parses the question about one span that stands in a selector's braces, with or without them. */
export function parseSpanPredicate(text: string): Extract<Selector, { kind: "spans" }> {
  const reader = readerOf(text);
  if (!reader.sees(/\{/y)) {
    const where = parsePredicate(reader);
    if (!reader.atEnd()) throw reader.fault("an operator or the end is expected");
    return { kind: "spans", where };
  }
  const selector = parseSelector(text);
  if (selector.kind === "spans") return selector;
  throw reader.fault("here one pair of braces is expected: the question is about one span", 0);
}

function pipeline(reader: Reader): Selector {
  let selector = either(reader);
  while (reader.take(/\|(?!\|)/y) !== undefined) selector = aggregate(reader, selector);
  return selector;
}

function either(reader: Reader): Selector {
  let left = both(reader);
  while (reader.take(/\|\|/y) !== undefined) left = { kind: "either", left, right: both(reader) };
  return left;
}

function both(reader: Reader): Selector {
  let left = related(reader);
  while (reader.take(/&&/y) !== undefined) left = { kind: "both", left, right: related(reader) };
  return left;
}

const FORMS = { "": "plain", "&": "union", "!": "negated" } as const;

function related(reader: Reader): Selector {
  let left = spans(reader);
  for (;;) {
    const found = reader.take(/([&!]?)(>>|<<|>|<|~)/y);
    if (found === undefined) return left;
    const form = FORMS[(found[1] ?? "") as keyof typeof FORMS];
    left = { kind: "relation", relation: found[2] as Relation, form, left, right: spans(reader) };
  }
}

function spans(reader: Reader): Selector {
  if (reader.take(/\(/y) !== undefined) {
    const inner = reader.nested(() => pipeline(reader));
    reader.need(/\)/y, "a closing bracket");
    return inner;
  }
  reader.need(/\{/y, 'a selector such as { span:name = "x" }');
  if (reader.take(/\}/y) !== undefined) return { kind: "spans", where: { kind: "constant", value: true } };
  const where = parsePredicate(reader);
  reader.need(/\}/y, "an operator or a closing brace");
  return { kind: "spans", where };
}

function aggregate(reader: Reader, of: Selector): Selector {
  const offset = reader.offset();
  const name = reader.take(/[A-Za-z_]+/y)?.[0] ?? "";
  if (!AGGREGATES.some((known) => known === name)) {
    const what = name === "" ? "a function is expected" : `${name}() is not supported`;
    throw reader.fault(`${what}; there are ${AGGREGATES.join("(), ")}()`, offset);
  }
  reader.need(/\(/y, "an opening bracket");
  const field = name === "count" ? undefined : parseField(reader);
  reader.need(/\)/y, "a closing bracket");
  const condition = bound(reader, field);
  return { kind: "aggregate", of, aggregate: name as Aggregate, condition, ...(field === undefined ? {} : { field }) };
}

function bound(reader: Reader, field: ReturnType<typeof parseField> | undefined): Condition {
  const comparison = reader.need(/!=|>=|<=|=|>|</y, "a comparison such as > 3")[0];
  const offset = reader.offset();
  const literal = parseLiteral(reader, field);
  if (typeof literal?.value !== "number") throw reader.fault("a number is expected", offset);
  return comparedWith(comparison as "=", literal.value, { reader, offset });
}
