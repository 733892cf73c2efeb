import type { PathSegment } from "../analyze/critical-path.ts";
import type { SpanNode } from "../analyze/tree.ts";

/** Least number of like siblings that share a row. */
const LEAST_GROUP = 3;
/** Steps of a path that are written out. */
const PATH_STEPS = 12;

/** One row of a trace: a span, or siblings of one service and name without an error in or below them. */
export type TreeRow = {
  /** Place in the tree, such as `1.3.2`: numbers of rows from the root down. */
  readonly path: string;
  /** At least one; the longest first for a group. */
  readonly nodes: readonly SpanNode[];
  /** Spans below a group, which have no row of their own. */
  readonly inside: number;
  /** Time on the critical path, ns. */
  readonly criticalNs: number;
};

/** What rows are made of: the tree below some spans. */
export type TreePart = {
  readonly roots: readonly SpanNode[];
  readonly critical: readonly PathSegment[];
  /** Whether siblings may share a row. */
  readonly grouping: boolean;
};

type Subtree = { spans: number; errors: number };
type Place = {
  readonly nodes: readonly SpanNode[];
  readonly inside: number;
  readonly steps: readonly number[];
  readonly depth: number;
};

/** The rows in order of the tree, parents before children, in time that grows with the number of spans only. */
export function treeRows({ roots, critical, grouping }: TreePart): readonly TreeRow[] {
  const time = new Map<SpanNode, number>();
  for (const { node, start, end } of critical) time.set(node, (time.get(node) ?? 0) + end - start);
  const subtrees = grouping ? measure(roots) : undefined;
  const rows: TreeRow[] = [];
  const open = placesOf(roots, undefined, subtrees).reverse();
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { nodes, inside } = place;
    const criticalNs = nodes.reduce((sum, node) => sum + (time.get(node) ?? 0), 0);
    rows.push({ path: pathText(place), nodes, inside, criticalNs });
    const [only, second] = nodes;
    if (only === undefined || second !== undefined) continue;
    for (const below of placesOf(only.children, place, subtrees).reverse()) open.push(below);
  }
  return rows;
}

/** Spans and errors in and below each span. */
function measure(roots: readonly SpanNode[]): ReadonlyMap<SpanNode, Subtree> {
  const nodes: SpanNode[] = [];
  const open = [...roots];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    nodes.push(node);
    for (const child of node.children) open.push(child);
  }
  const subtrees = new Map(nodes.map((node) => [node, { spans: 1, errors: node.span.status === "error" ? 1 : 0 }]));
  for (const node of nodes.reverse()) {
    const [own, parent] = [subtrees.get(node), node.parent && subtrees.get(node.parent)];
    if (own === undefined || parent === undefined) continue;
    parent.spans += own.spans;
    parent.errors += own.errors;
  }
  return subtrees;
}

function placesOf(
  siblings: readonly SpanNode[],
  above: Place | undefined,
  subtrees: ReadonlyMap<SpanNode, Subtree> | undefined,
): Place[] {
  const { steps, depth } = above ?? { steps: [], depth: 0 };
  const groups = subtrees === undefined ? siblings.map((node) => [node]) : groupsOf(siblings, subtrees);
  return groups.map((nodes, at) => ({
    nodes,
    inside: nodes.length === 1 ? 0 : nodes.reduce((sum, node) => sum + (subtrees?.get(node)?.spans ?? 1) - 1, 0),
    // Of a very deep path the middle is left out.
    steps: [...steps.slice(0, PATH_STEPS - 1), at + 1],
    depth: depth + 1,
  }));
}

function pathText({ steps, depth }: Place): string {
  const hidden = depth - steps.length;
  if (hidden === 0) return steps.join(".");
  return `${steps.slice(0, -1).join(".")}.(${hidden} more levels).${steps.at(-1)}`;
}

/** Like siblings together where there are enough of them; groups by start of their first span. */
function groupsOf(siblings: readonly SpanNode[], subtrees: ReadonlyMap<SpanNode, Subtree>): SpanNode[][] {
  const groups = Map.groupBy(siblings, (node) =>
    (subtrees.get(node)?.errors ?? 0) > 0 ? node : JSON.stringify([node.span.service, node.span.name]),
  );
  return [...groups.values()].flatMap((nodes) =>
    nodes.length < LEAST_GROUP ? nodes.map((node) => [node]) : [nodes.sort((a, b) => lengthOf(b) - lengthOf(a))],
  );
}

const lengthOf = ({ start, end }: SpanNode): number => end - start;

/** Rows by importance: the roots, spans with errors, then time on the critical path, then length. */
export function byImportance(rows: readonly TreeRow[]): readonly number[] {
  const rank = ({ nodes: [first] }: TreeRow): number => {
    if (first?.parent === undefined) return 0;
    return first.span.status === "error" ? 1 : 2;
  };
  const length = ({ nodes: [first] }: TreeRow): number => (first === undefined ? 0 : lengthOf(first));
  return rows
    .map((row, index) => ({ row, index, rank: rank(row), length: length(row) }))
    .sort((a, b) => a.rank - b.rank || b.row.criticalNs - a.row.criticalNs || b.length - a.length || a.index - b.index)
    .map(({ index }) => index);
}
