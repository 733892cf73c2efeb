import { nearest } from "../model/nearest.ts";
import type { YamlPath } from "../yaml/document.ts";
import { compileErrorConditions, compileOperations, compileTotals } from "./compile-limits.ts";
import { spanAt } from "./compile-span.ts";
import { countAt, durationNs, fieldAt, questionsAt, rangeAt, selectorAt, type Compiler } from "./compile-value.ts";
import type { Assertion, ExpectedSpan, TraceSpecFile } from "./schema.ts";
import { clauseOf, type AssertionRule, type SpanRule, type TraceSpec } from "./spec.ts";

/** Something wrong with a specification that is not its shape. */
export type CompileFault = { readonly path: YamlPath; readonly message: string };

/** Most expected spans of a specification. */
export const MOST_RULES = 5_000;

/** Makes a file ready to be checked. Every fault is listed. */
export function compileSpec(file: TraceSpecFile): {
  readonly spec: TraceSpec;
  readonly faults: readonly CompileFault[];
} {
  const faults: CompileFault[] = [];
  let rules = 0;
  const compiler: Compiler = {
    fault: (path, message) => void faults.push({ path, message: `${clauseOf(path) || "the file"}: ${message}` }),
    captures: new Set(captureNames(file)),
    tolerances: file.tolerances?.attributes ?? {},
    nextNumber: () => (rules += 1) - 1,
  };
  const open = file.additional_spans !== "forbidden";
  const spans = (file.expected_spans ?? []).map((span, i) =>
    spanAt(compiler, ["expected_spans", i], { span, inherited: { top: true, open, depth: 0 } }),
  );
  const all = allRules(spans);
  const duration = file.tolerances?.duration;
  const spec: TraceSpec = {
    name: file.name,
    description: file.description,
    file,
    appliesTo: file.applies_to === undefined ? undefined : selectorAt(compiler, ["applies_to"], file.applies_to),
    open,
    errors: file.errors ?? "expected_spans",
    order: file.order ?? "any",
    spans,
    rules: all,
    ruleById: new Map(all.flatMap((rule) => (rule.id === undefined ? [] : [[rule.id, rule] as const]))),
    assertions: (file.assertions ?? []).map((assertion, i) => assertionAt(compiler, ["assertions", i], assertion)),
    captures: Object.entries(file.captures ?? {}).map(([name, { select, value }]) => ({
      clause: clauseOf(["captures", name]),
      name,
      select: selectorAt({ ...compiler, captures: new Set() }, ["captures", name, "select"], select),
      field: fieldAt(compiler, ["captures", name, "value"], value),
    })),
    totals: compileTotals(compiler, file.performance_constraints ?? {}),
    operations: compileOperations(compiler, file.performance_constraints?.operations ?? []),
    errorConditions: compileErrorConditions(compiler, file.error_conditions ?? []),
    rates: rates(compiler, file),
    durationTolerance: { rel: duration?.rel ?? 0, abs: duration?.abs === undefined ? 0 : durationNs(duration.abs) },
    orderTolerance: file.tolerances?.order === undefined ? 0 : durationNs(file.tolerances.order),
  };
  checkWhole(compiler, spec);
  return { spec, faults };
}

function captureNames(file: TraceSpecFile): string[] {
  const below = (span: ExpectedSpan): string[] => [
    ...Object.keys(span.capture ?? {}),
    ...(span.children ?? []).flatMap(below),
  ];
  return [...Object.keys(file.captures ?? {}), ...(file.expected_spans ?? []).flatMap(below)];
}

function assertionAt(compiler: Compiler, path: YamlPath, assertion: Assertion): AssertionRule {
  const selectors: Partial<Record<"before" | "after" | "when" | "unless", AssertionRule["select"]>> = {};
  for (const key of ["before", "after", "when", "unless"] as const) {
    const text = assertion[key];
    if (text !== undefined) selectors[key] = selectorAt(compiler, [...path, key], text);
  }
  return {
    clause: clauseOf(path),
    name: assertion.name ?? assertion.select,
    text: assertion.select,
    select: selectorAt(compiler, [...path, "select"], assertion.select),
    count: countAt(compiler, [...path, "count"], assertion.count ?? "1.."),
    each: questionsAt(compiler, [...path, "each"], assertion.each),
    some: questionsAt(compiler, [...path, "some"], assertion.some),
    none: questionsAt(compiler, [...path, "none"], assertion.none),
    ...selectors,
  };
}

function rates(compiler: Compiler, file: TraceSpecFile): TraceSpec["rates"] {
  return (file.population?.rates ?? []).map(({ name, select, min, max }, i) => ({
    clause: clauseOf(["population", "rates", i]),
    text: name ?? select,
    select: selectorAt({ ...compiler, captures: new Set() }, ["population", "rates", i, "select"], select),
    range: rangeAt(compiler, ["population", "rates", i], { min, max }),
  }));
}

/** Faults that only show when everything is known: ids, names given twice, nothing to check. */
function checkWhole(compiler: Compiler, spec: TraceSpec): void {
  const { rules } = spec;
  if (rules.length > MOST_RULES) compiler.fault(["expected_spans"], `more than ${MOST_RULES} expected spans`);
  const ids = rules.flatMap(({ id }) => (id === undefined ? [] : [id]));
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) compiler.fault(["expected_spans"], `two expected spans have the id "${twice}"`);
  const names = captureNames(spec.file);
  const captured = names.find((name, i) => names.indexOf(name) !== i);
  if (captured !== undefined) compiler.fault([], `"${captured}" is captured twice`);
  const known = new Set(ids);
  for (const { id, clause, after, startsAfter } of rules) {
    for (const other of [...after, ...startsAfter]) {
      if (known.has(other) && other !== id) continue;
      const near = nearest(other, ids);
      const hint = other === id ? "it is its own" : near === undefined ? "no span has it" : `did you mean "${near}"?`;
      compiler.fault(pathOf(clause), `the id "${other}" cannot be referred to: ${hint}`);
    }
  }
  const { totals, operations, errorConditions, assertions } = spec;
  const clauses = [rules, totals, operations, errorConditions, assertions, spec.rates, spec.captures];
  if (clauses.every((list) => list.length === 0) && spec.file.population === undefined) {
    compiler.fault([], "nothing is expected: write expected_spans, assertions or another clause");
  }
}

/** Every rule, parents before their children: in the order of their numbers. */
function allRules(rules: readonly SpanRule[]): SpanRule[] {
  return rules.flatMap((rule) => [rule, ...allRules(rule.children)]);
}

/** The path that {@link clauseOf} wrote, for clauses of expected spans. */
function pathOf(clause: string): YamlPath {
  const parts = clause.split(/[.[\]]+/).filter((part) => part !== "");
  return parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
