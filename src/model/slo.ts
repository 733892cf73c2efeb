import { z } from "zod";
import { Interval, Window } from "./finding.ts";
import { ReasonCodeSchema } from "./verdict.ts";

/** What is measured: calls without an error, or calls within a time. */
export const SloKind = z.enum(["availability", "latency"]);
export type SloKind = z.infer<typeof SloKind>;

/** One pair of windows of a multi-window burn-rate alert. */
export const BurnRate = z.strictObject({
  severity: z.enum(["page", "ticket"]),
  /** Lengths in seconds. */
  longSeconds: z.number(),
  shortSeconds: z.number(),
  /** Share of bad calls over the share that the objective allows; null where there was no call. */
  long: z.number().nullable(),
  short: z.number().nullable(),
  /** Both must exceed it. */
  factor: z.number(),
  firing: z.boolean(),
});
export type BurnRate = z.infer<typeof BurnRate>;

/** One objective as it stands. */
export const SloStatus = z.strictObject({
  target: z.string(),
  name: z.string(),
  sli: SloKind,
  /** Latency only, ms. */
  thresholdMs: z.number().optional(),
  /** Share of good calls that is wanted, 0 to 1. */
  objective: z.number(),
  /** The period, in whole minutes. */
  window: Window,
  calls: z.number().int(),
  bad: z.number().int(),
  /** Calls so near to the threshold that the rollups cannot tell on which side; they count as good. */
  uncertain: z.number().int(),
  /** Share of good calls; null without a call. */
  value: z.number().nullable(),
  /** Wilson's, its lower end with all uncertain calls as bad. */
  interval: Interval.nullable(),
  /** 1 = nothing spent, 0 = all spent, below 0 = missed. */
  budgetLeft: z.number().nullable(),
  burnRates: z.array(BurnRate),
  /** `no_data`: no call in the period. */
  alert: z.enum(["none", "ticket", "page", "no_data"]),
  verdict: z.enum(["pass", "fail", "inconclusive"]),
  reasons: z.array(ReasonCodeSchema).min(1),
});
export type SloStatus = z.infer<typeof SloStatus>;

/** What `whetstone slo status --json` prints. */
export const SloReport = z.strictObject({
  schema: z.literal("whetstone.slo/1"),
  verdict: z.enum(["pass", "fail", "inconclusive"]),
  objectives: z.array(SloStatus),
});
export type SloReport = z.infer<typeof SloReport>;
