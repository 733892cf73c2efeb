import { z } from "zod";
import { FindingKind } from "./finding.ts";
import { Instant } from "./json.ts";

/** One rule that applied to a session: whether the session was to see it, and with which probability that was drawn. */
export const Arm = z.strictObject({
  rule: z.string(),
  version: z.number().int(),
  assigned: z.boolean(),
  /** 1 for hard rules, which are not drawn and say nothing about their effect. */
  q: z.number(),
});
export type Arm = z.infer<typeof Arm>;

/**
 * `assignments/<run>.json` on the state branch: what was drawn, written before the session starts. A session that never
 * gives an outcome counts as a failure of every arm, so the draw must be on record whatever becomes of the run.
 */
export const RuleAssignment = z.strictObject({
  schema: z.literal("whetstone.assignment/1"),
  /** Id of the run, whose first outcome is `o-` and the same end. */
  run: z.string().min(1),
  target: z.string(),
  at: Instant,
  /** Kinds of the findings that the session was shown. */
  findings: z.array(FindingKind),
  arms: z.array(Arm),
  /** Rules that applied and for which the token budget had no room: not shown, and not drawn. Absent for none. */
  noRoom: z.array(z.string()).exactOptional(),
});
export type RuleAssignment = z.infer<typeof RuleAssignment>;
