import { WhetstoneError } from "../../model/error.ts";
import { nearest } from "../../model/nearest.ts";
import { SPAN_KINDS, SPAN_STATUSES } from "../../model/span.ts";
import { parseDuration } from "../../model/time.ts";
import type { Condition, Plain } from "../condition.ts";
import { compilePattern } from "../pattern.ts";
import { isDuration } from "./parse-field.ts";
import type { Comparison } from "./ast.ts";
import type { Field } from "./field.ts";
import type { Reader } from "./reader.ts";

/** A value that a selector writes out; `nil` is null. */
export type Literal = { readonly value: Plain | null; readonly duration: boolean };

const DURATION = /-?\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d)(?![\w.])/y;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
const WORD = /[A-Za-z_]+(?![\w.:])/y;

/** Takes a literal; checks it against the field that it is compared with. @throws WhetstoneError `spec_invalid` */
export function parseLiteral(reader: Reader, field: Field | undefined): Literal | undefined {
  const offset = reader.offset();
  const literal = plainLiteral(reader);
  if (literal === undefined || literal.value === null) return literal;
  if (isDuration(field) && !literal.duration) {
    throw reader.fault("a duration with a unit such as 250ms or 2s is expected", offset);
  }
  const words = wordsOf(field);
  if (words !== undefined && typeof literal.value === "string" && !words.includes(literal.value)) {
    const near = nearest(literal.value, words);
    const hint = near === undefined ? `one of ${words.join(", ")} is expected` : `did you mean ${near}?`;
    throw reader.fault(`"${literal.value}" is none of the values of this field: ${hint}`, offset);
  }
  return literal;
}

function wordsOf(field: Field | undefined): readonly string[] | undefined {
  if (field?.kind !== "intrinsic") return undefined;
  if (field.name === "span:status") return SPAN_STATUSES;
  return field.name === "span:kind" ? SPAN_KINDS : undefined;
}

function plainLiteral(reader: Reader): Literal | undefined {
  const text = quoted(reader);
  if (text !== undefined) return { value: text, duration: false };
  const duration = reader.take(DURATION)?.[0];
  if (duration !== undefined) {
    const sign = duration.startsWith("-") ? -1 : 1;
    return { value: sign * parseDuration(duration.replace("-", "")), duration: true };
  }
  const number = reader.take(NUMBER)?.[0];
  if (number !== undefined) return { value: Number(number), duration: false };
  const offset = reader.offset();
  const word = reader.take(WORD)?.[0];
  if (word === undefined) return undefined;
  if (word === "nil") return { value: null, duration: false };
  if (word === "true" || word === "false") return { value: word === "true", duration: false };
  if ([...SPAN_STATUSES, ...SPAN_KINDS].some((known) => known === word)) return { value: word, duration: false };
  throw reader.fault(`${word} is neither a value nor a field; text stands in quotes`, offset);
}

/** Text in double or single quotes with `\` before quotes and `\n \t`, or in backquotes as it stands. */
function quoted(reader: Reader): string | undefined {
  const offset = reader.offset();
  const raw = reader.take(/`([^`]*)`/y);
  if (raw !== undefined) return raw[1] ?? "";
  const found = reader.take(/"((?:[^"\\]|\\[^])*)"|'((?:[^'\\]|\\[^])*)'/y);
  if (found === undefined) {
    if (reader.sees(/["'`]/y)) throw reader.fault("the text is not closed", offset);
    return undefined;
  }
  return (found[1] ?? found[2] ?? "").replaceAll(/\\([^])/g, (both, character: string) => ESCAPES[character] ?? both);
}

/** An unknown escape stays as it is, so that patterns need no double backslashes. */
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", '"': '"', "'": "'", "\\": "\\" };

/** A condition that compares with a plain value. @throws WhetstoneError `spec_invalid` for a bad pattern */
export function comparedWith(
  comparison: Comparison,
  value: Plain,
  place?: { readonly reader: Reader; readonly offset: number },
): Condition {
  if (comparison !== "=~" && comparison !== "!~") return { op: comparison, value };
  const text = String(value);
  try {
    return { op: comparison === "=~" ? "matches" : "not_matches", pattern: compilePattern(text), text };
  } catch (error) {
    if (place === undefined || !(error instanceof WhetstoneError)) throw error;
    const [what = ""] = error.message.split(" (position");
    throw place.reader.fault(`in this pattern: ${what}`, place.offset + 1 + Number(error.data["offset"] ?? 0));
  }
}
