import type { SpanNode, TraceTree } from "./tree.ts";

/** Spans up to this number are shown one by one; above it, repeated siblings share a row. */
const MAX_SPANS_ONE_BY_ONE = 200;
/** Rows at most. */
const MAX_ROWS = 200;
/** Least number of siblings of one name that share a row. */
const MIN_GROUP = 3;

/** One line of a waterfall: a span, or siblings of one service and name. */
export type WaterfallRow = {
  /** At least one; more than one for a group. */
  readonly nodes: readonly SpanNode[];
  readonly depth: number;
  /** Spans below a group, which are not shown. */
  readonly hidden: number;
};

/** The rows of a waterfall and what they leave out. */
export type WaterfallRows = {
  readonly rows: readonly WaterfallRow[];
  /** Rows that show several spans, and how many spans those are. */
  readonly groups: number;
  readonly grouped: number;
  /** Spans below groups. */
  readonly inside: number;
  /** Spans that no row stands for, because there are too many rows. */
  readonly cut: number;
};

/** Chooses the rows for a trace: every span while there are few, repeated siblings as one row when there are many. */
export function waterfallRows(tree: TraceTree): WaterfallRows {
  const grouping = tree.nodes.length > MAX_SPANS_ONE_BY_ONE;
  const all: WaterfallRow[] = [];
  const open = rowsOf(tree.roots, grouping).reverse();
  for (let row = open.pop(); row !== undefined; row = open.pop()) {
    all.push(row);
    const [only, second] = row.nodes;
    if (only !== undefined && second === undefined) open.push(...rowsOf(only.children, grouping).reverse());
  }
  const rows = all.slice(0, MAX_ROWS);
  const groups = rows.filter(({ nodes }) => nodes.length > 1);
  const spansIn = (list: readonly WaterfallRow[]): number => list.reduce((total, { nodes }) => total + nodes.length, 0);
  const inside = groups.reduce((total, { hidden }) => total + hidden, 0);
  const cut = tree.nodes.length - spansIn(rows) - inside;
  return { rows, groups: groups.length, grouped: spansIn(groups), inside, cut };
}

/** Siblings as rows by start: those of one service, name and outcome together where there are enough of them. */
function rowsOf(siblings: readonly SpanNode[], grouping: boolean): WaterfallRow[] {
  const single = (node: SpanNode): WaterfallRow => ({ nodes: [node], depth: node.depth, hidden: 0 });
  if (!grouping) return siblings.map(single);
  const byName = Map.groupBy(siblings, ({ span }) =>
    JSON.stringify([span.service, span.name, span.status === "error"]),
  );
  return [...byName.values()]
    .flatMap((nodes) =>
      nodes.length < MIN_GROUP
        ? nodes.map(single)
        : [{ nodes, depth: nodes[0]?.depth ?? 0, hidden: descendants(nodes) }],
    )
    .sort((a, b) => startOf(a) - startOf(b));
}

function startOf({ nodes }: WaterfallRow): number {
  return nodes[0]?.start ?? 0;
}

function descendants(nodes: readonly SpanNode[]): number {
  const open = nodes.flatMap(({ children }) => children);
  let count = 0;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    count += 1;
    for (const child of node.children) open.push(child);
  }
  return count;
}
