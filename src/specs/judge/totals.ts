import { numberOf } from "../condition.ts";
import type { Finding } from "../issue.ts";
import { nameFits, spansNamed } from "../match/context.ts";
import { spanAttribute } from "../selector/field.ts";
import type { OperationRule, TotalRule, TraceSpec } from "../spec.ts";
import type { TraceIndex } from "../trace-index.ts";
import { outside } from "./span.ts";
import { rangeJson } from "./structure.ts";

/** What is wrong with the totals of one trace. */
export function totalFindings(spec: TraceSpec, index: TraceIndex): Finding[] {
  return [
    ...spec.totals.flatMap((rule) => totalFinding(rule, spec, index) ?? []),
    ...spec.operations.flatMap((rule) => perTraceFindings(rule, spec, index)),
  ];
}

function totalFinding(rule: TotalRule, spec: TraceSpec, index: TraceIndex): Finding | undefined {
  const value = totalOf(rule.of, index);
  const isDuration = rule.of === "duration";
  const side = outside(value, rule.range, isDuration ? spec.durationTolerance : { rel: 0, abs: 0 });
  if (side === undefined) return undefined;
  const scale = isDuration ? 1e6 : 1;
  const what = typeof rule.of === "object" ? `sum of ${rule.of.attribute}` : rule.of.replace("_", " ");
  const bound = (side === "long" ? rule.range.max : rule.range.min) / scale;
  const limit = side === "long" ? "at most" : "at least";
  return {
    list: rule.of === "errors" || rule.of === "error_rate" ? "error_issues" : "performance_issues",
    code: isDuration ? (side === "long" ? "duration_too_long" : "duration_too_short") : "total_out_of_range",
    clause: rule.clause,
    message: `The trace's ${what} is ${value / scale}${isDuration ? " ms" : ""}, ${limit} ${bound} is expected.`,
    spans: heaviest(rule.of, index),
    expected: rangeJson({ min: rule.range.min / scale, max: rule.range.max / scale }),
    actual: value / scale,
    violation: true,
  };
}

function totalOf(of: TotalRule["of"], { nodes, tree }: TraceIndex): number {
  switch (of) {
    case "duration":
      return tree.durationNs;
    case "spans":
      return nodes.length;
    case "services":
      return new Set(nodes.map(({ span }) => span.service)).size;
    case "depth":
      return nodes.reduce((deepest, { depth }) => Math.max(deepest, depth + 1), 0);
    case "errors":
      return nodes.filter(({ span }) => span.status === "error").length;
    case "error_rate":
      return nodes.filter(({ span }) => span.status === "error").length / nodes.length;
    default:
      return nodes.reduce((sum, { span }) => sum + (numberOf(spanAttribute(span, of.attribute) ?? null) ?? 0), 0);
  }
}

/** Spans that a total is worth looking at for: the roots, the failed ones, or those with the attribute. */
function heaviest(of: TotalRule["of"], { nodes }: TraceIndex): number[] {
  const positions = [...nodes.keys()].filter((at) => {
    const node = nodes[at];
    if (node === undefined) return false;
    if (of === "errors" || of === "error_rate") return node.span.status === "error";
    if (typeof of === "object") return spanAttribute(node.span, of.attribute) !== undefined;
    return node.parent === undefined;
  });
  return positions.slice(0, 20);
}

/** Positions of the spans of an operation. */
export function spansOfOperation({ name, service }: OperationRule, index: TraceIndex): readonly number[] {
  return spansNamed(name, index).filter(
    (at) => service === undefined || nameFits(service, index.nodes[at]?.span.service ?? ""),
  );
}

/** Calls and time of an operation within one trace. */
function perTraceFindings(rule: OperationRule, spec: TraceSpec, index: TraceIndex): Finding[] {
  const { max_calls: calls, max_total_ms: total } = rule.limits;
  if (calls === undefined && total === undefined) return [];
  const spans = spansOfOperation(rule, index);
  const first = index.nodes[spans[0] ?? -1]?.span;
  const base = {
    list: "performance_issues",
    spans: spans.slice(0, 20),
    ...(first === undefined ? {} : { operation: first.name, service: first.service }),
    violation: true,
  } as const;
  const findings: Finding[] = [];
  if (calls !== undefined && spans.length > calls) {
    const message = `${spans.length} calls in one trace, at most ${calls} are expected.`;
    const what = { message, expected: { max: calls }, actual: spans.length };
    findings.push({ ...base, ...what, code: "total_out_of_range", clause: `${rule.clause}.max_calls` });
  }
  const sum = spans.reduce((ns, at) => ns + (index.nodes[at]?.span.durationNs ?? 0), 0);
  if (total !== undefined && outside(sum, { min: 0, max: total * 1e6 }, spec.durationTolerance) === "long") {
    const message = `The calls take ${sum / 1e6} ms together, at most ${total} ms are expected.`;
    const what = { message, expected: { max_ms: total }, actual: sum / 1e6 };
    findings.push({ ...base, ...what, code: "duration_too_long", clause: `${rule.clause}.max_total_ms` });
  }
  return findings;
}
