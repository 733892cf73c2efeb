import type { YamlPath } from "../yaml/document.ts";
import {
  countAt,
  durationNs,
  fieldAt,
  nameAt,
  questionAt,
  questionsAt,
  rangeAt,
  selectorAt,
  tagsAt,
  wantedAt,
  type Compiler,
} from "./compile-value.ts";
import type { ErrorRuleText, ExpectedSpan } from "./schema.ts";
import { clauseOf, type ErrorRule, type Range, type SpanRule } from "./spec.ts";

/** What an expected span takes over from the one above it. */
export type Inherited = { readonly top: boolean; readonly open: boolean; readonly depth: number };

/** Deepest nesting of expected spans. */
export const DEEPEST = 64;

/** An expected span of the file as a rule, with its children. */
export function spanAt(
  compiler: Compiler,
  path: YamlPath,
  { span, inherited }: { readonly span: ExpectedSpan; readonly inherited: Inherited },
): SpanRule {
  const open = span.additional_children === undefined ? inherited.open : span.additional_children === "allowed";
  const below = { top: false, open, depth: inherited.depth + 1 };
  if (below.depth > DEEPEST) compiler.fault(path, `expected spans are nested deeper than ${DEEPEST}`);
  const inner = below.depth > DEEPEST ? [] : (span.children ?? []);
  return {
    clause: clauseOf(path),
    number: compiler.nextNumber(),
    ...identity(compiler, path, span),
    relation: relationAt(compiler, path, { span, top: inherited.top }),
    count: occurrences(compiler, path, span),
    ...conditions(compiler, path, span),
    ...duration(compiler, path, span),
    tags: [
      ...tagsAt(compiler, [...path, "required_tags"], { tags: span.required_tags, optional: false }),
      ...tagsAt(compiler, [...path, "optional_tags"], { tags: span.optional_tags, optional: true }),
    ],
    forbiddenTags: span.forbidden_tags ?? [],
    satisfies: questionsAt(compiler, [...path, "satisfies"], span.satisfies),
    ...(span.error === undefined ? {} : { error: errorRuleAt(compiler, [...path, "error"], span.error) }),
    after: listOf(span.after),
    startsAfter: listOf(span.starts_after),
    captures: Object.entries(span.capture ?? {}).map(([name, text]) => ({
      name,
      text,
      field: fieldAt(compiler, [...path, "capture", name], text),
    })),
    order: span.order ?? "any",
    open,
    children: inner.map((child, i) => spanAt(compiler, [...path, "children", i], { span: child, inherited: below })),
  };
}

function identity(compiler: Compiler, path: YamlPath, span: ExpectedSpan) {
  const { id, service_name: service, kind, where } = span;
  return {
    identity: JSON.stringify([span.operation_name, service, kind, where, span.relation === "root"]),
    name: nameAt(compiler, [...path, "operation_name"], span.operation_name),
    ...(id === undefined ? {} : { id }),
    ...(service === undefined ? {} : { service: nameAt(compiler, [...path, "service_name"], service) }),
    ...(kind === undefined ? {} : { kind }),
    ...(where === undefined
      ? {}
      : { where: questionAt({ ...compiler, captures: new Set() }, [...path, "where"], where) }),
  };
}

function relationAt(
  compiler: Compiler,
  path: YamlPath,
  { span, top }: { readonly span: ExpectedSpan; readonly top: boolean },
): SpanRule["relation"] {
  const { relation = top ? "anywhere" : "child" } = span;
  const fits = top ? relation === "anywhere" || relation === "root" : relation === "child" || relation === "descendant";
  if (fits) return relation;
  const where = top ? "at the top: anywhere or root" : "under another span: child or descendant";
  compiler.fault([...path, "relation"], `"${relation}" cannot stand here; ${where}`);
  return top ? "anywhere" : "child";
}

function occurrences(compiler: Compiler, path: YamlPath, { count = 1, optional }: ExpectedSpan): Range {
  const range = countAt(compiler, [...path, "count"], count);
  return optional === true ? { ...range, min: 0 } : range;
}

function conditions(compiler: Compiler, path: YamlPath, { when, unless }: ExpectedSpan) {
  const before = { ...compiler, captures: new Set<string>() };
  return {
    ...(when === undefined ? {} : { when: selectorAt(before, [...path, "when"], when) }),
    ...(unless === undefined ? {} : { unless: selectorAt(before, [...path, "unless"], unless) }),
  };
}

function duration(compiler: Compiler, path: YamlPath, { expected_duration_ms: ms, duration: text }: ExpectedSpan) {
  if (ms !== undefined && text !== undefined) {
    compiler.fault([...path, "duration"], "write either duration or expected_duration_ms");
  }
  const key = ms === undefined ? "duration" : "expected_duration_ms";
  const given = ms ?? (typeof text === "object" ? text : { max: text });
  const range = rangeAt(compiler, [...path, key], {
    min: given.min === undefined ? undefined : durationNs(given.min),
    max: given.max === undefined ? undefined : durationNs(given.max),
  });
  return { duration: range, durationClause: clauseOf([...path, key]) };
}

/** Whether a span may fail, from the words of the file. */
export function errorRuleAt(compiler: Compiler, path: YamlPath, rule: ErrorRuleText): ErrorRule {
  const clause = clauseOf(path);
  if (typeof rule === "string") {
    return { clause, mode: rule === "required" ? "must" : rule === "forbidden" ? "must_not" : "may" };
  }
  const { type, code, message } = rule;
  return {
    clause,
    mode: "must",
    ...(type === undefined ? {} : { type: wantedAt(compiler, [...path, "type"], type) }),
    ...(code === undefined ? {} : { code: wantedAt(compiler, [...path, "code"], code) }),
    ...(message === undefined ? {} : { message: wantedAt(compiler, [...path, "message"], message) }),
  };
}

function listOf(words: string | readonly string[] | undefined): readonly string[] {
  return words === undefined ? [] : typeof words === "string" ? [words] : words;
}
