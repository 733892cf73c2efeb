import { z } from "zod";
import { FindingKind } from "../../model/finding.ts";
import { Hypothesis, SessionAnswer } from "../../model/proposal.ts";

/**
 * What a refinement answers: what it did and what that should change. The patch is not among it: that is computed from
 * the worktree, never taken from what a model says. Hostile until it was checked.
 */
export const RefinementAnswer = z.strictObject({
  /** For the next session on the target. */
  summary: z.string().min(1).max(2_000),
  /** Null when nothing is worth a change. */
  proposal: z
    .strictObject({
      title: SessionAnswer.shape.title,
      hypothesis: Hypothesis,
      rationale: SessionAnswer.shape.rationale.min(1),
      findings: z.array(FindingKind).min(1).max(20),
    })
    .nullable(),
});
export type RefinementAnswer = z.infer<typeof RefinementAnswer>;

/** JSON Schema of {@link RefinementAnswer} as `--json-schema` takes it. */
export function refinementSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(RefinementAnswer, { target: "draft-7" });
}
