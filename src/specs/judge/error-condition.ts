import { nameInText } from "../../analyze/names.ts";
import { nameFits, spansNamed } from "../match/context.ts";
import type { Finding } from "../issue.ts";
import { spanMeets } from "../selector/select.ts";
import type { ErrorConditionRule } from "../spec.ts";
import type { TraceIndex } from "../trace-index.ts";
import type { AssertionContext } from "./assertion.ts";
import { errorFindings } from "./error.ts";
import { failureOf } from "./failure.ts";
import { rangeJson } from "./structure.ts";
import { isWanted } from "./value.ts";

/** Spans that an error condition speaks of, ascending. */
export function spansOfCondition(rule: ErrorConditionRule, { index, captures }: AssertionContext): readonly number[] {
  const { name, service, where } = rule;
  const named = name === undefined ? [...index.nodes.keys()] : spansNamed(name, index);
  return named.filter((at) => {
    const node = index.nodes[at];
    if (node === undefined || (service !== undefined && !nameFits(service, node.span.service))) return false;
    return where === undefined || spanMeets(where.where, node, { index, captures });
  });
}

/** Judges an error condition on the spans that it speaks of. */
export function judgeErrorCondition(
  rule: ErrorConditionRule,
  spans: readonly number[],
  context: AssertionContext,
): readonly Finding[] {
  if (rule.error.mode === "may") return [];
  return rule.error.mode === "must" ? mustFail(rule, spans, context) : mustNotFail(rule, spans, context);
}

/** As many spans as stated must fail in the stated way; of those that failed otherwise one says how. */
function mustFail(
  rule: ErrorConditionRule,
  spans: readonly number[],
  { index, captures }: AssertionContext,
): Finding[] {
  const failed = spans.filter((at) => failsAsStated(rule, at, { index, captures }));
  if (failed.length >= rule.count.min && failed.length <= rule.count.max) return [];
  if (failed.length < rule.count.min) {
    const otherwise = spans.find((at) => index.nodes[at]?.span.status === "error" && !failed.includes(at));
    const node = otherwise === undefined ? undefined : index.nodes[otherwise];
    if (node !== undefined && otherwise !== undefined)
      return errorFindings(rule.error, { at: otherwise, node }, captures);
  }
  const first = index.nodes[(failed.length > 0 ? failed : spans)[0] ?? -1]?.span;
  return [
    {
      list: "error_issues",
      code: failed.length < rule.count.min ? "error_absent" : "error_unexpected",
      clause: rule.clause,
      message: `${nameInText(rule.label)}: ${failed.length} of ${spans.length} spans fail as stated.`,
      spans: failed.length > 0 ? failed.slice(0, 20) : spans.slice(0, 20),
      ...(first === undefined ? {} : { operation: first.name, service: first.service }),
      expected: rangeJson(rule.count),
      actual: failed.length,
      violation: true,
    },
  ];
}

/** Only failures of the stated type, code and message are forbidden; without any of them all are. */
function mustNotFail(rule: ErrorConditionRule, spans: readonly number[], context: AssertionContext): Finding[] {
  return spans.flatMap((at) => {
    const node = context.index.nodes[at];
    if (node === undefined || !failsAsStated(rule, at, context)) return [];
    return errorFindings({ clause: rule.clause, mode: "must_not" }, { at, node }, context.captures);
  });
}

function failsAsStated(
  { error }: ErrorConditionRule,
  at: number,
  { index, captures }: { readonly index: TraceIndex } & Pick<AssertionContext, "captures">,
): boolean {
  const node = index.nodes[at];
  const failure = node === undefined ? undefined : failureOf(node.span);
  if (failure === undefined) return false;
  return (["type", "code", "message"] as const).every((part) => {
    const wanted = error[part];
    return wanted === undefined || isWanted(wanted, failure[part], captures);
  });
}
