import { z } from "zod";
import { Interval } from "../model/finding.ts";

/** A share of repetitions, with its interval (Jeffreys). */
export const AaShare = z.strictObject({ count: z.int(), rate: z.number(), interval: Interval });

/** What the judge said of one kind of made-up canary. */
export const AaWorld = z.strictObject({
  /** `equal`: both arms are the baseline; else a canary exactly as much worse as must not be promoted. */
  world: z.enum(["equal", "errors_at_margin", "time_at_margin"]),
  /** Repetitions in which any look said so, whatever an earlier look had said. */
  rollback: AaShare,
  promote: AaShare,
  undecided: AaShare,
  /** Median of the minutes to the first verdict; null when fewer than half of the repetitions had one. */
  medianMinutes: z.number().nullable(),
});
export type AaWorld = z.infer<typeof AaWorld>;

/** A rate that the judge promises, and what was measured. */
export const AaPromise = z.strictObject({
  promised: z.number(),
  measured: AaShare,
  /** The interval lies above the promise. */
  isBroken: z.boolean(),
});

/** Result of judging a baseline against itself (canary-statistics, section 6). */
export const AaReport = z.strictObject({
  schema: z.literal("whetstone.canary-aa/1"),
  repetitions: z.int(),
  /** Calls, and blocks of calls that were drawn and routed together: sessions, or single calls where none are named. */
  calls: z.int(),
  blocks: z.int(),
  minutes: z.number(),
  looks: z.int(),
  worlds: z.array(AaWorld).min(1),
  falseRollback: AaPromise,
  /** Of the world in which the judge was wrong more often; null when no margin can be made from these calls. */
  falsePromotion: AaPromise.nullable(),
});
export type AaReport = z.infer<typeof AaReport>;
export type AaShare = z.infer<typeof AaShare>;
