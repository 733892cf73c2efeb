import { buildEvidence } from "../analyze/evidence.ts";
import { judgeCanary, type CanaryOptions } from "../canary/judge.ts";
import { withFailure } from "../capture/canary-stage.ts";
import type { PatchLimits } from "../config/schema.ts";
import type { CallSample } from "../model/call.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Evidence } from "../model/finding.ts";
import { canonicalJson } from "../model/json.ts";
import { SessionRecord, type Proposal } from "../model/proposal.ts";
import { CanaryVerdict, ValidationReport } from "../model/verdict.ts";
import type { OpenDossier } from "../protect/dossier.ts";
import { bindProposal } from "../session/stage.ts";
import { concludeValidation, judgeChecks, judgeReplay, type CheckRun, type ReplayEvidence } from "../validate/judge.ts";
import { weighResults, type ReplayRounds } from "../validate/replay.ts";
import { judgeApply, judgePatch, type Applied } from "../validate/stage.ts";
import { unpackSpans } from "./span-pack.ts";
import { measure } from "./validate.ts";

/** One recomputation: what was recorded, and whether it came out the same again. */
export type Recomputed = {
  readonly name: string;
  readonly file: string;
  readonly verdict: string;
  readonly equal: boolean;
};

/**
 * Computes every verdict of a dossier again from the inputs that the dossier holds, and compares. Runs nothing and asks
 * nobody. The dossier's digests have been verified by `openDossier`.
 * @throws WhetstoneError `dossier_mismatch` when a part that a verdict needs is missing.
 */
export function recompute(dossier: OpenDossier): Recomputed[] {
  const parts = [recomputeEvidence, recomputeProposal, recomputeValidation, recomputeCanary];
  return parts.flatMap((part) => part(dossier));
}

function recomputeEvidence(dossier: OpenDossier): Recomputed[] {
  const recorded = parse<Evidence>(dossier, "evidence/evidence.json");
  if (!recorded) return [];
  const packed = dossier.bytes("evidence/spans.ndjson.gz");
  if (!packed) throw missing("evidence/spans.ndjson.gz");
  const again = buildEvidence({ target: recorded.target, window: recorded.window, spans: unpackSpans(packed) });
  const verdict = `${recorded.findings.length} findings`;
  return [{ name: "analyze", file: "evidence/evidence.json", verdict, equal: same(recorded, again) }];
}

function recomputeProposal(dossier: OpenDossier): Recomputed[] {
  const proposal = parse<Proposal>(dossier, "proposal.json");
  if (!proposal) return [];
  const record = SessionRecord.parse(need(dossier, "session/record.json"));
  const patch = dossier.text("change.patch");
  const again = bindProposal(record, dossier.manifest.baseSha);
  const equal = same(proposal, again) && patch === proposal.answer.patch;
  return [{ name: "session", file: "proposal.json", verdict: proposal.id, equal }];
}

function recomputeValidation(dossier: OpenDossier): Recomputed[] {
  const recorded = parse<ValidationReport>(dossier, "validation/report.json");
  if (!recorded) return [];
  const stages = [...judgeStages(dossier, need<Proposal>(dossier, "proposal.json"))];
  const compared = recorded.stages.map((stage): Recomputed => {
    const again = stages.find((other) => other.stage === stage.stage);
    return {
      name: `validate ${stage.stage}`,
      file: "validation/report.json",
      verdict: stage.verdict,
      equal: same(stage, again),
    };
  });
  const conclusion = concludeValidation(stages);
  const equal = conclusion.verdict === recorded.verdict && same(conclusion.reasons, recorded.reasons);
  return [...compared, { name: "validate", file: "validation/report.json", verdict: recorded.verdict, equal }];
}

/** The stages as far as the dossier has inputs for them: those that ran. */
function* judgeStages(dossier: OpenDossier, proposal: Proposal): Generator<ValidationReport["stages"][number]> {
  const rules = need<{ source: string[]; limits: PatchLimits }>(dossier, "validation/rules.json");
  for (const [stage, verdict] of judgePatch(proposal.answer.patch, rules)) {
    yield { stage, ...verdict };
    if (verdict.verdict !== "pass") return;
  }
  const applied = parse<Applied>(dossier, "validation/apply.json");
  if (applied) yield { stage: "apply", ...judgeApply(applied, proposal.answer.patch) };
  const checks = parse<CheckRun[]>(dossier, "validation/checks.json");
  if (checks) yield { stage: "checks", ...judgeChecks(checks) };
  const results = parse<ReplayRounds>(dossier, "validation/replay-results.json");
  if (!results) return;
  const { slowdown, hypothesis, serverFailure } = need<ReplayEvidence>(dossier, "validation/replay.json");
  const again = weighResults(results, {
    measure: (before, after) => measure({ before, after, seed: proposal.patchDigest }),
    ...{ slowdown, hypothesis, serverFailure },
  });
  yield { stage: "replay", ...judgeReplay(again) };
}

function recomputeCanary(dossier: OpenDossier): Recomputed[] {
  const recorded = parse<CanaryVerdict>(dossier, "canary/verdict.json");
  if (!recorded) return [];
  const samples = need<CallSample[]>(dossier, "canary/samples.json");
  const verdict = judgeCanary(samples, need<CanaryOptions>(dossier, "canary/options.json"));
  const canaryFailure = dossier.text("canary/failure.txt");
  const again = withFailure({ verdict, ...(canaryFailure === undefined ? {} : { canaryFailure }) });
  return [{ name: "canary", file: "canary/verdict.json", verdict: recorded.verdict, equal: same(recorded, again) }];
}

function same(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(JSON.parse(JSON.stringify(b ?? null)));
}

/** A JSON file of the dossier; undefined when the run did not get that far. Its bytes match the manifest. */
function parse<T>(dossier: OpenDossier, path: string): T | undefined {
  const text = dossier.text(path);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

function need<T>(dossier: OpenDossier, path: string): T {
  const value = parse<T>(dossier, path);
  if (value === undefined) throw missing(path);
  return value;
}

function missing(path: string): WhetstoneError {
  return new WhetstoneError("dossier_mismatch", `The dossier lacks ${path}, which a verdict of it needs.`, {
    remedy: "Fetch the whole dossier again from where it was produced.",
    data: { file: path },
  });
}
