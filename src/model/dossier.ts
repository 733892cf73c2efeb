import { z } from "zod";
import { CommitSha, Digest, Instant } from "./json.ts";
import { ReasonCodeSchema } from "./verdict.ts";

/** One stage of a run as the dossier keeps it. */
export const StageResult = z.strictObject({
  stage: z.string(),
  verdict: z.string(),
  reasons: z.array(ReasonCodeSchema).min(1),
  /** Wall time in ms. */
  durationMs: z.number().nonnegative(),
  /** One line for people. */
  summary: z.string(),
});
export type StageResult = z.infer<typeof StageResult>;

/** `manifest.json` of a dossier: every file with its digest, and the digest over the manifest itself. */
export const DossierManifest = z.strictObject({
  schema: z.literal("whetstone.dossier/1"),
  id: z.string(),
  run: z.string(),
  target: z.string(),
  createdAt: Instant,
  baseSha: CommitSha,
  /** Parts that were recorded earlier and not produced by this run. */
  recorded: z.array(z.string()),
  verdict: z.string(),
  reasons: z.array(ReasonCodeSchema).min(1),
  stages: z.array(StageResult),
  files: z.array(z.strictObject({ path: z.string(), sha256: Digest, bytes: z.number().int().nonnegative() })),
  /** SHA-256 of the canonical JSON of all other fields. */
  digest: Digest,
});
export type DossierManifest = z.infer<typeof DossierManifest>;
