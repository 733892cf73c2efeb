import type { SpanNode } from "../../analyze/tree.ts";
import type { Json } from "../../model/json.ts";
import { holds, numberOf, textOf, type Plain } from "../condition.ts";
import type { TraceIndex } from "../trace-index.ts";
import { referencesOf, type Aggregate, type Predicate, type Selector } from "./ast.ts";
import { fieldValue } from "./field.ts";
import { comparedWith } from "./parse-value.ts";
import { related } from "./related.ts";

/** Values captured from the trace that is checked, by name. */
export type Captures = ReadonlyMap<string, Json>;
export const NO_CAPTURES: Captures = new Map();

/** Positions of the spans that a selector selects, ascending. Linear in the spans for every selector. */
export function selectSpans(selector: Selector, index: TraceIndex, captures: Captures = NO_CAPTURES): number[] {
  const mask = selected(selector, index, captures);
  const positions: number[] = [];
  for (const [at, flag] of mask.entries()) if (flag === 1) positions.push(at);
  return positions;
}

function selected(selector: Selector, index: TraceIndex, captures: Captures): Uint8Array {
  switch (selector.kind) {
    case "spans":
      return spansWhere(selector.where, index, captures);
    case "either":
    case "both": {
      const left = selected(selector.left, index, captures);
      const right = selected(selector.right, index, captures);
      if (selector.kind === "both" && !(left.includes(1) && right.includes(1))) return new Uint8Array(left.length);
      return left.map((flag, at) => flag | (right[at] ?? 0));
    }
    case "relation": {
      const left = selected(selector.left, index, captures);
      const right = selected(selector.right, index, captures);
      return related(selector, { left, right }, index);
    }
    case "aggregate": {
      const of = selected(selector.of, index, captures);
      return holds(selector.condition, aggregateValue(selector, of, index)) ? of : new Uint8Array(of.length);
    }
  }
}

function spansWhere(where: Predicate, index: TraceIndex, captures: Captures): Uint8Array {
  const mask = new Uint8Array(index.nodes.length);
  for (const [at, node] of index.nodes.entries()) if (spanMeets(where, node, { index, captures })) mask[at] = 1;
  return mask;
}

/** What a question about a span may look at besides the span. */
export type SelectContext = { readonly index: TraceIndex; readonly captures: Captures };

/** Whether a span meets a predicate. */
export function spanMeets(predicate: Predicate, node: SpanNode, context: SelectContext): boolean {
  switch (predicate.kind) {
    case "constant":
      return predicate.value;
    case "not":
      return !spanMeets(predicate.part, node, context);
    case "all":
      return predicate.parts.every((part) => spanMeets(part, node, context));
    case "any":
      return predicate.parts.some((part) => spanMeets(part, node, context));
    case "test":
      return holds(predicate.condition, fieldValue(predicate.field, node, context.index));
    case "fields": {
      const value = fieldValue(predicate.left, node, context.index);
      return comparesWith(predicate.comparison, value, fieldValue(predicate.right, node, context.index));
    }
    case "captured": {
      const value = fieldValue(predicate.field, node, context.index);
      return comparesWith(predicate.comparison, value, resolved(predicate.text, context.captures));
    }
  }
}

/** Two values that are both known only now; false when one is absent or no plain value. */
function comparesWith(
  comparison: Extract<Predicate, { kind: "fields" }>["comparison"],
  value: Json | undefined,
  wanted: Json | undefined,
): boolean {
  if (value === undefined || wanted === undefined) return false;
  if (comparison === "=~" || comparison === "!~") return false;
  return holds(comparedWith(comparison, typeof wanted === "object" ? textOf(wanted) : wanted), value);
}

/**
 * A text with captured values in the place of `${name}`; a text that is one reference keeps the type of the value.
 * Undefined when a value is missing.
 */
export function resolved(text: string, captures: Captures): Plain | undefined {
  const names = referencesOf(text);
  const [first] = names;
  if (first === undefined) return text;
  if (names.some((name) => !captures.has(name))) return undefined;
  const whole = captures.get(first);
  if (text === `\${${first}}` && whole !== undefined) return typeof whole === "object" ? textOf(whole) : whole;
  return text.replaceAll(/\$\{([A-Za-z_][\w.-]*)\}/g, (_, name: string) => textOf(captures.get(name) ?? ""));
}

/** The value of an aggregate; undefined where no selected span has a number. */
function aggregateValue(
  { aggregate, field }: Extract<Selector, { kind: "aggregate" }>,
  mask: Uint8Array,
  index: TraceIndex,
): number | undefined {
  if (field === undefined) return mask.reduce((sum, flag) => sum + flag, 0);
  const values: number[] = [];
  for (const [at, node] of index.nodes.entries()) {
    const value = mask[at] === 1 ? fieldValue(field, node, index) : undefined;
    const number = value === undefined ? undefined : numberOf(value);
    if (number !== undefined) values.push(number);
  }
  return values.length === 0 ? undefined : over(aggregate, values);
}

function over(aggregate: Aggregate, values: readonly number[]): number {
  if (aggregate === "count") return values.length;
  if (aggregate === "min") return values.reduce((least, value) => Math.min(least, value), Infinity);
  if (aggregate === "max") return values.reduce((most, value) => Math.max(most, value), -Infinity);
  const sum = values.reduce((total, value) => total + value, 0);
  return aggregate === "sum" ? sum : sum / values.length;
}
