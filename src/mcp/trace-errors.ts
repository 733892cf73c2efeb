import { z } from "zod";
import { ERROR_CLASSES } from "../analyze/errors/classify.ts";
import type { ErrorPath } from "../analyze/errors/propagation.ts";
import { shownName, shownText } from "./shown.ts";
import { errorText } from "./span-rows.ts";

/** One error of a trace in an answer: where it began, and whom it reached. */
export const ErrorRow = z.strictObject({
  id: z.string().describe("Span in which it began."),
  service: z.string(),
  operation: z.string(),
  class: z.enum(ERROR_CLASSES),
  type: z.string(),
  error: z.string(),
  reached: z.int().describe("Calls around it that failed because of it."),
  outermost: z.string().optional().describe("The furthest of them."),
  handledBy: z.string().optional().describe("The caller that did not fail; absent where it reached the end."),
});

/** An error for an answer. */
export function errorRow(path: ErrorPath, short: (id: string) => string): z.input<typeof ErrorRow> {
  const { origin, errorClass, errorType, reached, outermost, handledBy } = path;
  const inner = origin.nodes.findLast(({ span }) => span.status === "error") ?? origin.nodes.at(-1);
  return {
    id: short(inner?.span.spanId ?? ""),
    service: shownName(origin.service),
    operation: shownName(origin.operation),
    class: errorClass,
    type: shownText(errorType, 80),
    error: inner === undefined ? "" : errorText(inner),
    reached,
    ...(outermost !== undefined && { outermost: shownName(`${outermost.service} ${outermost.operation}`) }),
    ...(handledBy !== undefined && { handledBy: shownName(`${handledBy.service} ${handledBy.operation}`) }),
  };
}
