import type { ReasonCode } from "../../model/codes.ts";
import type { OperationName, RegressionReport, RegressionRow, StructuralChange } from "../../model/regression.ts";
import { holmAdjusted } from "../../stats/multiple.ts";
import { compareText } from "../parents.ts";
import type { TraceTree } from "../tree.ts";
import type { Sides } from "./contrast.ts";
import { judgeMetric, judgeRelation } from "./judge.ts";
import { geometricMean, quantileChange, type OperationCalls } from "./latency.ts";
import { callsPerTrace, errorRate, type Measured } from "./measured.ts";
import { REGRESSION_DEFAULTS, type RegressionOptions } from "./options.ts";
import { MOST_CHILD_KINDS, profileOf, type Profile } from "./profile.ts";
import { changeOf, combined, namesOf, relationsOf, type Changed, type Relation } from "./structure.ts";

/**
 * Compares two sets of traces per operation (service, span name, span kind): latency, error rate, calls per trace, and
 * which operation calls which. Traces are the independent units, weighted by `whetstone.sample_weight`, and compared with
 * traces of the same root operation. Tests are permutation tests, exact or by saddlepoint; over all of them Holm's
 * correction holds the probability of one or more false failures at `alpha` however they depend on each other (calls of
 * one trace do), which Benjamini–Hochberg would not for a single row that a person then acts on. Deterministic: neither
 * order of traces nor chance matters. One look only: who compares again as traces come in needs `canary judge`.
 */
export function compareSets(
  baseline: readonly TraceTree[],
  candidate: readonly TraceTree[],
  changed: Partial<RegressionOptions> = {},
): RegressionReport {
  const options = { ...REGRESSION_DEFAULTS, ...changed };
  const profiles = { before: profileOf(baseline), after: profileOf(candidate) };
  const measured = measure(profiles, 1 - options.alpha);
  const relations = relationsOf(profiles);
  const adjusted = holmAdjusted(
    [...measured.map(({ test }) => test), ...relations.map(({ test }) => test)],
    options.alpha,
  );
  const rows = measured.map((row, i) => toRow(row, adjusted[i] ?? 1, { options, profiles }));
  const changes = relations.flatMap((relation, i) =>
    toChange(relation, adjusted[measured.length + i] ?? 1, { options, profiles }),
  );
  const structural = combined(changes, profiles);
  const notCompared = withoutComparison(profiles, { measured, options });
  return {
    schema: "whetstone.regressions/1",
    ...overall({ rows, structural, changes, notCompared, profiles, options }),
    alpha: options.alpha,
    correction: "holm",
    baseline: { traces: profiles.before.units.length, spans: profiles.before.spans },
    candidate: { traces: profiles.after.units.length, spans: profiles.after.spans },
    operations: rows.toSorted(worstFirst),
    structural: structural.toSorted(worstFirst),
    relations: relations.length,
    notCompared,
    notes: notesOn(profiles),
  };
}

type MeasuredRow = Measured & { readonly key: string; readonly calls: Sides<OperationCalls> };
type Context = { readonly options: RegressionOptions; readonly profiles: Sides<Profile> };

function measure({ before, after }: Sides<Profile>, level: number): MeasuredRow[] {
  const units = { before: before.units, after: after.units };
  return [...before.operations].flatMap(([key, callsBefore]) => {
    const callsAfter = after.operations.get(key);
    if (callsAfter === undefined) return [];
    const calls = { before: callsBefore, after: callsAfter };
    const metrics = [
      geometricMean(calls, level),
      quantileChange(calls, 0.5, level),
      quantileChange(calls, 0.95, level),
      errorRate(calls, level),
      callsPerTrace(calls, units, level),
    ];
    return metrics.flatMap((metric) => (metric === null ? [] : [{ ...metric, key, calls }]));
  });
}

function toRow(row: MeasuredRow, adjustedP: number, { options, profiles }: Context): RegressionRow {
  const { key, calls, metric, before, after, change, interval, test } = row;
  const traces =
    metric === "calls_per_trace"
      ? { before: profiles.before.units.length, after: profiles.after.units.length }
      : { before: calls.before.size, after: calls.after.size };
  const certainty = { adjustedP, traces: Math.min(calls.before.size, calls.after.size) };
  return {
    ...nameOf(key, profiles),
    metric,
    before,
    after,
    change,
    interval,
    pValueOrE: test.p,
    adjustedP,
    ...judgeMetric(row, certainty, options),
    traces,
    calls: { before: countCalls(calls.before), after: countCalls(calls.after) },
    rare: isRare(key, { options, profiles }),
  };
}

function toChange(relation: Relation, adjustedP: number, { options, profiles }: Context): Changed[] {
  const judgement = judgeRelation(relation, adjustedP, options);
  if (judgement === null) return [];
  const { before, after, test } = relation;
  const names = namesOf(relation, profiles);
  const report = { ...names, change: changeOf(relation), before, after, pValueOrE: test.p, adjustedP, ...judgement };
  return [{ report, relation }];
}

function withoutComparison(
  profiles: Sides<Profile>,
  { measured, options }: { readonly measured: readonly MeasuredRow[]; readonly options: RegressionOptions },
): RegressionReport["notCompared"] {
  const compared = new Set(measured.map(({ key }) => key));
  const { before, after } = profiles;
  const roots = new Set([...before.units, ...after.units].map(({ stratum }) => stratum));
  const keys = new Set([...before.operations.keys(), ...after.operations.keys()]);
  return [...keys]
    .filter(
      (key) => !compared.has(key) && (roots.has(key) || (before.operations.has(key) && after.operations.has(key))),
    )
    .map((key) => ({
      ...nameOf(key, profiles),
      callsBefore: countCalls(before.operations.get(key)),
      callsAfter: countCalls(after.operations.get(key)),
      rare: isRare(key, { options, profiles }),
    }))
    .sort(byName);
}

function isRare(key: string, { options, profiles }: Context): boolean {
  const { before, after } = profiles;
  const share = ({ operations, units }: Profile): number =>
    (operations.get(key)?.size ?? 0) / Math.max(1, units.length);
  return Math.max(share(before), share(after)) < options.rareShare;
}

type Parts = Context & {
  readonly rows: readonly RegressionRow[];
  readonly structural: readonly StructuralChange[];
  readonly changes: readonly Changed[];
  readonly notCompared: RegressionReport["notCompared"];
};

function overall({
  rows,
  structural,
  changes,
  notCompared,
  ...context
}: Parts): Pick<RegressionReport, "verdict" | "reasons"> {
  const failed = [...rows, ...structural].filter(({ verdict }) => verdict === "fail");
  if (failed.length > 0) return { verdict: "fail", reasons: distinct(failed.flatMap(({ reasons }) => reasons)) };
  const open = [
    ...rows.filter(({ verdict, rare }) => verdict === "inconclusive" && !rare),
    ...(context.options.structure === "report" ? [] : changes)
      .filter(({ report, relation }) => report.verdict === "inconclusive" && !isRare(relation.parent, context))
      .map(({ report }) => report),
  ];
  const reasons = [
    ...open.flatMap((row) => row.reasons),
    ...(rows.length === 0 || notCompared.some(({ rare }) => !rare) ? (["evidence_insufficient"] as const) : []),
  ];
  return reasons.length > 0
    ? { verdict: "inconclusive", reasons: distinct(reasons) }
    : { verdict: "pass", reasons: ["ok"] };
}

const distinct = (reasons: readonly ReasonCode[]): ReasonCode[] => [...new Set(reasons)].sort(compareText);

function notesOn({ before, after }: Sides<Profile>): string[] {
  const wide = before.wideCalls + after.wideCalls;
  if (wide === 0) return [];
  return [
    `The order of calls was not compared within ${wide} calls that make more than ${MOST_CHILD_KINDS} kinds of calls.`,
  ];
}

function nameOf(key: string, { before, after }: Sides<Profile>): OperationName {
  return before.names.get(key) ?? after.names.get(key) ?? { service: "", operation: key, kind: "internal" };
}

function countCalls(calls: OperationCalls | undefined): number {
  let sum = 0;
  for (const { durationsMs } of calls?.values() ?? []) sum += durationsMs.length;
  return sum;
}

const RANK = { fail: 0, inconclusive: 1, pass: 2 } as const;

type Ranked = OperationName & Pick<RegressionRow, "verdict" | "adjustedP" | "pValueOrE">;

const worstFirst = (a: Ranked, b: Ranked): number =>
  RANK[a.verdict] - RANK[b.verdict] || a.adjustedP - b.adjustedP || a.pValueOrE - b.pValueOrE || byName(a, b);

const byName = (a: OperationName, b: OperationName): number =>
  compareText(a.service, b.service) || compareText(a.operation, b.operation) || compareText(a.kind, b.kind);
