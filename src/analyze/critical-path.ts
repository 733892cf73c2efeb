import type { SpanNode, TraceTree } from "./tree.ts";

/** A stretch of a trace in which the end of the trace waited for this span. ns from the start of the trace. */
export type PathSegment = { readonly node: SpanNode; readonly start: number; readonly end: number };

/** A span (or, without `node`, the trace itself) being walked backwards from `to` to `from`; `at` is how far it got. */
type Frame = {
  readonly node: SpanNode | undefined;
  readonly from: number;
  readonly to: number;
  at: number;
  readonly pending: SpanNode[];
};

/**
 * The critical path of a trace, in order of time: which span the end of the trace waited for, moment by moment.
 * Walking back from the end, the child that finished last is on the path, then the sibling that finished before it
 * started; siblings that ran beside it are not (Zhang et al., CRISP, USENIX ATC 2022). The segments do not overlap;
 * with one root they cover exactly that root's time. Time that no root covers belongs to no segment.
 */
export function criticalPath(tree: TraceTree): readonly PathSegment[] {
  const segments: PathSegment[] = [];
  const open: Frame[] = [frame(undefined, tree.roots, { from: 0, to: tree.durationNs })];
  for (let current = open.at(-1); current !== undefined; current = open.at(-1)) {
    const child = nextChild(current);
    const reached = child === undefined ? current.from : Math.min(child.end, current.at);
    if (current.node !== undefined && reached < current.at) {
      segments.push({ node: current.node, start: reached, end: current.at });
    }
    if (child === undefined) {
      open.pop();
      continue;
    }
    const from = Math.max(child.start, current.from);
    current.at = from;
    open.push(frame(child, child.children, { from, to: reached }));
  }
  return segments.reverse();
}

function frame(
  node: SpanNode | undefined,
  children: readonly SpanNode[],
  { from, to }: { readonly from: number; readonly to: number },
): Frame {
  // Children that outlive the frame count as ending with it: what happens later cannot have delayed its end.
  const pending = children
    .filter((child) => child.start < to && child.end > from && child.end > child.start)
    .sort((a, b) => Math.min(a.end, to) - Math.min(b.end, to) || b.start - a.start);
  return { node, from, to, at: to, pending };
}

/** Takes the last-finishing child off the frame that ended before the part already explained began. */
function nextChild({ pending, to, at }: Frame): SpanNode | undefined {
  for (let child = pending.pop(); child !== undefined; child = pending.pop()) {
    if (Math.min(child.end, to) <= at) return child;
  }
  return undefined;
}
