import type { SpanNode } from "../../analyze/tree.ts";
import { templateOf } from "../name-template.ts";

/** Spans that are the same thing in the same place: equal service, kind and name with ids replaced. */
export type SpanGroup = {
  readonly nodes: SpanNode[];
  /** Fewest and most of them under one span above (or in one trace). */
  readonly least: number;
  readonly most: number;
};

/**
 * Groups the spans that stand under each of `places` (or, at the top, the roots of each trace), by when they first start.
 */
export function groupSpans(places: readonly (readonly SpanNode[])[]): SpanGroup[] {
  const groups = new Map<string, { nodes: SpanNode[]; counts: number[] }>();
  for (const [place, children] of places.entries()) {
    for (const node of children) {
      const { service, kind, name } = node.span;
      const key = JSON.stringify([service, kind, templateOf(name)]);
      const group = groups.get(key) ?? { nodes: [], counts: [] };
      groups.set(key, group);
      group.nodes.push(node);
      group.counts[place] = (group.counts[place] ?? 0) + 1;
    }
  }
  return [...groups.values()].map(({ nodes, counts }) => {
    const present = counts.filter((count) => count > 0);
    const least = present.length < places.length ? 0 : lowest(present);
    return { nodes, least, most: highest(present) };
  });
}

function lowest(counts: readonly number[]): number {
  return counts.reduce((least, count) => Math.min(least, count), Infinity);
}

function highest(counts: readonly number[]): number {
  return counts.reduce((most, count) => Math.max(most, count), 0);
}
