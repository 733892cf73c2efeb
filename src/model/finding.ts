import { z } from "zod";
import { Instant } from "./json.ts";
import { TraceId } from "./span.ts";

/** A two-sided interval at a confidence level, in the unit of the value it belongs to. */
export const Interval = z.strictObject({ low: z.number(), high: z.number(), level: z.number().gt(0).lt(1) });
export type Interval = z.infer<typeof Interval>;

/** Kinds of problems that the analysis names. */
export const FindingKind = z.enum([
  "n_plus_one",
  "sequential_calls",
  "errors",
  "slow_operation",
  "retry_storm",
  "retry_amplification",
  "chatty_calls",
  "fan_out",
  "lock_step",
  "cold_start",
  "payload_growth",
]);
export type FindingKind = z.infer<typeof FindingKind>;

export const Severity = z.enum(["info", "minor", "major", "critical"]);
export type Severity = z.infer<typeof Severity>;

/** One problem, with its numbers and the traces that show it. */
export const Finding = z.strictObject({
  /** Stable over runs: kind, service and operation. */
  id: z.string(),
  kind: FindingKind,
  severity: Severity,
  service: z.string(),
  operation: z.string(),
  /** What `value` measures, with its unit: `child_calls`, `duration_ms`, `error_rate`, … */
  metric: z.string(),
  value: z.number(),
  /** What a healthy operation would show, where it can be computed. */
  baseline: z.number().optional(),
  interval: Interval.optional(),
  /** Calls that the numbers are computed from. */
  samples: z.number().int().nonnegative(),
  /** Milliseconds per call that mending it would save, from the traces; 0 where latency is not the problem. */
  gainMs: z.number().nonnegative(),
  /** Child operation concerned, for findings about the inside of an operation. */
  child: z.string().optional(),
  /** Error class for `errors`. */
  errorType: z.string().optional(),
  /** Exemplars, worst first, at most five. */
  traceIds: z.array(TraceId).max(5),
  /** 0 to 1: how sure the detector is that this is a real problem. */
  confidence: z.number().min(0).max(1),
  suggestion: z.string(),
});
export type Finding = z.infer<typeof Finding>;

/** Calls, errors and latency of one operation in a window. */
export const OperationSummary = z.strictObject({
  service: z.string(),
  operation: z.string(),
  calls: z.number().int(),
  errors: z.number().int(),
  errorRate: z.number(),
  p50Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number(),
});
export type OperationSummary = z.infer<typeof OperationSummary>;

export const Window = z.strictObject({ since: Instant, until: Instant });
export type Window = z.infer<typeof Window>;

/** Typed, size-capped aggregate of a target's telemetry: what a session may see. Never free text from telemetry. */
export const Evidence = z.strictObject({
  schema: z.literal("whetstone.evidence/1"),
  target: z.string(),
  window: Window,
  traces: z.number().int(),
  spans: z.number().int(),
  operations: z.array(OperationSummary),
  findings: z.array(Finding),
  /** What the caps left out. */
  omitted: z.strictObject({ operations: z.number().int(), findings: z.number().int() }),
});
export type Evidence = z.infer<typeof Evidence>;
