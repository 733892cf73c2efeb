import type { TraceTree } from "../analyze/tree.ts";
import { captureValues } from "./capture.ts";
import type { Finding } from "./issue.ts";
import { judgeAssertion, type AssertionContext } from "./judge/assertion.ts";
import { judgeErrorCondition, spansOfCondition } from "./judge/error-condition.ts";
import { errorFindings } from "./judge/error.ts";
import { orderFindings } from "./judge/order.ts";
import { spanFindings } from "./judge/span.ts";
import { countFindings, unexpectedFindings } from "./judge/structure.ts";
import { totalFindings } from "./judge/totals.ts";
import { matchContext, type MatchContext } from "./match/context.ts";
import { matchTrace, type ScopeMatch, type TraceMatch } from "./match/scope.ts";
import { selectSpans } from "./selector/select.ts";
import type { TraceSpec } from "./spec.ts";
import { indexTrace, type TraceIndex } from "./trace-index.ts";

/** What a check of one trace found, before it is told. */
export type TraceCheck = {
  readonly tree: TraceTree;
  readonly index: TraceIndex;
  /** `not_applicable`: `applies_to` selects nothing in it. `inconclusive`: too entangled, or nothing applied to it. */
  readonly verdict: "pass" | "fail" | "inconclusive" | "not_applicable";
  readonly findings: readonly Finding[];
  /** Positions of the spans that fulfil each expected span, by clause. */
  readonly matched: readonly { readonly clause: string; readonly spans: readonly number[] }[];
  /** Clauses whose condition did not hold. */
  readonly skipped: readonly string[];
  readonly notes: readonly string[];
};

export type CheckLimits = {
  /** Comparisons per trace after which the answer is `inconclusive`. */
  readonly mostWork?: number;
};

/** Checks one trace. The answer depends on specification and spans alone. */
export function checkTree(spec: TraceSpec, tree: TraceTree, { mostWork }: CheckLimits = {}): TraceCheck {
  const index = indexTrace(tree);
  const empty = { tree, index, findings: [], matched: [], skipped: [], notes: [] };
  if (spec.appliesTo !== undefined && selectSpans(spec.appliesTo, index).length === 0) {
    return { ...empty, verdict: "not_applicable" };
  }
  const context = matchContext(spec, index, mostWork);
  const match = matchTrace(context);
  if (context.exhausted()) {
    const note = "The trace is too entangled for this specification: matching was given up. Name kinds or services.";
    return { ...empty, verdict: "inconclusive", notes: [note] };
  }
  return { tree, index, ...judged(context, match) };
}

function judged(context: MatchContext, match: TraceMatch): Omit<TraceCheck, "tree" | "index"> {
  const { spec, index } = context;
  const { rules } = spec;
  const byRule = positionsByRule(match.scopes);
  const { values: captures, findings: captureFindings } = captureValues(spec, index, byRule);
  const aware: AssertionContext = { spec, index, captures };
  const conditions = spec.errorConditions.map((rule) => ({ rule, spans: spansOfCondition(rule, aware) }));
  const excused = new Set(conditions.flatMap(({ spans }) => spans));
  const assertions = spec.assertions.map((rule) => ({ rule, ...judgeAssertion(rule, aware) }));
  const findings = [
    ...structureFindings(context, match, byRule),
    ...spansJudged(context, byRule, { ...aware, excused: (at) => excused.has(at) }),
    ...captureFindings,
    ...(spec.errors === "forbidden" ? strayErrors(context, excused) : []),
    ...conditions.flatMap(({ rule, spans }) => judgeErrorCondition(rule, spans, aware)),
    ...assertions.flatMap((assertion) => assertion.findings),
    ...totalFindings(spec, index),
  ];
  const skipped = [
    ...rules.filter((rule) => !context.active(rule)).map(({ clause }) => clause),
    ...assertions.filter(({ applied }) => !applied).map(({ rule }) => rule.clause),
  ];
  return {
    verdict: verdictOf(spec, { findings, applied: rules.length + assertions.length - skipped.length }),
    findings,
    matched: rules.flatMap(({ clause, number }) => {
      const spans = byRule.get(number) ?? [];
      return spans.length === 0 ? [] : [{ clause, spans }];
    }),
    skipped,
    notes: notesOf(context, match),
  };
}

/** A trace in which no clause applied has shown nothing. */
function verdictOf(
  spec: TraceSpec,
  { findings, applied }: { readonly findings: readonly Finding[]; readonly applied: number },
): "pass" | "fail" | "inconclusive" {
  if (findings.some(({ violation }) => violation)) return "fail";
  const others = [spec.totals, spec.operations, spec.errorConditions, spec.rates].some((list) => list.length > 0);
  return applied > 0 || others || !spec.open || spec.file.population !== undefined ? "pass" : "inconclusive";
}

function positionsByRule(scopes: readonly ScopeMatch[]): ReadonlyMap<number, readonly number[]> {
  const byRule = new Map<number, number[]>();
  for (const { spans } of scopes) {
    for (const [rule, positions] of spans) {
      const own = byRule.get(rule.number) ?? [];
      for (const at of positions) own.push(at);
      byRule.set(rule.number, own);
    }
  }
  return byRule;
}

function structureFindings(
  context: MatchContext,
  { scopes }: TraceMatch,
  byRule: ReadonlyMap<number, readonly number[]>,
): Finding[] {
  const counts = scopes.flatMap((scope) => countFindings(context, scope));
  const excess = new Set(counts.flatMap(({ list, spans }) => (list === "unexpected_spans" ? spans : [])));
  const { index, spec } = context;
  return [...counts, ...unexpectedFindings(context, excess), ...orderFindings({ index, spec, scopes, byRule })];
}

function spansJudged(
  context: MatchContext,
  byRule: ReadonlyMap<number, readonly number[]>,
  aware: Parameters<typeof spanFindings>[2],
): Finding[] {
  return context.spec.rules.flatMap((rule) =>
    (byRule.get(rule.number) ?? []).flatMap((at) => {
      const node = context.index.nodes[at];
      return node === undefined ? [] : spanFindings(rule, { at, node }, aware);
    }),
  );
}

/** `errors: forbidden` holds for the spans that no expected span speaks of, too. */
function strayErrors({ index, claimed }: MatchContext, excused: ReadonlySet<number>): Finding[] {
  return [...index.nodes.entries()].flatMap(([at, node]) => {
    if (claimed[at] !== -1 || excused.has(at) || node.span.status !== "error") return [];
    return errorFindings({ clause: "errors", mode: "must_not" }, { at, node }, new Map());
  });
}

function notesOf({ index }: MatchContext, { exact }: TraceMatch): string[] {
  const { duplicates, orphans, cycles, roots } = index.tree;
  const repairs = [
    [duplicates, "copies of spans left out"],
    [orphans, "spans whose parent is not in the trace"],
    [cycles, "cycles of parents cut"],
    [roots.length > 1 ? roots.length : 0, "roots"],
  ] as const;
  const notes = repairs.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : []));
  return exact
    ? notes
    : [...notes, "many spans fit several expected ones: the best pairs were taken first, not the best whole"];
}
