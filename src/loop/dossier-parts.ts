import { z } from "zod";
import type { CanaryOptions } from "../canary/judge.ts";
import { PatchLimits, ProtectedSettings } from "../config/schema.ts";
import { SessionAdmission } from "../model/admission.ts";
import { CallResult, CallSample } from "../model/call.ts";
import { ContextAccount } from "../model/context.ts";
import { DetectInputs, DetectReport } from "../model/detect.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { Evidence } from "../model/finding.ts";
import { Hypothesis, Proposal, SessionRecord } from "../model/proposal.ts";
import { PullChange } from "../model/pull-change.ts";
import { CanaryVerdict, Effect, ReasonCodeSchema, ValidationReport } from "../model/verdict.ts";
import type { OpenDossier } from "../protect/dossier.ts";
import type { WallEvidence } from "../protect/wall/change.ts";

const ReplayRounds = z.strictObject({
  reference: z.array(CallResult),
  before: z.array(z.array(CallResult)),
  after: z.array(z.array(CallResult)),
});

const Difference = z.strictObject({
  key: z.string(),
  tool: z.string(),
  path: z.string(),
  before: z.string(),
  after: z.string(),
});

const ReplayEvidence = z.strictObject({
  differences: z.array(Difference),
  effects: z.array(Effect),
  hypothesis: Hypothesis,
  slowdown: z.number(),
  noiseFields: z.number(),
  calls: z.number(),
  serverFailure: z.string().optional(),
});

const CheckRun = z.strictObject({
  name: z.string(),
  command: z.string(),
  exitCode: z.number().nullable(),
  timedOut: z.boolean(),
  tail: z.string(),
});

const number = z.number().exactOptional();

/** The canary judge's options as they were frozen; the judge itself refuses values that cannot be meant. */
const FrozenOptions = z.strictObject({
  weight: z.number().nullable(),
  alpha: number,
  beta: number,
  margin: number,
  harmMargin: number,
  slowdown: number,
  alphaShares: z.strictObject({ errors: z.number(), slow_calls: z.number(), latency: z.number() }).exactOptional(),
  minimumBadEvents: number,
  minimumCalls: number,
  tuningCalls: number,
  intervalMs: number,
  unit: z.enum(["call", "session"]).exactOptional(),
  deadlineReached: z.boolean().exactOptional(),
  atDeadline: z.enum(["inconclusive", "rollback"]).exactOptional(),
  disasterEValue: number,
  staleAfterMs: number,
  changesMs: z.array(z.number()).exactOptional(),
  startedMs: number,
  nowMs: number,
  maxErrorRate: number,
  maxSlowRate: number,
  knownDrift: z.strictObject({ rollback: z.boolean(), promotion: z.boolean() }).exactOptional(),
  latencyLimitsMs: z.record(z.string(), z.number()).exactOptional(),
} satisfies Record<keyof CanaryOptions, z.ZodType>);

const RawChange = z.strictObject({
  path: z.string(),
  oldMode: z.string().nullable(),
  newMode: z.string().nullable(),
  oldId: z.string().nullable(),
  newId: z.string().nullable(),
});

/** The views of the patch wall, which are compared again. */
const WallViews = z.strictObject({
  ours: z.array(RawChange),
  read: z.strictObject({ numstat: z.array(z.string()), summary: z.array(z.string()) }),
  tree: z.array(RawChange),
}) satisfies z.ZodType<WallEvidence>;

/** What the JSON files of a dossier hold. */
const PARTS = {
  "evidence/evidence.json": Evidence,
  "session/context.json": ContextAccount,
  "session/admission.json": SessionAdmission,
  "session/record.json": SessionRecord,
  "proposal.json": Proposal,
  "pull.json": PullChange,
  "detect/inputs.json": DetectInputs,
  "detect/report.json": DetectReport,
  "validation/rules.json": z.strictObject({
    source: z.array(z.string()),
    limits: PatchLimits,
    protected: ProtectedSettings.exactOptional(),
    executable: z.array(z.string()).exactOptional(),
    binary: z.array(z.string()).exactOptional(),
  }),
  "validation/apply.json": z.union([
    z.strictObject({ ok: z.literal(true), changed: z.array(z.string()), views: WallViews.exactOptional() }),
    z.strictObject({
      ok: z.literal(false),
      detail: z.string(),
      reasons: z.array(ReasonCodeSchema).min(1).exactOptional(),
      views: WallViews.exactOptional(),
    }),
  ]),
  "validation/checks.json": z.array(CheckRun),
  "validation/replay-results.json": ReplayRounds,
  "validation/replay.json": ReplayEvidence,
  "validation/report.json": ValidationReport,
  "canary/options.json": FrozenOptions,
  "canary/samples.json": z.array(CallSample),
  "canary/verdict.json": CanaryVerdict,
} as const;

/** A JSON file that a dossier may hold. */
export type PartPath = keyof typeof PARTS;
/** What it holds. */
export type Part<Path extends PartPath> = z.output<(typeof PARTS)[Path]>;

/**
 * A file of the dossier; undefined when the run did not get that far. That its bytes match the manifest says nothing
 * about what they mean: somebody may have written both.
 * @throws WhetstoneError `dossier_mismatch` when it does not hold what it should
 */
export function readPart<Path extends PartPath>(dossier: OpenDossier, path: Path): Part<Path> | undefined {
  const text = dossier.text(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unusable(path, `is not JSON: ${messageOf(error)}`, error);
  }
  const parsed = PARTS[path].safeParse(value);
  if (parsed.success) return parsed.data as Part<Path>;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "the whole" : `field ${issue.path.join(".")}`;
  throw unusable(path, `does not hold what it should: ${where}: ${issue?.message ?? "it does not fit"}`, parsed.error);
}

/** A file that a verdict of the dossier needs. @throws WhetstoneError `dossier_mismatch` also when it is missing */
export function needPart<Path extends PartPath>(dossier: OpenDossier, path: Path): Part<Path> {
  const part = readPart(dossier, path);
  if (part === undefined) throw missing(path);
  return part;
}

/** The error for a file that a verdict needs and the dossier lacks. */
export function missing(path: string): WhetstoneError {
  return new WhetstoneError("dossier_mismatch", `The dossier lacks ${path}, which a verdict of it needs.`, {
    remedy: "Fetch the whole dossier again from where it was produced.",
    data: { file: path },
  });
}

/** The error for a file that cannot be judged again. */
export function unusable(path: string, why: string, cause?: unknown): WhetstoneError {
  return new WhetstoneError("dossier_mismatch", `${path} of the dossier ${why}.`, {
    remedy: "Do not rely on this dossier: its digests fit, its contents do not. Fetch it from where it was produced.",
    data: { file: path },
    cause,
  });
}
