import type { SpanNode, TraceTree } from "../analyze/tree.ts";
import { templateOf } from "./name-template.ts";

/** A trace by position: spans are counted in preorder, so that a subtree is a range of positions. */
export type TraceIndex = {
  readonly tree: TraceTree;
  readonly nodes: readonly SpanNode[];
  /** Position of the parent; −1 for roots. */
  readonly parent: Int32Array;
  /** First position behind the subtree. */
  readonly end: Int32Array;
  /** Positions of the spans of a name, ascending. */
  readonly named: (name: string) => readonly number[];
  /** Positions of the spans whose name has this template (see {@link templateOf}), ascending. */
  readonly templated: (template: string) => readonly number[];
};

/** Indexes a trace; linear in its spans. */
export function indexTrace(tree: TraceTree): TraceIndex {
  const { nodes } = tree;
  const parent = new Int32Array(nodes.length).fill(-1);
  const end = new Int32Array(nodes.length);
  const positions = new Map<SpanNode, number>();
  for (const [at, node] of nodes.entries()) {
    positions.set(node, at);
    end[at] = at + 1;
    if (node.parent !== undefined) parent[at] = positions.get(node.parent) ?? -1;
  }
  for (let at = nodes.length - 1; at > 0; at -= 1) {
    const above = parent[at] ?? -1;
    if (above >= 0) end[above] = Math.max(end[above] ?? 0, end[at] ?? 0);
  }
  const named = grouped(nodes, (name) => name);
  const templated = grouped(nodes, templateOf);
  return { tree, nodes, parent, end, named, templated };
}

function grouped(nodes: readonly SpanNode[], key: (name: string) => string): (wanted: string) => readonly number[] {
  let groups: Map<string, number[]> | undefined;
  return (wanted) => {
    if (groups === undefined) {
      groups = new Map();
      for (const [at, { span }] of nodes.entries()) {
        const own = groups.get(key(span.name));
        if (own === undefined) groups.set(key(span.name), [at]);
        else own.push(at);
      }
    }
    return groups.get(wanted) ?? [];
  };
}

/** Whether the span at `below` stands somewhere under the one at `above`. */
export function isUnder(index: TraceIndex, below: number, above: number): boolean {
  return below > above && below < (index.end[above] ?? 0);
}
