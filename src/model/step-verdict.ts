import { z } from "zod";
import { Digest } from "./json.ts";
import { StageVerdict } from "./verdict.ts";

/** One attempt of a workflow run. */
export const JobRun = z.strictObject({ id: z.int().positive(), attempt: z.int().positive() });
export type JobRun = z.infer<typeof JobRun>;

/**
 * What a job between session and write job says of a proposal: `detect` read it (secrets, rules), `validate` tried it. It
 * names what it speaks of by digest; the write job takes no other word for it, and none is no pass.
 */
export const StepVerdict = StageVerdict.extend({
  schema: z.literal("whetstone.step-verdict/1"),
  step: z.enum(["detect", "validate"]),
  run: JobRun,
  /** SHA-256 of the artifact as GitHub states it. */
  artifactDigest: Digest,
  patchDigest: Digest,
});
export type StepVerdict = z.infer<typeof StepVerdict>;
