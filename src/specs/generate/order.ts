import type { SpanNode } from "../../analyze/tree.ts";
import type { SpanGroup } from "./group.ts";

/** With fewer places an order may be chance. */
const FEWEST_PLACES = 3;

/**
 * Which group always follows which: of groups with exactly one span in every place, ordered by when they start, each
 * with the one before it that it has always waited for. The result maps the later group to the earlier one.
 */
export function alwaysAfter(groups: readonly SpanGroup[], places: number): ReadonlyMap<SpanGroup, SpanGroup> {
  const found = new Map<SpanGroup, SpanGroup>();
  if (places < FEWEST_PLACES) return found;
  const single = groups.filter(({ least, most }) => least === 1 && most === 1);
  const inOrder = single.toSorted((a, b) => meanStart(a) - meanStart(b));
  for (const [i, later] of inOrder.entries()) {
    const earlier = inOrder[i - 1];
    if (earlier !== undefined && follows(earlier.nodes, later.nodes)) found.set(later, earlier);
  }
  return found;
}

function meanStart({ nodes }: SpanGroup): number {
  return nodes.reduce((sum, node) => sum + node.start - (node.parent?.start ?? 0), 0) / nodes.length;
}

/** Both lists hold one span of every place, in the order of the places. */
function follows(earlier: readonly SpanNode[], later: readonly SpanNode[]): boolean {
  return earlier.every((node, place) => node.end <= (later[place]?.start ?? -1));
}
