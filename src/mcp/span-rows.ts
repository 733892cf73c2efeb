import { z } from "zod";
import { nsToMs } from "../analyze/calls.ts";
import type { SpanNode } from "../analyze/tree.ts";
import { ATTR, SpanKind, SpanStatus } from "../model/span.ts";
import { shownName, shownText } from "./shown.ts";
import type { TreeRow } from "./tree-rows.ts";

/** One row of a trace in an answer. */
export const SpanRow = z.strictObject({
  path: z.string().describe("Place in the tree: 1 is the first root, 1.2 its second child."),
  id: z.string().describe("Beginning of the span id, unique in the trace; good as an argument."),
  service: z.string(),
  operation: z.string(),
  kind: SpanKind.optional().describe("Absent for internal."),
  startMs: z.number().describe("From the start of the trace."),
  durationMs: z.number().describe("For a group: the longest."),
  selfMs: z.number().optional().describe("Its own time: without its children."),
  criticalMs: z.number().optional().describe("Time in which the end of the trace waited for it; absent for none."),
  status: SpanStatus.optional().describe("Absent for unset."),
  error: z.string().optional(),
  group: z
    .strictObject({ spans: z.int(), minMs: z.number(), medianMs: z.number(), totalMs: z.number(), inside: z.int() })
    .optional()
    .describe("For like siblings in one row: how many, and spans below them that have no row."),
});
export type SpanRow = z.infer<typeof SpanRow>;

/** A row for an answer. */
export function spanRow({ path, nodes, inside, criticalNs }: TreeRow, short: (id: string) => string): SpanRow {
  const [first] = nodes as readonly [SpanNode, ...SpanNode[]];
  const { span } = first;
  return {
    path,
    id: short(span.spanId),
    service: shownName(span.service),
    operation: shownName(span.name),
    ...(span.kind !== "internal" && { kind: span.kind }),
    startMs: ms(nodes.reduce((least, { start }) => Math.min(least, start), first.start)),
    durationMs: ms(first.end - first.start),
    ...(nodes.length === 1 && { selfMs: ms(first.selfNs) }),
    ...(criticalNs > 0 && { criticalMs: ms(criticalNs) }),
    ...(span.status !== "unset" && { status: span.status }),
    ...(span.status === "error" && { error: errorText(first) }),
    ...(nodes.length > 1 && { group: { ...groupTimes(nodes), inside } }),
  };
}

function groupTimes(nodes: readonly SpanNode[]) {
  const lengths = nodes.map(({ start, end }) => end - start);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  return {
    spans: nodes.length,
    minMs: ms(lengths.at(-1) ?? 0),
    medianMs: ms(lengths[Math.floor(lengths.length / 2)] ?? 0),
    totalMs: ms(total),
  };
}

/** Class and message of a failed span. */
export function errorText({ span }: SpanNode): string {
  const type = span.attributes[ATTR.errorType];
  const words = [typeof type === "string" ? type : undefined, span.statusMessage].filter((word) => word !== undefined);
  return words.length === 0 ? "no class or message was recorded" : shownText(words.join(": "), 200);
}

/** Milliseconds with µs. */
export function ms(ns: number): number {
  return Math.round(nsToMs(ns) * 1_000) / 1_000;
}
