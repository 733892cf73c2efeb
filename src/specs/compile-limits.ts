import type { YamlPath } from "../yaml/document.ts";
import { errorRuleAt } from "./compile-span.ts";
import { countAt, durationNs, nameAt, questionAt, rangeAt, type Compiler } from "./compile-value.ts";
import type { ErrorCondition, OperationConstraint, PerformanceConstraints } from "./schema.ts";
import { clauseOf, type ErrorConditionRule, type OperationRule, type TotalRule } from "./spec.ts";

/** Bounds on the totals of each trace. */
export function compileTotals(compiler: Compiler, limits: PerformanceConstraints): TotalRule[] {
  const top = "performance_constraints";
  const rules: TotalRule[] = [];
  const add = (key: string, of: TotalRule["of"], range: TotalRule["range"]): void => {
    rules.push({ clause: `${top}.${key}`, of, range });
  };
  const atMost = (key: "max_total_duration_ms" | "max_duration"): void => {
    const limit = limits[key];
    if (limit !== undefined) add(key, "duration", { min: 0, max: durationNs(limit) });
  };
  atMost("max_total_duration_ms");
  atMost("max_duration");
  const { min_total_duration_ms: least, max_span_count: spans, max_depth: depth } = limits;
  if (least !== undefined) add("min_total_duration_ms", "duration", { min: durationNs(least), max: Infinity });
  if (spans !== undefined) add("max_span_count", "spans", { min: 0, max: spans });
  if (depth !== undefined) add("max_depth", "depth", { min: 0, max: depth });
  const { max_error_count: errors, max_error_rate: rate } = limits;
  if (errors !== undefined) add("max_error_count", "errors", { min: 0, max: errors });
  if (rate !== undefined) add("max_error_rate", "error_rate", { min: 0, max: rate });
  const { span_count: count, service_count: services, totals = [] } = limits;
  if (count !== undefined) add("span_count", "spans", countAt(compiler, [top, "span_count"], count));
  if (services !== undefined) add("service_count", "services", countAt(compiler, [top, "service_count"], services));
  for (const [i, { attribute, min = -Infinity, max }] of totals.entries()) {
    add(`totals[${i}]`, { attribute }, rangeAt(compiler, [top, "totals", i], { min, max }));
  }
  return rules;
}

/** Bounds on operations. */
export function compileOperations(compiler: Compiler, operations: readonly OperationConstraint[]): OperationRule[] {
  return operations.map((limits, i) => {
    const path = ["performance_constraints", "operations", i];
    const service = limits.service_name;
    return {
      clause: clauseOf(path),
      name: nameAt(compiler, [...path, "operation_name"], limits.operation_name),
      ...(service === undefined ? {} : { service: nameAt(compiler, [...path, "service_name"], service) }),
      limits,
    };
  });
}

/** Error conditions. */
export function compileErrorConditions(compiler: Compiler, list: readonly ErrorCondition[]): ErrorConditionRule[] {
  return list.map((condition, i) => errorConditionAt(compiler, ["error_conditions", i], condition));
}

function errorConditionAt(compiler: Compiler, path: YamlPath, condition: ErrorCondition): ErrorConditionRule {
  const { operation_name: name, service_name: service, where, error_type: type, error_code: code } = condition;
  const mode = modeOf(compiler, path, condition);
  const error = errorRuleAt(compiler, path, {
    ...(type === undefined ? {} : { type }),
    ...(code === undefined ? {} : { code }),
    ...(condition.error_message === undefined ? {} : { message: condition.error_message }),
  });
  const label = condition.name ?? condition.description ?? (typeof name === "string" ? name : clauseOf(path));
  return {
    clause: clauseOf(path),
    label,
    ...(name === undefined ? {} : { name: nameAt(compiler, [...path, "operation_name"], name) }),
    ...(service === undefined ? {} : { service: nameAt(compiler, [...path, "service_name"], service) }),
    ...(where === undefined ? {} : { where: questionAt(compiler, [...path, "where"], where) }),
    error: { ...error, mode },
    count: countAt(compiler, [...path, "count"], condition.count ?? "1.."),
  };
}

function modeOf(compiler: Compiler, path: YamlPath, { must, may, expected }: ErrorCondition) {
  if ([must, may, expected].filter((word) => word !== undefined).length !== 1) {
    compiler.fault(path, "say one of must: fail, must: not_fail, may: fail");
  }
  if (may === "fail") return "may";
  return must === "fail" || expected === true ? "must" : "must_not";
}
