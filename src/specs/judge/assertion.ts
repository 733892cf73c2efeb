import { nameInText } from "../../analyze/names.ts";
import type { Finding, IssueList } from "../issue.ts";
import { fieldsOf } from "../selector/ast.ts";
import { isDuration } from "../selector/parse-field.ts";
import { selectSpans, spanMeets, type Captures } from "../selector/select.ts";
import type { AssertionRule, Question, TraceSpec } from "../spec.ts";
import type { TraceIndex } from "../trace-index.ts";
import { broken } from "./order.ts";
import { rangeJson } from "./structure.ts";

/** Spans that one issue of an assertion names. */
const MOST_NAMED = 20;

/** What an assertion is judged by. */
export type AssertionContext = { readonly spec: TraceSpec; readonly index: TraceIndex; readonly captures: Captures };

/** What came of an assertion; `applied` false: its condition did not hold in this trace. */
export type AssertionResult = { readonly applied: boolean; readonly findings: readonly Finding[] };

/** Judges an assertion on one trace. */
export function judgeAssertion(rule: AssertionRule, context: AssertionContext): AssertionResult {
  const { index, captures } = context;
  const { when, unless } = rule;
  const holdsNot = when !== undefined && selectSpans(when, index, captures).length === 0;
  if (holdsNot || (unless !== undefined && selectSpans(unless, index, captures).length > 0)) {
    return { applied: false, findings: [] };
  }
  const spans = selectSpans(rule.select, index, captures);
  const findings = [
    ...countFinding(rule, spans, index),
    ...rule.each.flatMap((question) => questionFinding(rule, { question, quantity: "each", spans }, context)),
    ...rule.some.flatMap((question) => questionFinding(rule, { question, quantity: "some", spans }, context)),
    ...rule.none.flatMap((question) => questionFinding(rule, { question, quantity: "none", spans }, context)),
    ...orderFinding(rule, spans, context),
  ];
  return { applied: true, findings };
}

function countFinding(
  { clause, name, text, count }: AssertionRule,
  spans: readonly number[],
  index: TraceIndex,
): Finding[] {
  const few = spans.length < count.min;
  if (!few && spans.length <= count.max) return [];
  const first = index.nodes[spans[0] ?? -1]?.span;
  return [
    {
      list: few ? "missing_spans" : "unexpected_spans",
      code: few ? "selection_too_small" : "selection_too_large",
      clause: `${clause}.count`,
      message: `${name}: ${text} selects ${spans.length} spans, ${few ? `at least ${count.min}` : `at most ${count.max}`} are expected.`,
      spans: spans.slice(0, MOST_NAMED),
      ...(first === undefined ? {} : { operation: first.name, service: first.service }),
      expected: rangeJson(count),
      actual: spans.length,
      violation: true,
    },
  ];
}

type Quantified = {
  readonly question: Question;
  readonly quantity: "each" | "some" | "none";
  readonly spans: readonly number[];
};

function questionFinding(
  { name }: AssertionRule,
  { question, quantity, spans }: Quantified,
  { index, captures }: AssertionContext,
): Finding[] {
  const meets = (at: number): boolean => {
    const node = index.nodes[at];
    return node !== undefined && spanMeets(question.where, node, { index, captures });
  };
  const guilty = quantity === "none" ? spans.filter(meets) : spans.filter((at) => !meets(at));
  if (guilty.length === 0 || (quantity === "some" && guilty.length < spans.length)) return [];
  const first = index.nodes[guilty[0] ?? -1]?.span;
  const count = `${guilty.length} of ${spans.length} spans`;
  const verb = quantity === "none" ? "answer yes to" : "answer no to";
  return [
    {
      list: listOf(question),
      code: "condition_broken",
      clause: question.clause,
      message: `${name}: ${count} ${verb} ${question.text}${first === undefined ? "" : `, such as ${nameInText(first.name)}`}.`,
      spans: guilty.slice(0, MOST_NAMED),
      ...(first === undefined ? {} : { operation: first.name, service: first.service }),
      expected: `${quantity}: ${question.text}`,
      actual: count,
      violation: true,
    },
  ];
}

/** A question about durations alone is one of performance, about the status alone one of errors. */
function listOf({ where }: Question): IssueList {
  const fields = fieldsOf({ kind: "spans", where });
  if (fields.length > 0 && fields.every(isDuration)) return "performance_issues";
  const status = (name: string): boolean => name === "span:status" || name === "span:statusMessage";
  return fields.length > 0 && fields.every((field) => field.kind === "intrinsic" && status(field.name))
    ? "error_issues"
    : "attribute_issues";
}

/** `before` and `after`: a selector that selects nothing there is nothing that could be in order. */
function orderFinding(rule: AssertionRule, spans: readonly number[], context: AssertionContext): Finding[] {
  const { index, captures } = context;
  return (["before", "after"] as const).flatMap((key): Finding[] => {
    const selector = rule[key];
    if (selector === undefined || spans.length === 0) return [];
    const others = selectSpans(selector, index, captures);
    const [first, second] = key === "before" ? [spans, others] : [others, spans];
    const clause = `${rule.clause}.${key}`;
    if (others.length > 0)
      return [broken({ clause, first, second, by: "end" }, context)].filter((found) => found !== undefined);
    const message = `${rule.name}: nothing is selected that the spans could come ${key}.`;
    const what = { expected: { min: 1 }, actual: 0, violation: true };
    return [{ list: "missing_spans", code: "selection_too_small", clause, message, spans: [], ...what }];
  });
}
