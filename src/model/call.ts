import { z } from "zod";
import { Json } from "./json.ts";

/** Which version of a target serves a call. */
export const Arm = z.enum(["baseline", "canary"]);
export type Arm = z.infer<typeof Arm>;

/** One recorded tool call: the input of a replay. */
export const WorkloadCall = z.strictObject({ tool: z.string().min(1), arguments: z.record(z.string(), Json) });
export type WorkloadCall = z.infer<typeof WorkloadCall>;

/** Recorded tool calls, grouped by the client session that made them, in order. */
export const Workload = z.strictObject({
  schema: z.literal("whetstone.workload/1"),
  /** What the calls stand for, for people. */
  description: z.string(),
  sessions: z
    .array(z.strictObject({ id: z.string().min(1), calls: z.array(WorkloadCall).min(1) }))
    .min(1)
    .refine((sessions) => new Set(sessions.map(({ id }) => id)).size === sessions.length, "session ids must differ"),
});
export type Workload = z.infer<typeof Workload>;

/** How a call ended. `tool_error`: the result says `isError`; `rpc_error`: a JSON-RPC error; `transport`: no answer. */
export const CallStatus = z.enum(["ok", "tool_error", "rpc_error", "transport"]);
export type CallStatus = z.infer<typeof CallStatus>;

/** One call as it was measured by the proxy: the unit that every judge works on. */
export const CallSample = z.strictObject({
  /** Start, ms since the Unix epoch. */
  timestamp: z.number(),
  /** The tool's name. */
  operation: z.string(),
  durationMs: z.number().nonnegative(),
  error: z.boolean(),
  arm: Arm,
  /** The client session that made the call. */
  session: z.string(),
  /** How many calls it stands for, where calls were sampled; absent means 1. */
  weight: z.number().min(1).optional(),
});
export type CallSample = z.infer<typeof CallSample>;

/** What a replayed call returned, for comparison between two versions. */
export const CallResult = z.strictObject({
  /** Session id and position in the workload: `s1/3`. */
  key: z.string(),
  tool: z.string(),
  status: CallStatus,
  durationMs: z.number().nonnegative(),
  /** The result or error as the client received it. */
  result: Json,
});
export type CallResult = z.infer<typeof CallResult>;
