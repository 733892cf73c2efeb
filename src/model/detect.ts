import { z } from "zod";
import { ProposalMemory } from "./admission.ts";
import { Digest } from "./json.ts";
import { PullAtHead } from "./pull-change.ts";
import { ReasonCodeSchema, StageVerdict } from "./verdict.ts";

/** The checks of a proposal before anything else looks at it, in order. */
export const DETECT_CHECKS = ["form", "memory", "patch", "secrets", "injection", "hypothesis", "review"] as const;
export const DetectCheck = z.enum(DETECT_CHECKS);
export type DetectCheck = z.infer<typeof DetectCheck>;

/** What a reviewing model said, or why there is no answer; recorded, for a replay cannot ask it again. */
export const Review = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("answered"),
    model: z.string(),
    verdict: z.enum(["approve", "refuse"]),
    /** In the model's words: hostile text. */
    reasons: z.array(z.string()),
    tokens: z.number().int().nonnegative(),
  }),
  z.strictObject({ kind: z.literal("missing"), model: z.string(), why: z.string() }),
]);
export type Review = z.infer<typeof Review>;

/** `detect/report.json` of a dossier: what speaks against a proposal before it is applied or run anywhere. */
export const DetectReport = z.strictObject({
  schema: z.literal("whetstone.detect/1"),
  proposal: z.string(),
  patchDigest: Digest,
  verdict: z.enum(["pass", "fail", "inconclusive"]),
  reasons: z.array(ReasonCodeSchema).min(1),
  checks: z.array(StageVerdict.extend({ check: DetectCheck })),
});
export type DetectReport = z.infer<typeof DetectReport>;

/** `detect/inputs.json` of a dossier: what the checks were given besides proposal and evidence. */
export const DetectInputs = z.strictObject({
  /** What the patch wall said of the change. */
  wall: z.strictObject({
    ok: z.boolean(),
    reasons: z.array(ReasonCodeSchema).min(1),
    details: z.array(z.string()),
  }),
  /** Recorded calls of each tool, and how many of them failed on the unchanged code. */
  calls: z.record(z.string(), z.strictObject({ calls: z.number().int(), failed: z.number().int() })),
  /** Absent where nothing was asked: in a run that leaves no record, and in dossiers of older versions. */
  memory: ProposalMemory.exactOptional(),
  /** The pull request whose change this is; absent for that of a session. */
  pull: PullAtHead.exactOptional(),
  /** Absent where no reviewer is configured, or where another check failed before. */
  review: Review.optional(),
});
export type DetectInputs = z.infer<typeof DetectInputs>;
