import { buildTree, type TraceTree } from "../analyze/tree.ts";
import type { Span } from "../model/span.ts";
import { checkTree, type CheckLimits, type TraceCheck } from "./check-trace.ts";
import { ISSUE_LISTS, type Finding } from "./issue.ts";
import { checkPopulation as judgePopulation, type PopulationCheck } from "./population.ts";
import { emptyLists, type CheckResult, type Issue, type TraceResult } from "./result.ts";
import type { TraceSpec } from "./spec.ts";
import { suggestionsFor } from "./suggest.ts";

export type CheckOptions = CheckLimits & {
  /** Name and version under which the specification is stored. */
  readonly name?: string;
  readonly version?: number;
  /** Most entries of every list; 100 unless told. */
  readonly limit?: number;
};

/** Checks the spans of one trace, in any order. @throws WhetstoneError `defect` without spans */
export function checkTrace(spec: TraceSpec, spans: readonly Span[], options: CheckOptions = {}): CheckResult {
  return checkPopulation(spec, [buildTree(spans)], options);
}

/**
 * Checks traces, each by itself and all together. The verdict is `inconclusive` without a trace to judge, with fewer than
 * `population.min_traces`, when nothing of the specification applied, or when a number has too few values; a violation
 * anywhere is a `fail` all the same.
 */
export function checkPopulation(
  spec: TraceSpec,
  traces: readonly TraceTree[],
  options: CheckOptions = {},
): CheckResult {
  const checks = traces.map((tree) => checkTree(spec, tree, options));
  const applicable = checks.filter(({ verdict }) => verdict !== "not_applicable");
  const population = judgePopulation(spec, applicable);
  const lists = collected(applicable, population);
  const counts = countsOf(checks);
  const { verdict, reason } = verdictOf(spec, counts, population);
  const limit = options.limit ?? 100;
  const omitted: Record<string, number> = {};
  const cut: Cut = (name, items) => {
    if (items.length > limit) omitted[name] = items.length - limit;
    return items.slice(0, limit);
  };
  const shown = emptyLists();
  for (const list of ISSUE_LISTS) shown[list] = cut(list, lists[list]);
  return {
    matches: verdict === "pass",
    verdict,
    reason,
    spec: { name: options.name ?? spec.name, ...(options.version === undefined ? {} : { version: options.version }) },
    traces: counts,
    ...shown,
    suggestions: cut("suggestions", suggestionsFor(lists)),
    evidence: { ...evidenceOf(applicable, cut), population: [...population.numbers] },
    results: cut("results", checks.map(traceResult)),
    omitted,
  };
}

/** The findings of all traces as issues by list, violations first. */
function collected(checks: readonly TraceCheck[], { issues }: PopulationCheck): ReturnType<typeof emptyLists> {
  const lists = emptyLists();
  for (const { list, ...issue } of issues) lists[list].push(issue);
  for (const check of checks) for (const finding of check.findings) lists[finding.list].push(issueOf(check, finding));
  for (const list of ISSUE_LISTS) lists[list].sort((a, b) => Number(b.violation) - Number(a.violation));
  return lists;
}

function issueOf({ tree, index }: TraceCheck, finding: Finding): Issue {
  const { code, clause, message, spans, operation, service, expected, actual, nearest, violation } = finding;
  return {
    code,
    clause,
    message,
    trace_id: tree.traceId,
    span_ids: idsOf(index, spans),
    ...(operation === undefined ? {} : { operation_name: operation }),
    ...(service === undefined ? {} : { service_name: service }),
    expected,
    actual,
    ...(nearest === undefined ? {} : { nearest }),
    violation,
  };
}

function idsOf({ nodes }: TraceCheck["index"], spans: readonly number[]): string[] {
  return spans.flatMap((at) => nodes[at]?.span.spanId ?? []);
}

function countsOf(checks: readonly TraceCheck[]): CheckResult["traces"] {
  const count = (wanted: TraceCheck["verdict"]): number => checks.filter(({ verdict }) => verdict === wanted).length;
  return {
    total: checks.length,
    matching: count("pass"),
    failing: count("fail"),
    inconclusive: count("inconclusive"),
    not_applicable: count("not_applicable"),
  };
}

function verdictOf(
  spec: TraceSpec,
  counts: CheckResult["traces"],
  { numbers }: PopulationCheck,
): Pick<CheckResult, "verdict" | "reason"> {
  const judged = counts.matching + counts.failing + counts.inconclusive;
  const { min_match_rate: rate = 1, min_traces: fewest = 1 } = spec.file.population ?? {};
  if (judged === 0) {
    const why =
      counts.total === 0 ? "There is no trace." : `The specification applies to none of ${counts.total} traces.`;
    return { verdict: "inconclusive", reason: why };
  }
  const failedNumber = numbers.find(({ verdict }) => verdict === "fail");
  if (failedNumber !== undefined) return { verdict: "fail", reason: `${failedNumber.clause} does not hold.` };
  const summary = `${counts.matching} of ${judged} traces match`;
  // Those that are undecided could still match; the rest cannot reach the rate any more.
  if ((counts.matching + counts.inconclusive) / judged < rate) return { verdict: "fail", reason: `${summary}.` };
  if (judged < Math.max(1, fewest)) {
    return { verdict: "inconclusive", reason: `${summary}; ${fewest} traces are needed.` };
  }
  const openNumber = numbers.find(({ verdict }) => verdict === "inconclusive");
  if (openNumber !== undefined) {
    return {
      verdict: "inconclusive",
      reason: `${openNumber.clause} has ${openNumber.samples} values, which are too few.`,
    };
  }
  if (counts.matching / judged < rate) return { verdict: "inconclusive", reason: `${summary}; the rest is undecided.` };
  return { verdict: "pass", reason: `${summary}.` };
}

type Cut = <T>(name: string, items: readonly T[]) => T[];

function evidenceOf(checks: readonly TraceCheck[], cut: Cut): Omit<CheckResult["evidence"], "population"> {
  const shown = checks.find(({ verdict }) => verdict === "fail") ?? checks[0];
  const skippedIn = new Map<string, number>();
  for (const { skipped } of checks)
    for (const clause of skipped) skippedIn.set(clause, (skippedIn.get(clause) ?? 0) + 1);
  const notes = new Map<string, number>();
  for (const check of checks) for (const note of check.notes) notes.set(note, (notes.get(note) ?? 0) + 1);
  const matched = (shown?.matched ?? []).map(({ clause, spans }) => ({
    clause,
    span_ids: shown === undefined ? [] : idsOf(shown.index, spans.slice(0, 20)),
    count: spans.length,
  }));
  return {
    spans: checks.reduce((sum, { index }) => sum + index.nodes.length, 0),
    trace_id: shown?.tree.traceId ?? null,
    matched: cut("matched", matched),
    skipped: [...skippedIn].flatMap(([clause, count]) => (count === checks.length ? [clause] : [])),
    notes: cut(
      "notes",
      [...notes].map(([note, count]) => (count === 1 ? note : `${note} (${count} traces)`)),
    ),
  };
}

function traceResult({ tree, verdict, findings }: TraceCheck): TraceResult {
  const issues: TraceResult["issues"] = {};
  for (const { list, violation } of findings) if (violation) issues[list] = (issues[list] ?? 0) + 1;
  return { trace_id: tree.traceId, matches: verdict === "pass", verdict, issues };
}
