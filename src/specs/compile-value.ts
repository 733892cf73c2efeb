import { messageOf, WhetstoneError } from "../model/error.ts";
import { parseDuration } from "../model/time.ts";
import type { YamlPath } from "../yaml/document.ts";
import type { Condition, Plain, Tolerance } from "./condition.ts";
import { parseJsonPath } from "./json-path.ts";
import { compilePattern } from "./pattern.ts";
import type { ConditionText, NameText, TagsText } from "./schema.ts";
import { capturesOf, referencesOf, type Selector } from "./selector/ast.ts";
import { parseSelector, parseSpanPredicate } from "./selector/parse.ts";
import { parseField } from "./selector/parse-field.ts";
import { readerOf } from "./selector/reader.ts";
import type { Field } from "./selector/field.ts";
import { clauseOf, type NameRule, type Question, type Range, type TagRule, type Wanted } from "./spec.ts";

/** Collects what is wrong with a specification besides its shape. */
export type Compiler = {
  readonly fault: (path: YamlPath, message: string) => void;
  /** Names that `${name}` may refer to. */
  readonly captures: ReadonlySet<string>;
  readonly tolerances: Readonly<
    Record<string, { readonly rel?: number | undefined; readonly abs?: number | undefined }>
  >;
  readonly nextNumber: () => number;
};

/** Selects nothing; stands for a selector that could not be read. */
const NONE: Extract<Selector, { kind: "spans" }> = { kind: "spans", where: { kind: "constant", value: false } };

/** Runs a part of the compilation; what it throws becomes a fault at the path. */
export function attempt<T>(compiler: Compiler, path: YamlPath, part: () => T): T | undefined {
  try {
    return part();
  } catch (error) {
    if (!(error instanceof WhetstoneError)) throw error;
    compiler.fault(path, messageOf(error));
    return undefined;
  }
}

/** A selector of the file. */
export function selectorAt(compiler: Compiler, path: YamlPath, text: string): Selector {
  const selector = attempt(compiler, path, () => parseSelector(text)) ?? NONE;
  refer(compiler, path, capturesOf(selector));
  return selector;
}

/** A question about one span. */
export function questionAt(compiler: Compiler, path: YamlPath, text: string): Question {
  const selector = attempt(compiler, path, () => parseSpanPredicate(text)) ?? NONE;
  refer(compiler, path, capturesOf(selector));
  return { clause: clauseOf(path), text, where: selector.where };
}

/** One question or several. */
export function questionsAt(
  compiler: Compiler,
  path: YamlPath,
  texts: string | readonly string[] | undefined,
): readonly Question[] {
  if (texts === undefined) return [];
  if (typeof texts === "string") return [questionAt(compiler, path, texts)];
  return texts.map((text, i) => questionAt(compiler, [...path, i], text));
}

/** A field of the file, for values that are captured. */
export function fieldAt(compiler: Compiler, path: YamlPath, text: string): Field {
  const field = attempt(compiler, path, () => {
    const reader = readerOf(text);
    const parsed = parseField(reader);
    if (!reader.atEnd()) throw reader.fault("this is more than a field");
    return parsed;
  });
  return field ?? { kind: "intrinsic", name: "span:id" };
}

function refer(compiler: Compiler, path: YamlPath, names: readonly string[]): void {
  for (const name of names) {
    if (compiler.captures.has(name)) continue;
    const known = [...compiler.captures].join(", ");
    compiler.fault(path, `\${${name}} is captured nowhere; ${known === "" ? "nothing is" : `there are ${known}`}`);
  }
}

/** A name, a pattern or a template of names. */
export function nameAt(compiler: Compiler, path: YamlPath, name: NameText): NameRule {
  if (typeof name === "string") return { kind: "exact", text: name };
  const parts = Object.entries(name).filter(([, value]) => value !== undefined);
  if (parts.length === 0) compiler.fault(path, "an empty condition; write the name");
  if (name.template !== undefined && parts.length === 1) return { kind: "template", template: name.template };
  const conditions: Condition[] = [];
  if (name.in !== undefined) conditions.push({ op: "in", values: name.in });
  if (name.contains !== undefined) conditions.push({ op: "contains", value: name.contains });
  if (name.template !== undefined) conditions.push({ op: "template", template: name.template });
  const { matches } = name;
  const pattern =
    matches === undefined ? undefined : attempt(compiler, [...path, "matches"], () => compilePattern(matches));
  if (matches !== undefined && pattern !== undefined) conditions.push({ op: "matches", pattern, text: matches });
  return { kind: "condition", condition: { op: "all", parts: conditions }, text: JSON.stringify(name) };
}

/** Attributes with what they must be. */
export function tagsAt(
  compiler: Compiler,
  path: YamlPath,
  { tags, optional }: { readonly tags: TagsText | undefined; readonly optional: boolean },
): TagRule[] {
  if (tags === undefined) return [];
  if (Array.isArray(tags)) {
    const wanted: Wanted = { kind: "condition", condition: { op: "exists", wanted: true }, text: "exists" };
    return tags.map((key, i) => ({ clause: clauseOf([...path, i]), key, wanted, optional }));
  }
  return Object.entries(tags).map(([key, value]) => {
    const at = [...path, key];
    const text = typeof value === "object" ? value.path : undefined;
    const jsonPath = text === undefined ? undefined : attempt(compiler, [...at, "path"], () => parseJsonPath(text));
    const rule = { clause: clauseOf(at), key, wanted: wantedAt(compiler, at, value), optional };
    return jsonPath === undefined ? rule : { ...rule, path: jsonPath };
  });
}

/** A value or a condition of the file. */
export function wantedAt(compiler: Compiler, path: YamlPath, value: Plain | ConditionText): Wanted {
  const plain = typeof value === "object" ? onlyEqual(value) : value;
  if (typeof plain === "string" && referencesOf(plain).length > 0) {
    refer(compiler, path, referencesOf(plain));
    return { kind: "captured", text: plain };
  }
  if (typeof value !== "object") {
    const tolerance = toleranceOf(compiler, path);
    return { kind: "condition", condition: { op: "=", value, ...tolerance }, text: `= ${JSON.stringify(value)}` };
  }
  const { path: _path, ...words } = value;
  return { kind: "condition", condition: conditionAt(compiler, path, value), text: JSON.stringify(words) };
}

function onlyEqual(value: ConditionText): Plain | undefined {
  const words = Object.keys(value).filter((key) => key !== "path");
  return words.length === 1 ? value["="] : undefined;
}

function toleranceOf(compiler: Compiler, path: YamlPath): { tolerance?: Tolerance } {
  const tolerance = compiler.tolerances[String(path.at(-1))];
  return tolerance === undefined ? {} : { tolerance: { rel: tolerance.rel ?? 0, abs: tolerance.abs ?? 0 } };
}

function conditionAt(compiler: Compiler, path: YamlPath, text: ConditionText): Condition {
  const parts: Condition[] = [];
  for (const op of ["=", "!="] as const) {
    const value = text[op];
    if (value !== undefined) parts.push({ op, value, ...toleranceOf(compiler, path) });
  }
  for (const op of ["<", "<=", ">", ">=", "contains", "not_contains"] as const) {
    const value = text[op];
    if (value !== undefined) parts.push({ op, value });
  }
  for (const op of ["in", "not_in"] as const) {
    const values = text[op];
    if (values !== undefined) parts.push({ op, values });
  }
  for (const op of ["matches", "not_matches"] as const) {
    const source = text[op];
    const pattern = source === undefined ? undefined : attempt(compiler, [...path, op], () => compilePattern(source));
    if (source !== undefined && pattern !== undefined) parts.push({ op, pattern, text: source });
  }
  if (text.type !== undefined) parts.push({ op: "type", type: text.type });
  if (text.exists !== undefined) parts.push({ op: "exists", wanted: text.exists });
  if (text.not !== undefined) parts.push({ op: "not", inner: conditionAt(compiler, [...path, "not"], text.not) });
  if (parts.length === 0) compiler.fault(path, "a condition without any operator");
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { op: "all", parts };
}

/** A count of the file as a range. */
export function countAt(
  compiler: Compiler,
  path: YamlPath,
  count: number | string | { readonly min?: number | undefined; readonly max?: number | undefined },
): Range {
  if (typeof count === "number") return { min: count, max: count };
  if (typeof count === "object") return rangeAt(compiler, path, count);
  const [low = "", high] = count.split("..");
  if (high === undefined) return { min: Number(low), max: Number(low) };
  return rangeAt(compiler, path, { min: Number(low), max: high === "" ? Infinity : Number(high) });
}

/** Bounds of the file as a range; a bound that is absent is none. */
export function rangeAt(
  compiler: Compiler,
  path: YamlPath,
  { min = 0, max = Infinity }: { readonly min?: number | undefined; readonly max?: number | undefined },
): Range {
  if (min > max) compiler.fault(path, `the range runs backwards: ${min} is more than ${max}`);
  return { min, max };
}

/** A duration of the file in ns: text with a unit, or a number of ms. */
export function durationNs(duration: number | string): number {
  return typeof duration === "number" ? duration * 1e6 : parseDuration(duration);
}
