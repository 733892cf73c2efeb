import { WhetstoneError } from "../model/error.ts";
import type { Span } from "../model/span.ts";
import { clip, unionLength } from "./intervals.ts";
import { resolveParents, type Parentage } from "./parents.ts";

/** One span in its place. Times are whole ns, counted from the start of the trace. */
export type SpanNode = {
  readonly span: Span;
  /** Absent for roots. */
  readonly parent: SpanNode | undefined;
  /** By start; ties: longer first, then span id. */
  readonly children: readonly SpanNode[];
  /** 0 for roots. */
  readonly depth: number;
  readonly start: number;
  readonly end: number;
  /** The span's own time, ns: its length without the time in which at least one of its children ran. */
  readonly selfNs: number;
};

/** The spans of one trace as a forest, with what had to be repaired to make it one. */
export type TraceTree = {
  readonly traceId: string;
  /** Spans without a parent in the trace, by start. */
  readonly roots: readonly SpanNode[];
  /** Every span, parents before their children, siblings by start. */
  readonly nodes: readonly SpanNode[];
  /** Earliest start, ns since the Unix epoch. */
  readonly startNs: bigint;
  /** From the earliest start to the latest end, ns. */
  readonly durationNs: number;
} & Pick<Parentage, "duplicates" | "orphans" | "cycles">;

type Building = Omit<{ -readonly [Key in keyof SpanNode]: SpanNode[Key] }, "parent" | "children"> & {
  parent: Building | undefined;
  readonly children: Building[];
};

/**
 * Builds the tree of one trace from its spans, in any order. Incomplete and broken traces are accepted
 * (see {@link resolveParents}); the tree says what was repaired.
 * @throws WhetstoneError `defect` without spans: an unknown trace is for the caller to report.
 */
export function buildTree(spans: readonly Span[]): TraceTree {
  const first = spans[0];
  if (first === undefined) throw new WhetstoneError("defect", "A trace tree was asked for without spans.");
  const { spans: ordered, parents, ...repairs } = resolveParents(spans);
  const startNs = ordered[0]?.startNs ?? first.startNs;
  const placed = new Map(ordered.map((span) => [span, place(span, startNs)]));
  const roots: Building[] = [];
  for (const [span, node] of placed) {
    const parentSpan = parents.get(span);
    const parent = parentSpan && placed.get(parentSpan);
    node.parent = parent;
    (parent?.children ?? roots).push(node);
  }
  const nodes = preorder(roots);
  for (const node of nodes) {
    node.depth = node.parent === undefined ? 0 : node.parent.depth + 1;
    node.selfNs = node.end - node.start - unionLength(clip(node.children, node));
  }
  const durationNs = nodes.reduce((latest, node) => Math.max(latest, node.end), 0);
  return { traceId: first.traceId, roots, nodes, startNs, durationNs, ...repairs };
}

function place(span: Span, startNs: bigint): Building {
  const start = Number(span.startNs - startNs);
  return { span, parent: undefined, children: [], depth: 0, start, end: start + span.durationNs, selfNs: 0 };
}

function preorder(roots: readonly Building[]): Building[] {
  const nodes: Building[] = [];
  const open = roots.toReversed();
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    nodes.push(node);
    for (const child of node.children.toReversed()) open.push(child);
  }
  return nodes;
}

/** The trees of a population of spans, one per trace id, in the order of {@link byTraceStart}. */
export function groupTraces(spans: Iterable<Span>): readonly TraceTree[] {
  const groups = Map.groupBy(spans, (span) => span.traceId);
  return [...groups.values()].map(buildTree).sort(byTraceStart);
}

/** Orders traces by start, ties by trace id. */
export function byTraceStart(a: TraceTree, b: TraceTree): number {
  if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
  return a.traceId < b.traceId ? -1 : 1;
}
