import { z } from "zod";
import { criticalPath } from "../../analyze/critical-path.ts";
import { buildTree, type SpanNode, type TraceTree } from "../../analyze/tree.ts";
import { WhetstoneError } from "../../model/error.ts";
import { formatInstant } from "../../model/time.ts";
import { Cursor, Detail, offsetCursor, offsetOf, TraceIdArgument } from "../arguments.ts";
import { bytesPerItem, compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { findTrace } from "../find-trace.ts";
import { shortIds } from "../short-ids.ts";
import { SpanDetail, spanDetail } from "../span-detail.ts";
import { ms, SpanRow, spanRow } from "../span-rows.ts";
import { defineTool, READS } from "../tool.ts";
import { byImportance, treeRows } from "../tree-rows.ts";

const SpanArgument = z
  .string()
  .regex(/^[0-9a-fA-F]{4,16}$/)
  .describe("Span id or a unique beginning of it.");

const Input = z.strictObject({
  trace_id: TraceIdArgument,
  under: SpanArgument.optional().describe("Only the tree below this span."),
  span_ids: z.array(SpanArgument).min(1).max(20).optional().describe("Only these spans, with all that they hold."),
  detail: Detail.describe("summary: one row per span, like siblings in one row. full: every span with its attributes."),
  cursor: Cursor,
  max_tokens: MaxTokens,
});

/** `get_trace_by_id`: one trace, from its shape to single spans. */
export const getTraceById = defineTool({
  name: "get_trace_by_id",
  title: "One trace",
  description:
    "Shows one trace as a flat list in tree order. What the budget cuts goes by importance: roots stay first, then errors, critical path, duration; like siblings share a row. Then span_ids for the attributes of single spans, or under for a part of the tree.",
  toolset: "traces",
  effects: READS,
  input: Input,
  output: z.strictObject({
    traceId: z.string(),
    start: z.string(),
    durationMs: z.number(),
    spanCount: z.int(),
    errors: z.int(),
    repaired: z.string().optional().describe("What was wrong with the trace."),
    rows: z.array(SpanRow).optional(),
    spans: z.array(SpanDetail).optional(),
    ...Envelope,
  }),
  run: async (args, context) => {
    const tree = buildTree(await findTrace(context, args.trace_id));
    const short = shortIds(tree.nodes.map(({ span }) => span.spanId));
    const from = offsetOf(args.cursor);
    const shared = { maxTokens: args.max_tokens, facts: factsOf(tree), before: from };
    const roots = args.under === undefined ? tree.roots : spansOf(tree, args.under).slice(0, 1);
    if (args.span_ids === undefined && args.detail === "summary") {
      const rows = treeRows({ roots, critical: criticalPath(tree), grouping: true });
      const order = byImportance(rows).slice(from);
      const section = sectionOf(rows, (row) => spanRow(row, short), { byImportance: order });
      const lists = { rows: { ...section, count: order.length, total: rows.length } };
      return compose({ ...shared, lists, cursor: offsetCursor(from, order.length) });
    }
    const picked = args.span_ids?.flatMap((id) => spansOf(tree, id)) ?? below(roots);
    const page = picked.slice(from);
    const parts = { short, originNs: tree.startNs, bytes: bytesPerItem(args.max_tokens) };
    const lists = { spans: sectionOf(page, (node) => spanDetail(node, parts)) };
    return compose({ ...shared, lists, cursor: offsetCursor(from, page.length) });
  },
});

function factsOf(tree: TraceTree) {
  const repairs = [
    [tree.orphans, "spans name a parent that is not there"],
    [tree.cycles, "cycles were cut"],
    [tree.duplicates, "copies were left out"],
    [tree.roots.length - 1, "more roots than one"],
  ].flatMap(([count, what]) => (Number(count) > 0 ? [`${count} ${what}`] : []));
  return {
    traceId: tree.traceId,
    start: formatInstant(tree.startNs),
    durationMs: ms(tree.durationNs),
    spanCount: tree.nodes.length,
    errors: tree.nodes.filter(({ span }) => span.status === "error").length,
    ...(repairs.length > 0 && { repaired: repairs.join("; ") }),
  };
}

/**
 * The spans of an id: several where client and server share it, the outermost first.
 * @throws WhetstoneError `not_found`, `usage` when several ids begin so
 */
function spansOf(tree: TraceTree, id: string): readonly SpanNode[] {
  const found = tree.nodes.filter(({ span }) => span.spanId.startsWith(id.toLowerCase()));
  const ids = new Set(found.map(({ span }) => span.spanId));
  if (ids.size === 1) return found.toSorted((a, b) => a.depth - b.depth);
  const remedy = "Take ids from this trace's rows.";
  if (ids.size === 0) throw new WhetstoneError("not_found", `The trace has no span ${id}.`, { remedy });
  throw new WhetstoneError("usage", `Several spans of the trace begin with ${id}.`, { remedy });
}

function below(roots: readonly SpanNode[]): SpanNode[] {
  const nodes: SpanNode[] = [];
  const open = roots.toReversed();
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    nodes.push(node);
    for (const child of node.children.toReversed()) open.push(child);
  }
  return nodes;
}
