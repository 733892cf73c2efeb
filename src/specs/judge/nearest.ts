import { editDistance } from "../../model/nearest.ts";
import type { Nearest } from "../issue.ts";
import { nameFits, nameText, type MatchContext } from "../match/context.ts";
import { WHOLE_TRACE } from "../match/pool.ts";
import type { SpanRule } from "../spec.ts";
import { isUnder } from "../trace-index.ts";

/** Spans that are looked at for the nearest one, and characters of a name that are compared. */
const MOST_SPANS = 2_000;
const LONGEST_NAME = 120;
/** A span with a greater distance is no candidate: almost nothing fits. */
const TOO_FAR = 2.2;

/** How far a span is from a rule, and in which words. */
type Distance = { readonly distance: number; readonly differs: string[] };

/** The span that no expected span took and that differs least from a rule, if one is near. */
export function nearestTo(context: MatchContext, rule: SpanRule, within: number): Nearest | undefined {
  let best: (Distance & { readonly at: number }) | undefined;
  let looked = 0;
  const distances = new Map<string, number>();
  for (const at of context.index.nodes.keys()) {
    if (context.claimed[at] !== -1) continue;
    looked += 1;
    if (looked > MOST_SPANS) break;
    const found = distanceOf(context, rule, { at, within, distances });
    if (found.distance < (best?.distance ?? TOO_FAR)) best = { ...found, at };
  }
  const span = best === undefined ? undefined : context.index.nodes[best.at]?.span;
  if (span === undefined || best === undefined) return undefined;
  return { span_id: span.spanId, operation_name: span.name, service_name: span.service, differs: best.differs };
}

type Where = { readonly at: number; readonly within: number; readonly distances: Map<string, number> };

function distanceOf(context: MatchContext, rule: SpanRule, { at, within, distances }: Where): Distance {
  const span = context.index.nodes[at]?.span;
  if (span === undefined) return { distance: Infinity, differs: [] };
  const differs: string[] = [];
  let distance = 0;
  if (!nameFits(rule.name, span.name)) {
    distance += 0.5 + 2.5 * nameDistance(nameText(rule.name), span.name, distances);
    differs.push("operation_name");
  }
  if (rule.service !== undefined && !nameFits(rule.service, span.service)) {
    distance += 1;
    differs.push("service_name");
  }
  if (rule.kind !== undefined && rule.kind !== span.kind) {
    distance += 0.5;
    differs.push("kind");
  }
  if (!standsRight(context, rule, { at, within })) {
    distance += 0.75;
    differs.push(rule.relation === "root" ? "not a root" : `not a ${rule.relation} of the span above`);
  }
  if (differs.length === 0) {
    distance += 0.25;
    differs.push("where");
  }
  return { distance, differs };
}

function standsRight(
  { index }: MatchContext,
  { relation }: SpanRule,
  { at, within }: Pick<Where, "at" | "within">,
): boolean {
  if (relation === "root") return index.parent[at] === -1;
  if (within === WHOLE_TRACE || relation === "anywhere") return true;
  return relation === "child" ? index.parent[at] === within : isUnder(index, at, within);
}

/** Edit distance as a share of the longer name, 0 to 1. */
function nameDistance(wanted: string, name: string, known: Map<string, number>): number {
  const before = known.get(name);
  if (before !== undefined) return before;
  const [a, b] = [wanted.slice(0, LONGEST_NAME), name.slice(0, LONGEST_NAME)];
  const distance = editDistance(a, b) / Math.max(1, a.length, b.length);
  known.set(name, distance);
  return distance;
}
