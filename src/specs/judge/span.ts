import { msInText, nameInText } from "../../analyze/names.ts";
import type { Json } from "../../model/json.ts";
import type { Tolerance } from "../condition.ts";
import type { Finding } from "../issue.ts";
import { spanAttribute } from "../selector/field.ts";
import { spanMeets, type Captures } from "../selector/select.ts";
import type { ErrorRule, Range, SpanRule, TagRule, TraceSpec } from "../spec.ts";
import type { TraceIndex } from "../trace-index.ts";
import { errorFindings, type Placed } from "./error.ts";
import { isWanted, shownValue, valueFor, wantedInText, wantedText } from "./value.ts";

/** What judging a span needs besides it. */
export type SpanContext = {
  readonly spec: TraceSpec;
  readonly index: TraceIndex;
  readonly captures: Captures;
  /** Whether an error condition speaks about the span, which then decides instead of the default. */
  readonly excused: (at: number) => boolean;
};

/** Everything that is wrong with a span as the fulfilment of a rule. */
export function spanFindings(rule: SpanRule, placed: Placed, context: SpanContext): Finding[] {
  return [
    ...durationFindings(rule, placed, context.spec.durationTolerance),
    ...tagFindings(rule, placed, context.captures),
    ...questionFindings(rule, placed, context),
    ...errorFindings(effectiveError(rule, placed, context), placed, context.captures),
  ];
}

function effectiveError(rule: SpanRule, { at }: Placed, { spec, excused }: SpanContext): ErrorRule {
  if (rule.error !== undefined) return rule.error;
  return { clause: `${rule.clause}.error`, mode: spec.errors === "allowed" || excused(at) ? "may" : "must_not" };
}

/** Whether a length is outside of its bounds even with the tolerance. */
export function outside(length: number, { min, max }: Range, { rel, abs }: Tolerance): "short" | "long" | undefined {
  if (length > max + abs + rel * max) return "long";
  return length < min - abs - rel * min ? "short" : undefined;
}

function durationFindings(
  { duration, durationClause }: SpanRule,
  { at, node }: Placed,
  tolerance: Tolerance,
): Finding[] {
  const { durationNs, name, service } = node.span;
  const side = outside(durationNs, duration, tolerance);
  if (side === undefined) return [];
  const bound = (side === "long" ? duration.max : duration.min) / 1e6;
  const words = side === "long" ? "longer than" : "shorter than";
  return [
    {
      list: "performance_issues",
      code: side === "long" ? "duration_too_long" : "duration_too_short",
      clause: `${durationClause}.${side === "long" ? "max" : "min"}`,
      message: `${nameInText(name)} took ${msInText(durationNs / 1e6)}, ${words} ${msInText(bound)}.`,
      spans: [at],
      operation: name,
      service,
      expected: { [side === "long" ? "max_ms" : "min_ms"]: bound },
      actual: durationNs / 1e6,
      violation: true,
    },
  ];
}

function tagFindings({ clause, tags, forbiddenTags }: SpanRule, placed: Placed, captures: Captures): Finding[] {
  const findings = tags.flatMap((tag) => tagFinding(tag, placed, captures) ?? []);
  const { span } = placed.node;
  for (const [i, key] of forbiddenTags.entries()) {
    const value = spanAttribute(span, key);
    if (value === undefined) continue;
    const message = `${nameInText(span.name)} must not have the attribute ${nameInText(key)}.`;
    const what = {
      clause: `${clause}.forbidden_tags[${i}]`,
      message,
      expected: `no ${key}`,
      actual: shownValue(value),
    };
    findings.push(attributeFinding("attribute_forbidden", placed, what));
  }
  return findings;
}

function tagFinding(tag: TagRule, placed: Placed, captures: Captures): Finding | undefined {
  const whole = spanAttribute(placed.node.span, tag.key);
  const value = valueFor(tag, whole);
  if ((tag.optional && whole === undefined) || isWanted(tag.wanted, value, captures)) return undefined;
  const expected = wantedText(tag.wanted, captures);
  const name = nameInText(placed.node.span.name);
  const message =
    value === undefined
      ? `${name} has no attribute ${nameInText(tag.key)}${whole === undefined ? "" : " with such a path"}, which is required.`
      : `The attribute ${nameInText(tag.key)} of ${name} must be ${wantedInText(tag.wanted, captures)}.`;
  const code = value === undefined ? "attribute_missing" : "attribute_differs";
  return attributeFinding(code, placed, { clause: tag.clause, message, expected, actual: shownValue(value) });
}

function questionFindings({ satisfies }: SpanRule, placed: Placed, { index, captures }: SpanContext): Finding[] {
  return satisfies.flatMap((question) => {
    if (spanMeets(question.where, placed.node, { index, captures })) return [];
    const message = `${nameInText(placed.node.span.name)} does not satisfy ${question.text}.`;
    const what = { clause: question.clause, message, expected: question.text, actual: null };
    return [attributeFinding("condition_broken", placed, what)];
  });
}

function attributeFinding(
  code: Finding["code"],
  { at, node }: Placed,
  what: { readonly clause: string; readonly message: string; readonly expected: Json; readonly actual: Json },
): Finding {
  const { name, service } = node.span;
  return { list: "attribute_issues", code, spans: [at], operation: name, service, violation: true, ...what };
}
