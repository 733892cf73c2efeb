import { z } from "zod";
import { DURATION } from "../model/time.ts";
import { SloKind } from "../model/slo.ts";

const Duration = z.string().regex(DURATION, "write a duration such as 250ms, 2s or 30d");

/** A service-level objective of a target. */
export const SloSettings = z
  .strictObject({
    name: z.string().min(1).describe("What it is called in reports and alerts."),
    sli: SloKind.describe("availability: calls without an error; latency: calls within the threshold."),
    threshold: Duration.optional().describe("Longest good call; for latency only, and required there."),
    objective: z.number().gt(0).lt(100).describe("Percentage of good calls that is wanted, such as 99.9."),
    window: Duration.default("30d").describe("Length of the period that the budget is for; at least an hour."),
    operation: z.string().min(1).optional().describe("Only calls of this operation (span name)."),
    service: z.string().min(1).optional().describe("Service whose calls count (default: the target's name)."),
  })
  .refine(({ sli, threshold }) => (sli === "latency") === (threshold !== undefined), {
    message: "latency needs a threshold such as 500ms, availability has none",
    path: ["threshold"],
  });
export type SloSettings = z.infer<typeof SloSettings>;
