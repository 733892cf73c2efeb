import { z } from "zod";
import { FindingKind } from "./finding.ts";
import { Instant } from "./json.ts";
import { Forbidden } from "./outcome.ts";
import { ReasonCodeSchema } from "./verdict.ts";

/** A hard rule of the base commit and what it keeps a session from. */
export const Constraint = Forbidden.extend({ rule: z.string() });
export type Constraint = z.infer<typeof Constraint>;

/** `session/admission.json` of a dossier: what kept a session from being started. */
export const SessionAdmission = z.strictObject({
  schema: z.literal("whetstone.admission/1"),
  at: Instant,
  /** Kinds of the findings that the session would have been shown. */
  findings: z.array(FindingKind),
  /** Kinds that rest: so many changes for them in a row were stopped, until then. */
  resting: z.array(z.strictObject({ finding: FindingKind, stopped: z.int().positive(), until: Instant })),
  constraints: z.array(Constraint),
});
export type SessionAdmission = z.infer<typeof SessionAdmission>;

/** What is remembered that may speak against a proposal. */
export const ProposalMemory = z.strictObject({
  /** Outcomes of proposals with the same fingerprint that were stopped, each dossier's latest; oldest first. */
  earlier: z.array(
    z.strictObject({
      outcome: z.string(),
      at: Instant,
      status: z.enum(["rejected", "closed", "rolled_back"]),
      reasons: z.array(ReasonCodeSchema).min(1),
      /** Judged on the commit that the proposal is based on. */
      sameBase: z.boolean(),
    }),
  ),
  constraints: z.array(Constraint),
});
export type ProposalMemory = z.infer<typeof ProposalMemory>;
