import { nameInText } from "../../analyze/names.ts";
import type { Json } from "../../model/json.ts";
import { holds, textOf } from "../condition.ts";
import { valuesAt } from "../json-path.ts";
import { resolved, type Captures } from "../selector/select.ts";
import type { TagRule, Wanted } from "../spec.ts";

/** Longest value that an issue repeats, in characters; a longer one is cut and says so. */
export const LONGEST_VALUE = 500;

/** Whether a value is what is wanted; false when that needs a captured value that is missing. */
export function isWanted(wanted: Wanted, value: Json | undefined, captures: Captures): boolean {
  if (wanted.kind === "condition") return holds(wanted.condition, value);
  const expected = resolved(wanted.text, captures);
  return expected !== undefined && holds({ op: "=", value: expected }, value);
}

/** What is wanted, for people: `= "x"`, with captured values in their place. */
export function wantedText(wanted: Wanted, captures: Captures): string {
  if (wanted.kind === "condition") return wanted.text;
  const expected = resolved(wanted.text, captures);
  return expected === undefined ? `= ${wanted.text} (not captured)` : `= ${JSON.stringify(expected)}`;
}

/** What is wanted within a sentence: plain characters only, since a generated specification repeats the telemetry. */
export function wantedInText(wanted: Wanted, captures: Captures): string {
  const { condition } = wanted.kind === "condition" ? wanted : { condition: undefined };
  const value =
    wanted.kind === "captured" ? resolved(wanted.text, captures) : condition?.op === "=" ? condition.value : undefined;
  return value === undefined ? "as the specification says" : nameInText(String(value));
}

/** The value that a rule about an attribute is about: the attribute, or what its JSON path leads to. */
export function valueFor({ path }: Pick<TagRule, "path">, value: Json | undefined): Json | undefined {
  if (path === undefined || value === undefined) return value;
  const found = valuesAt(value, path);
  return found.length > 1 ? [...found] : found[0];
}

/** A value as an issue repeats it: null for none, long text cut with its length. */
export function shownValue(value: Json | undefined): Json {
  if (value === undefined) return null;
  const text = textOf(value);
  if (text.length <= LONGEST_VALUE) return value;
  return `${text.slice(0, LONGEST_VALUE).toWellFormed()}… (${text.length} characters)`;
}
