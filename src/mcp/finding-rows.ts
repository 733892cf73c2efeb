import { createHash } from "node:crypto";
import { z } from "zod";
import { type Finding, FindingKind, Interval, Severity } from "../model/finding.ts";
import { digits } from "./series.ts";
import { shownName, shownText } from "./shown.ts";
import type { ShownIds } from "./shown-ids.ts";

/** One finding in an answer. */
export const FindingRow = z.strictObject({
  id: z.string().describe("The same in every run; read whetstone://finding/{id}."),
  kind: FindingKind,
  severity: Severity,
  service: z.string(),
  operation: z.string(),
  child: z.string().optional().describe("Operation inside it that is concerned."),
  metric: z.string().describe("What value measures."),
  value: z.number(),
  baseline: z.number().optional().describe("What a healthy operation would show."),
  interval: Interval.optional(),
  samples: z.int().describe("Calls that the numbers come from."),
  gainMs: z.number().describe("What mending it would save per call, from the traces."),
  confidence: z.number(),
  suggestion: z.string(),
  traceIds: z.array(z.string()).describe("Traces that show it, worst first."),
});
export type FindingRow = z.infer<typeof FindingRow>;

/** Short id of a finding; equal problems have equal ids. */
export function findingKey({ id }: Pick<Finding, "id">): string {
  return `f-${createHash("sha256").update(id).digest("hex").slice(0, 12)}`;
}

/** A finding for an answer; `full` has the interval and all exemplars. */
export function findingRow(finding: Finding, ids: ShownIds, detail: "summary" | "full"): FindingRow {
  const { child, baseline, interval, traceIds, service, operation, suggestion, errorType: _type, ...rest } = finding;
  return {
    ...rest,
    id: findingKey(finding),
    service: shownName(service),
    operation: shownName(operation),
    ...(child !== undefined && { child: shownName(child) }),
    ...(baseline !== undefined && { baseline: digits(baseline) }),
    ...(interval !== undefined && detail === "full" && { interval }),
    value: digits(rest.value),
    gainMs: digits(rest.gainMs),
    suggestion: shownText(suggestion, 600),
    traceIds: traceIds.slice(0, detail === "full" ? 5 : 2).map(ids.shorten),
  };
}
