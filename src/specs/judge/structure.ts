import { nameInText } from "../../analyze/names.ts";
import type { Finding } from "../issue.ts";
import { nameText, type MatchContext } from "../match/context.ts";
import { poolOf, WHOLE_TRACE } from "../match/pool.ts";
import { areTwoSides, leastOf, type ScopeMatch } from "../match/scope.ts";
import type { Range, SpanRule } from "../spec.ts";
import type { TraceIndex } from "../trace-index.ts";
import { nearestTo } from "./nearest.ts";

/** Spans of one expected span that issues name; the count says how many there are. */
const MOST_NAMED = 20;

/** What is missing and what is too much in one place. */
export function countFindings(context: MatchContext, scope: ScopeMatch): Finding[] {
  return scope.rules.flatMap((rule) => {
    const found = scope.spans.get(rule) ?? [];
    const least = leastOf(context, rule);
    const missing = found.length < least ? [missingFinding(context, { scope, rule, found, least })] : [];
    return [...missing, ...excessFindings(context, scope, rule)];
  });
}

type Missing = {
  readonly scope: ScopeMatch;
  readonly rule: SpanRule;
  readonly found: readonly number[];
  readonly least: number;
};

function missingFinding(context: MatchContext, { scope, rule, found, least }: Missing): Finding {
  const nearest = nearestTo(context, rule, scope.within);
  const above = scope.within === WHOLE_TRACE ? undefined : context.index.nodes[scope.within]?.span.name;
  const where = above === undefined ? "in the trace" : `under ${nameInText(above)}`;
  const near =
    nearest === undefined
      ? ""
      : ` Nearest: ${nameInText(nearest.operation_name)} (${nearest.differs.join(", ")} differs).`;
  const many = least === 1 ? "is missing" : `is there ${found.length} times, expected are at least ${least},`;
  return {
    list: "missing_spans",
    code: "span_missing",
    clause: rule.clause,
    message: `${nameInText(nameText(rule.name))} ${many} ${where}.${near}`,
    spans: scope.within === WHOLE_TRACE ? [] : [scope.within],
    operation: nameText(rule.name),
    ...(rule.service === undefined ? {} : { service: nameText(rule.service) }),
    expected: rangeJson(rule.count),
    actual: found.length,
    ...(nearest === undefined ? {} : { nearest }),
    violation: true,
  };
}

/** A range for people and programs: a number, or `{min, max}` without an upper bound that is none. */
export function rangeJson({ min, max }: Range): Finding["expected"] {
  if (min === max) return min;
  return max === Infinity ? { min } : { min, max };
}

/** Spans that are what the rule speaks of, stand where it speaks of, and are more than it allows. */
function excessFindings(context: MatchContext, scope: ScopeMatch, rule: SpanRule): Finding[] {
  if (rule.count.max === Infinity) return [];
  const rest = poolOf(context, rule, scope.within).filter((at) => !isOtherSide(context, at));
  if (rest.length === 0) return [];
  const forbidden = rule.count.max === 0;
  const found = (scope.spans.get(rule) ?? []).length + rest.length;
  const name = nameInText(nameText(rule.name));
  const first = context.index.nodes[rest[0] ?? 0]?.span;
  return [
    {
      list: "unexpected_spans",
      code: forbidden ? "span_forbidden" : "span_repeated",
      clause: `${rule.clause}.count`,
      message: forbidden
        ? `${name} must not be there.`
        : `${name} is there ${found} times, at most ${rule.count.max} are expected.`,
      spans: rest.slice(0, MOST_NAMED),
      operation: first?.name ?? name,
      ...(first === undefined ? {} : { service: first.service }),
      expected: rangeJson(rule.count),
      actual: found,
      violation: true,
    },
  ];
}

/** The inner sides of calls by their outer ones, as far as they were asked for. */
const innerSides = new WeakMap<MatchContext, Map<number, number>>();

/** The one span under `outer` that is the other side of its call: one that fulfils an expected span, or else the first. */
function innerSideOf(context: MatchContext, outer: number): number {
  const known = innerSides.get(context) ?? new Map<number, number>();
  innerSides.set(context, known);
  let side = known.get(outer);
  if (side !== undefined) return side;
  const { index, claimed } = context;
  const end = index.end[outer] ?? outer + 1;
  for (let at = outer + 1; at < end; at = index.end[at] ?? end) {
    if (!areTwoSides(context, outer, at)) continue;
    side ??= at;
    if (claimed[at] === -1) continue;
    side = at;
    break;
  }
  known.set(outer, side ?? -1);
  return side ?? -1;
}

/** Whether a span is the other side of a call whose one side fulfils an expected span. Asked once all is matched. */
function isOtherSide(context: MatchContext, at: number): boolean {
  const { index, claimed } = context;
  const outer = index.parent[at] ?? -1;
  if (outer >= 0 && claimed[outer] !== -1 && innerSideOf(context, outer) === at) return true;
  const inner = at + 1;
  return index.parent[inner] === at && claimed[inner] !== -1 && areTwoSides(context, at, inner);
}

/**
 * Spans that no clause took. Where only expected spans are allowed they are against the specification, elsewhere they
 * are told and no more. A subtree of which nothing was taken is told once, by its topmost span. `excess` holds spans
 * that were told already.
 */
export function unexpectedFindings(context: MatchContext, excess: ReadonlySet<number>): Finding[] {
  const { index, claimed, spec } = context;
  const taken = takenWithin(context);
  const open = new Uint8Array(index.nodes.length);
  const findings: Finding[] = [];
  for (const at of index.nodes.keys()) {
    const above = index.parent[at] ?? -1;
    const world = above === -1 ? spec.open : open[above] === 1;
    const rule = spec.rules[claimed[at] ?? -1];
    open[at] = (rule === undefined ? world : rule.open) ? 1 : 0;
    if (rule !== undefined || excess.has(at) || isOtherSide(context, at)) continue;
    if (above >= 0 && taken[above] === 0) continue;
    const clause = clauseOfWorld(above === -1 ? undefined : spec.rules[claimed[above] ?? -1]);
    findings.push(unexpectedFinding(index, { at, world, clause, whole: taken[at] === 0 }));
  }
  return findings;
}

/** How many spans of each subtree fulfil an expected span. */
function takenWithin({ index, claimed }: MatchContext): Int32Array {
  const taken = new Int32Array(index.nodes.length);
  for (let at = index.nodes.length - 1; at >= 0; at -= 1) {
    if (claimed[at] !== -1) taken[at] = (taken[at] ?? 0) + 1;
    const above = index.parent[at] ?? -1;
    if (above >= 0) taken[above] = (taken[above] ?? 0) + (taken[at] ?? 0);
  }
  return taken;
}

type Unexpected = { readonly at: number; readonly world: boolean; readonly clause: string; readonly whole: boolean };

function unexpectedFinding(index: TraceIndex, { at, world, clause, whole }: Unexpected): Finding {
  const span = index.nodes[at]?.span;
  const below = whole ? (index.end[at] ?? at + 1) - at - 1 : 0;
  const name = nameInText(span?.name ?? "");
  const rest = below === 0 ? "" : ` (with ${below} spans under it)`;
  return {
    list: "unexpected_spans",
    code: "span_unexpected",
    clause,
    message: `${name} is not expected${rest}${world ? "; additional spans are allowed" : ""}.`,
    spans: [at],
    ...(span === undefined ? {} : { operation: span.name, service: span.service }),
    expected: world ? null : "no additional span",
    actual: span?.name ?? null,
    violation: !world,
  };
}

function clauseOfWorld(above: SpanRule | undefined): string {
  return above === undefined ? "additional_spans" : `${above.clause}.additional_children`;
}
