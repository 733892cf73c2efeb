import type { SpanNode } from "../../analyze/tree.ts";
import type { TraceIndex } from "../trace-index.ts";
import { holds } from "../condition.ts";
import { NO_CAPTURES, selectSpans, spanMeets } from "../selector/select.ts";
import type { NameRule, SpanRule, TraceSpec } from "../spec.ts";

/** Most comparisons of an expected span with a span of one trace; see {@link MatchContext.exhausted}. */
const MOST_WORK = 20_000_000;

/** What matching one trace needs and leaves. */
export type MatchContext = {
  readonly spec: TraceSpec;
  readonly index: TraceIndex;
  /** Number of the rule that a span fulfils, by position; −1: none. */
  readonly claimed: Int32Array;
  /** Positions of the spans that could be the rule's by what they are, ascending. */
  readonly candidates: (rule: SpanRule) => readonly number[];
  /** Whether the rule is to be fulfilled in this trace. */
  readonly active: (rule: SpanRule) => boolean;
  /** Counts work; false when there has been too much. */
  readonly spend: (amount: number) => boolean;
  /** The trace is too entangled for the specification: what was found so far is not to be relied on. */
  readonly exhausted: () => boolean;
};

/** A fresh context for one trace. */
export function matchContext(spec: TraceSpec, index: TraceIndex, mostWork = MOST_WORK): MatchContext {
  const byIdentity = new Map<string, readonly number[]>();
  const activeRules = new Map<number, boolean>();
  let work = 0;
  const spend = (amount: number): boolean => (work += amount) <= mostWork;
  return {
    spec,
    index,
    claimed: new Int32Array(index.nodes.length).fill(-1),
    candidates: (rule) => {
      const known = byIdentity.get(rule.identity);
      if (known !== undefined) return known;
      const found = spansOfRule(rule, index);
      byIdentity.set(rule.identity, found);
      return found;
    },
    active: (rule) => {
      const known = activeRules.get(rule.number) ?? isActive(rule, index);
      activeRules.set(rule.number, known);
      return known;
    },
    spend,
    exhausted: () => work > mostWork,
  };
}

function isActive({ when, unless }: SpanRule, index: TraceIndex): boolean {
  if (when !== undefined && selectSpans(when, index).length === 0) return false;
  return unless === undefined || selectSpans(unless, index).length === 0;
}

function spansOfRule(rule: SpanRule, index: TraceIndex): readonly number[] {
  const { service, kind, where, relation } = rule;
  const context = { index, captures: NO_CAPTURES };
  return spansNamed(rule.name, index).filter((at) => {
    const node = index.nodes[at];
    if (node === undefined || (kind !== undefined && node.span.kind !== kind)) return false;
    if (service !== undefined && !nameFits(service, node.span.service)) return false;
    if (relation === "root" && node.parent !== undefined) return false;
    return where === undefined || spanMeets(where.where, node, context);
  });
}

/** Positions of the spans whose name fits, ascending. */
export function spansNamed(name: NameRule, index: TraceIndex): readonly number[] {
  switch (name.kind) {
    case "exact":
      return index.named(name.text);
    case "template":
      return index.templated(name.template);
    case "condition":
      return [...index.nodes.keys()].filter((at) => holds(name.condition, index.nodes[at]?.span.name));
  }
}

/** Whether a name or service fits. */
export function nameFits(rule: NameRule, name: string): boolean {
  switch (rule.kind) {
    case "exact":
      return rule.text === name;
    case "template":
      return holds({ op: "template", template: rule.template }, name);
    case "condition":
      return holds(rule.condition, name);
  }
}

/** A name rule for people: the name itself where it is one. */
export function nameText(rule: NameRule): string {
  if (rule.kind === "exact") return rule.text;
  return rule.kind === "template" ? rule.template : rule.text;
}

/** The span at a position. */
export function nodeAt({ index }: Pick<MatchContext, "index">, at: number): SpanNode | undefined {
  return index.nodes[at];
}
