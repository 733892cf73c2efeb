import { WhetstoneError } from "../model/error.ts";
import type { Span } from "../model/span.ts";
import { repairClockSkew, type ClockSkew } from "./clock-skew.ts";
import { hasCoarseStart, placeWithinTick } from "./coarse-clock.ts";
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
  /** Processes whose spans were moved because their clock disagreed with their callers'; empty for most traces. */
  readonly skews: readonly ClockSkew[];
} & Pick<Parentage, "duplicates" | "orphans" | "cycles">;

type Building = Omit<{ -readonly [Key in keyof SpanNode]: SpanNode[Key] }, "parent" | "children"> & {
  parent: Building | undefined;
  readonly children: Building[];
};

/**
 * Builds the tree of one trace from its spans, in any order. Incomplete and broken traces are accepted
 * (see {@link resolveParents}), clocks that disagree are brought in line (see {@link repairClockSkew}); the tree says what was
 * repaired. Spans with a coarse start are moved within its tick
 * (see {@link hasCoarseStart}); `span.startNs` keeps what was recorded.
 * @throws WhetstoneError `defect` without spans: an unknown trace is for the caller to report.
 */
export function buildTree(spans: readonly Span[]): TraceTree {
  const first = spans[0];
  if (first === undefined) throw new WhetstoneError("defect", "A trace tree was asked for without spans.");
  const { spans: ordered, parents, ...repairs } = resolveParents(spans);
  const recordedNs = ordered[0]?.startNs ?? first.startNs;
  const roots = linked(ordered, parents, recordedNs);
  const skews = repairClockSkew(preorder(roots));
  const nodes = placedPreorder(roots);
  const origin = nodes.reduce((earliest, { start }) => Math.min(earliest, start), Number.POSITIVE_INFINITY);
  for (const node of nodes) {
    node.start -= origin;
    node.end -= origin;
    node.depth = node.parent === undefined ? 0 : node.parent.depth + 1;
  }
  for (const node of nodes) node.selfNs = node.end - node.start - unionLength(clip(node.children, node));
  const durationNs = nodes.reduce((latest, node) => Math.max(latest, node.end), 0);
  return { traceId: first.traceId, roots, nodes, startNs: recordedNs + BigInt(origin), durationNs, skews, ...repairs };
}

/** Nodes for the spans, under their parents; returns the roots. */
function linked(spans: readonly Span[], parents: ReadonlyMap<Span, Span>, originNs: bigint): Building[] {
  const nodes = new Map(spans.map((span) => [span, begin(span, originNs)]));
  const roots: Building[] = [];
  for (const [span, node] of nodes) {
    const parentSpan = parents.get(span);
    node.parent = parentSpan && nodes.get(parentSpan);
    (node.parent?.children ?? roots).push(node);
  }
  return roots;
}

function begin(span: Span, originNs: bigint): Building {
  const start = Number(span.startNs - originNs);
  return { span, parent: undefined, children: [], depth: 0, start, end: start + span.durationNs, selfNs: 0 };
}

function preorder(roots: readonly Building[]): Building[] {
  const nodes = [...roots];
  for (const { children } of nodes) for (const child of children) nodes.push(child);
  return nodes;
}

/** All nodes, parents first; children are placed when their parent is, and stand by start. */
function placedPreorder(roots: readonly Building[]): Building[] {
  const nodes: Building[] = [];
  const open = roots.toReversed();
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    nodes.push(node);
    placeChildren(node);
    for (const child of node.children.toReversed()) open.push(child);
  }
  return nodes;
}

function placeChildren(parent: Building): void {
  const parentEnd = hasCoarseStart(parent.span) ? Number.POSITIVE_INFINITY : parent.end;
  let siblingEnd = 0;
  // Of calls that followed each other within one tick only the last, which outlasts it, can be long: shortest first.
  const inOrder = parent.children.toSorted((a, b) => a.start - b.start || a.end - b.end);
  for (const child of inOrder) {
    const length = child.span.durationNs;
    if (hasCoarseStart(child.span)) {
      child.start = placeWithinTick({ start: child.start, length, parentStart: parent.start, parentEnd, siblingEnd });
      child.end = child.start + length;
    }
    siblingEnd = child.end;
  }
  parent.children.sort((a, b) => a.start - b.start);
}

/** The trees of a population of spans, one per trace id, by start of the trace, ties by trace id. */
export function groupTraces(spans: Iterable<Span>): readonly TraceTree[] {
  const groups = Map.groupBy(spans, (span) => span.traceId);
  return [...groups.values()].map(buildTree).sort(byTraceStart);
}

function byTraceStart(a: TraceTree, b: TraceTree): number {
  if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
  return a.traceId < b.traceId ? -1 : 1;
}
