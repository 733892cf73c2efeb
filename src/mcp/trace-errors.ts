import { classifyError, ERROR_CLASSES } from "../analyze/errors/classify.ts";
import type { SpanNode, TraceTree } from "../analyze/tree.ts";
import { z } from "zod";
import { shownName } from "./shown.ts";
import { errorText } from "./span-rows.ts";

/** One failed span in an answer. */
export const ErrorRow = z.strictObject({
  id: z.string(),
  service: z.string(),
  operation: z.string(),
  class: z.enum(ERROR_CLASSES),
  error: z.string(),
  origin: z.boolean().describe("Whether it began here: no span below it failed."),
});

/** Failed spans: where errors began first, then those that passed them on; by start. */
export function failedSpans(tree: TraceTree): readonly { readonly node: SpanNode; readonly isOrigin: boolean }[] {
  const failed = tree.nodes.filter(({ span }) => span.status === "error");
  const failedBelow = new Set<SpanNode>();
  for (const { parent } of failed) {
    for (let node = parent; node !== undefined && !failedBelow.has(node); node = node.parent) failedBelow.add(node);
  }
  return failed
    .map((node) => ({ node, isOrigin: !failedBelow.has(node) }))
    .sort((a, b) => Number(b.isOrigin) - Number(a.isOrigin) || a.node.start - b.node.start);
}

/** A failed span for an answer. */
export function errorRow(
  { node, isOrigin }: ReturnType<typeof failedSpans>[number],
  short: (id: string) => string,
): z.input<typeof ErrorRow> {
  return {
    id: short(node.span.spanId),
    service: shownName(node.span.service),
    operation: shownName(node.span.name),
    class: classifyError(node.span) ?? "server_fault",
    error: errorText(node),
    origin: isOrigin,
  };
}
