import type { JobRun } from "../../model/step-verdict.ts";
import { StepVerdict } from "../../model/step-verdict.ts";
import { coverageGap } from "../stage.ts";
import { parse, type Read } from "./provenance.ts";
import { failed, passed, type WriteCheck, type WriteRequest } from "./request.ts";

/**
 * Check 7: the verdicts of both jobs are there, are of this attempt, speak of this artifact and this patch, and let it
 * pass; the validation report covers this patch on this base through every stage. Anything else is a refusal.
 */
export function judgeVerdicts({ materials, run, artifact }: WriteRequest, { proposal, validation }: Read): WriteCheck {
  for (const step of ["detect", "validate"] as const) {
    const refused = stepFault(parse(materials[step], StepVerdict), step, {
      run,
      artifactDigest: artifact.digest,
      patchDigest: proposal.patchDigest,
    });
    if (refused !== undefined) return refused;
  }
  const gap = coverageGap(proposal, validation);
  if (gap !== undefined) return failed("verdicts", gap.reasons, `${gap.summary}.`);
  const stages = validation.stages.length;
  return passed("verdicts", `detect and validate let it pass; the report covers it through ${stages} stages.`);
}

type Expected = { readonly run: JobRun; readonly artifactDigest: string; readonly patchDigest: string };

function stepFault(
  verdict: StepVerdict | undefined,
  step: StepVerdict["step"],
  expected: Expected,
): WriteCheck | undefined {
  if (verdict?.step !== step)
    return failed("verdicts", "verdict_missing", `The job ${step} left no verdict that can be read.`);
  const { run } = verdict;
  if (run.id !== expected.run.id || run.attempt !== expected.run.attempt) {
    const detail = `The verdict of ${step} is of run ${run.id}, attempt ${run.attempt}: run all jobs again.`;
    return failed("verdicts", "artifact_foreign", detail);
  }
  if (verdict.artifactDigest !== expected.artifactDigest || verdict.patchDigest !== expected.patchDigest) {
    return failed("verdicts", "digest_mismatch", `The verdict of ${step} is about another artifact or patch.`);
  }
  if (verdict.verdict === "pass") return undefined;
  const why = `${step} says ${verdict.verdict}: ${verdict.details.join(" ")}`;
  return failed("verdicts", ["verdict_reject", ...verdict.reasons], why);
}
