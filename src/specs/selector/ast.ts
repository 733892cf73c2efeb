import type { Condition } from "../condition.ts";
import type { Field } from "./field.ts";

/** Comparison operators between two values. */
const COMPARISONS = ["=~", "!~", "!=", ">=", "<=", "=", ">", "<"] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** A question about one span. */
export type Predicate =
  | { readonly kind: "all" | "any"; readonly parts: readonly Predicate[] }
  | { readonly kind: "not"; readonly part: Predicate }
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "test"; readonly field: Field; readonly condition: Condition }
  /** The value of one field against that of another, of the same span. */
  | { readonly kind: "fields"; readonly left: Field; readonly comparison: Comparison; readonly right: Field }
  /** Against a captured value, known only when a trace is checked. */
  | { readonly kind: "captured"; readonly field: Field; readonly comparison: Comparison; readonly text: string };

/** How the spans of the right side stand to those of the left. */
const RELATIONS = [">>", "<<", ">", "<", "~"] as const;
export type Relation = (typeof RELATIONS)[number];

/** Functions over the values of a field in the selected spans. */
export const AGGREGATES = ["count", "avg", "min", "max", "sum"] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** A selection of spans of one trace. */
export type Selector =
  | { readonly kind: "spans"; readonly where: Predicate }
  | { readonly kind: "both" | "either"; readonly left: Selector; readonly right: Selector }
  | {
      readonly kind: "relation";
      readonly relation: Relation;
      /** `plain`: spans of the right side; `union`: of both sides; `negated`: of the right side that stand so to none. */
      readonly form: "plain" | "union" | "negated";
      readonly left: Selector;
      readonly right: Selector;
    }
  | {
      readonly kind: "aggregate";
      readonly of: Selector;
      readonly aggregate: Aggregate;
      readonly field?: Field;
      readonly condition: Condition;
    };

/** All fields that a selector asks for. */
export function fieldsOf(selector: Selector): readonly Field[] {
  switch (selector.kind) {
    case "spans":
      return predicateFields(selector.where);
    case "both":
    case "either":
    case "relation":
      return [...fieldsOf(selector.left), ...fieldsOf(selector.right)];
    case "aggregate":
      return [...(selector.field === undefined ? [] : [selector.field]), ...fieldsOf(selector.of)];
  }
}

function predicateFields(predicate: Predicate): readonly Field[] {
  switch (predicate.kind) {
    case "all":
    case "any":
      return predicate.parts.flatMap(predicateFields);
    case "not":
      return predicateFields(predicate.part);
    case "constant":
      return [];
    case "test":
    case "captured":
      return [predicate.field];
    case "fields":
      return [predicate.left, predicate.right];
  }
}

/** Names of captured values that a text refers to as `${name}`. */
export function referencesOf(text: string): readonly string[] {
  return [...text.matchAll(/\$\{([A-Za-z_][\w.-]*)\}/g)].map((match) => match[1] ?? "");
}

/** Names of captured values that a selector refers to. */
export function capturesOf(selector: Selector): readonly string[] {
  switch (selector.kind) {
    case "spans":
      return predicateCaptures(selector.where);
    case "both":
    case "either":
    case "relation":
      return [...capturesOf(selector.left), ...capturesOf(selector.right)];
    case "aggregate":
      return capturesOf(selector.of);
  }
}

function predicateCaptures(predicate: Predicate): readonly string[] {
  if (predicate.kind === "captured") return referencesOf(predicate.text);
  if (predicate.kind === "not") return predicateCaptures(predicate.part);
  return predicate.kind === "all" || predicate.kind === "any" ? predicate.parts.flatMap(predicateCaptures) : [];
}
