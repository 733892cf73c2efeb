import { mean, quantile, sortedAscending } from "../stats/quantile.ts";
import type { TraceCheck } from "./check-trace.ts";
import type { IssueCode, IssueList } from "./issue.ts";
import { outside } from "./judge/span.ts";
import { spansOfOperation } from "./judge/totals.ts";
import type { Issue, PopulationNumber } from "./result.ts";
import { selectSpans } from "./selector/select.ts";
import type { OperationRule, Range, TraceSpec } from "./spec.ts";

/** What holds, or not, for all traces together. */
export type PopulationCheck = {
  readonly numbers: readonly PopulationNumber[];
  readonly issues: readonly (Issue & { readonly list: IssueList })[];
};

/** A number with its bounds; `ms` values get the tolerance of durations. */
type Measure = {
  readonly clause: string;
  readonly what: string;
  readonly value: number | null;
  readonly samples: number;
  readonly range: Range;
  readonly needed: number;
  readonly list: IssueList;
  readonly code: IssueCode;
  readonly operation?: string;
};

const LATENCY = {
  mean_ms: mean,
  p50_ms: (sorted: readonly number[]) => quantile(sorted, 0.5),
  p75_ms: (sorted: readonly number[]) => quantile(sorted, 0.75),
  p90_ms: (sorted: readonly number[]) => quantile(sorted, 0.9),
  p95_ms: (sorted: readonly number[]) => quantile(sorted, 0.95),
  p99_ms: (sorted: readonly number[]) => quantile(sorted, 0.99),
  max_ms: (sorted: readonly number[]) => sorted.at(-1) ?? Number.NaN,
} as const;
type LatencyKey = keyof typeof LATENCY;
const LATENCY_KEYS = Object.keys(LATENCY) as LatencyKey[];

/** Judges the clauses about all traces together; traces to which the specification does not apply are no part. */
export function checkPopulation(spec: TraceSpec, checks: readonly TraceCheck[]): PopulationCheck {
  const measures = [
    ...spec.operations.flatMap((rule) => operationMeasures(rule, checks)),
    ...traceMeasures(spec, checks),
    ...spec.rates.map((rate): Measure => {
      const hits = checks.filter(({ index }) => selectSpans(rate.select, index).length > 0).length;
      const what = `share of traces with ${rate.text}`;
      return { ...share(rate.clause, hits, checks.length), what, range: rate.range, list: "structure_issues" };
    }),
  ];
  return {
    numbers: measures.map((measure) => ({
      clause: measure.clause,
      value: measure.value,
      samples: measure.samples,
      limit: limitOf(measure.range),
      verdict: verdictOf(measure, spec),
    })),
    issues: measures.flatMap((measure) => (verdictOf(measure, spec) === "fail" ? [issueOf(measure, checks)] : [])),
  };
}

function verdictOf({ value, samples, needed, range, list }: Measure, spec: TraceSpec): PopulationNumber["verdict"] {
  if (value === null || samples < needed) return "inconclusive";
  const { rel, abs } = spec.durationTolerance;
  const tolerance = list === "performance_issues" ? { rel, abs: abs / 1e6 } : { rel: 0, abs: 0 };
  return outside(value, range, tolerance) === undefined ? "pass" : "fail";
}

function operationMeasures(rule: OperationRule, checks: readonly TraceCheck[]): Measure[] {
  const { limits, clause } = rule;
  const spans = checks.flatMap(({ index }) =>
    spansOfOperation(rule, index).flatMap((at) => {
      const span = index.nodes[at]?.span;
      return span === undefined ? [] : [span];
    }),
  );
  const needed = Math.max(1, limits.min_samples ?? 1);
  const operation = spans[0]?.name;
  const named = operation === undefined ? {} : { operation };
  const sorted = sortedAscending(spans.map(({ durationNs }) => durationNs / 1e6));
  const measures: Measure[] = latencyMeasures(limits, sorted, { clause, needed });
  if (limits.max_error_rate !== undefined) {
    const failed = spans.filter(({ status }) => status === "error").length;
    const rate = share(`${clause}.max_error_rate`, failed, spans.length);
    const range = { min: 0, max: limits.max_error_rate };
    measures.push({ ...rate, what: "error rate", needed, range, list: "error_issues" });
  }
  return measures.map((measure) => ({ ...measure, ...named }));
}

function traceMeasures(spec: TraceSpec, checks: readonly TraceCheck[]): Measure[] {
  const { population } = spec.file;
  const latency = population?.duration ?? {};
  const sorted = sortedAscending(checks.map(({ tree }) => tree.durationNs / 1e6));
  const measures = latencyMeasures(latency, sorted, { clause: "population.duration", needed: 1 });
  if (population?.max_error_rate !== undefined) {
    const failed = checks.filter(({ index }) => index.nodes.some(({ span }) => span.status === "error")).length;
    const range = { min: 0, max: population.max_error_rate };
    const rate = share("population.max_error_rate", failed, checks.length);
    measures.push({ ...rate, what: "share of traces with a failed span", range, list: "error_issues" });
  }
  return measures;
}

type Latency = { readonly [Key in LatencyKey]?: number | undefined };

function latencyMeasures(
  limits: Latency,
  sorted: readonly number[],
  { clause, needed }: { readonly clause: string; readonly needed: number },
): Measure[] {
  return LATENCY_KEYS.flatMap((key): Measure[] => {
    const max = limits[key];
    if (max === undefined) return [];
    const value = sorted.length === 0 ? null : LATENCY[key](sorted);
    return [
      {
        clause: `${clause}.${key}`,
        what: key.replace("_ms", " in ms"),
        value,
        samples: sorted.length,
        range: { min: 0, max },
        needed,
        list: "performance_issues",
        code: "duration_too_long",
      },
    ];
  });
}

function share(clause: string, hits: number, samples: number) {
  const value = samples === 0 ? null : hits / samples;
  return { clause, value, samples, needed: 1, code: "rate_out_of_range" } as const;
}

function limitOf({ min, max }: Range) {
  if (max === Infinity) return { min };
  return min === 0 ? { max } : { min, max };
}

function issueOf(measure: Measure, checks: readonly TraceCheck[]): PopulationCheck["issues"][number] {
  const { list, code, clause, what, value, samples, operation, range } = measure;
  return {
    list,
    code,
    clause,
    message: `The ${what} over ${checks.length} traces is ${Number((value ?? 0).toPrecision(4))} (${samples} values), out of its bounds.`,
    span_ids: [],
    ...(operation === undefined ? {} : { operation_name: operation }),
    expected: limitOf(range),
    actual: value,
    violation: true,
  };
}
