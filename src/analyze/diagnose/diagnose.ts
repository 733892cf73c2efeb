import { normalQuantile } from "../../stats/normal.ts";
import type { Call } from "../calls.ts";
import { compareText } from "../parents.ts";
import type { TraceTree } from "../tree.ts";
import { compare, type Comparison } from "./compare.ts";
import type { Sign } from "./evidence.ts";
import { extraCallSigns, type ExtraCalls } from "./extra-calls.ts";
import { absenceSigns, disappearanceSigns, failureSigns } from "./failures.ts";
import { observe } from "./observe.ts";
import { noveltySigns, slownessSigns } from "./slowness.ts";

/** An operation in which the fault may have begun. */
export type Suspect = {
  readonly service: string;
  readonly operation: string;
  /** 0 to 1, comparable within one diagnosis; see {@link diagnose}. */
  readonly score: number;
  /** Sentences with numbers, strongest first. */
  readonly reasons: readonly string[];
  /** Traces of the incident that show it, at most five. */
  readonly traceIds: readonly string[];
};

/** What the comparison of an incident with its baseline says. */
export type Diagnosis = {
  /** Best first; empty where nothing can be said. */
  readonly ranked: readonly Suspect[];
  readonly baselineTraces: number;
  readonly incidentTraces: number;
};

/** How much may be said. */
export type DiagnoseOptions = {
  /** Most suspects; default 10. */
  readonly limit?: number;
};

/** Probability of naming any operation at all where nothing changed, about. */
const FALSE_ALARM = 0.2;
/** Standard errors beyond the least that count from which a sign counts in full. */
const RAMP = 2;
/** Scores below this are not worth a look: a fully significant slowdown of the usual trace by less than 3 %. */
const LEAST_SCORE = 0.05;
const MAX_TRACES = 5;

/**
 * Where a fault began, from traces before and during an incident. Every operation is tested for signs that something
 * changed **in it** rather than around it:
 *
 * - `slower`: its own time (without its children's) grew, standardised within the same entry and caller;
 * - `fails`: more of its calls fail with nothing below that explains it (failing, slow beyond habit, or absent);
 * - `absent`: callers that always called it now wait or fail without it;
 * - `extra_calls`: it calls something more often, with no failure to explain that;
 * - `new_operation`: it did not exist before and takes time;
 * - `no_longer_called`: nobody calls it any more, though nothing goes wrong without it (weighs little).
 *
 * A sign scores impact × significance: the impact is the added time relative to the usual trace (r / (r + ½)) or the square
 * root of the added share of failures, both **per call of the operation**, so that neither volume nor loudness counts;
 * the significance rises from 0 at the z that Bonferroni's correction for the number of operations asks for, to 1 two
 * standard errors later. Signs of one operation combine as 1 − Π(1 − s). Everything that got slower alike (a busier machine) is
 * divided out. Sources: own time and explaining anomalies by those further down the call graph: Wu et al., MicroRCA (NOMS 2020),
 * Liu et al., MicroHECL (ICSE-SEIP 2021); suspicion as how well "it is affected" fits "the trace is": Abreu et al.,
 * Ochiai in spectrum-based localisation (PRDC 2006), here with a comparison instead of pass and fail.
 *
 * The order of the traces does not matter. Ties: the operation further from the entry, then service and operation.
 */
export function diagnose(
  baseline: readonly TraceTree[],
  incident: readonly TraceTree[],
  options: DiagnoseOptions = {},
): Diagnosis {
  const counts = { baselineTraces: baseline.length, incidentTraces: incident.length };
  if (baseline.length === 0 || incident.length === 0) return { ranked: [], ...counts };
  const comparison = compare(observe(inOrder(baseline)), observe(inOrder(incident)));
  const signs = signsOf(comparison);
  const least = normalQuantile(1 - FALSE_ALARM / Math.max(2, comparison.incident.byOperation.size));
  const suspects = [...Map.groupBy(signs, ({ call }) => call.key).values()]
    .flatMap((own) => toSuspect(own, least))
    .sort((a, b) => b.score - a.score || b.depth - a.depth || compareText(a.key, b.key));
  const ranked = suspects.slice(0, options.limit ?? 10).map(({ suspect }) => suspect);
  return { ranked, ...counts };
}

/** Ties and sums of fractions are settled by the order of the traces: always the same one. */
const inOrder = (traces: readonly TraceTree[]): readonly TraceTree[] =>
  traces.toSorted((a, b) => compareText(a.traceId, b.traceId));

function signsOf(comparison: Comparison): Sign[] {
  const extra = extraCallSigns(comparison);
  return [
    ...slownessSigns(comparison).map((sign) => relieved(sign, extra)),
    ...noveltySigns(comparison),
    ...failureSigns(comparison),
    ...absenceSigns(comparison),
    ...disappearanceSigns(comparison),
    ...extra,
  ];
}

/** An operation that is flooded with calls is slow because of who floods it. */
function relieved(sign: Sign, extra: readonly ExtraCalls[]): Sign {
  const flood = Math.max(0, ...extra.filter(({ childKey }) => childKey === sign.call.key).map(({ impact }) => impact));
  return flood === 0 ? sign : { ...sign, impact: sign.impact * (1 - 0.7 * flood) };
}

type Placed = { readonly suspect: Suspect; readonly score: number; readonly depth: number; readonly key: string };

function toSuspect(signs: readonly Sign[], least: number): Placed[] {
  const scored = signs
    .map((sign) => ({ ...sign, score: sign.impact * significance(sign.z, least) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || compareText(a.reason, b.reason));
  const score = 1 - scored.reduce((rest, sign) => rest * (1 - sign.score), 1);
  const [first] = scored;
  if (first === undefined || score < LEAST_SCORE) return [];
  const { service, operation, key } = first.call;
  const shown = scored.flatMap(({ shownBy }) => shownBy.slice(0, MAX_TRACES).map(({ traceId }) => traceId));
  const suspect = {
    service,
    operation,
    score: Number(score.toFixed(4)),
    reasons: scored.map(({ reason }) => reason),
    traceIds: [...new Set(shown)].slice(0, MAX_TRACES),
  };
  return [{ suspect, score, depth: depthOf(first.call), key }];
}

function significance(z: number, least: number): number {
  return Math.min(1, Math.max(0, (z - least) / RAMP));
}

function depthOf(call: Call): number {
  let depth = 0;
  for (let outer = call.parent; outer !== undefined; outer = outer.parent) depth += 1;
  return depth;
}
