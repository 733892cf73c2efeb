import { buildEvidence } from "../analyze/evidence.ts";
import { judgeCanary } from "../canary/judge.ts";
import { judgeStage, withFailure } from "../capture/canary-stage.ts";
import { judgeDetect } from "../detect/judge.ts";
import { concludeRun } from "../flow.ts";
import type { ReasonCode } from "../model/codes.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { judgeAdmission } from "../learn/admission.ts";
import { canonicalJson } from "../model/json.ts";
import type { Proposal } from "../model/proposal.ts";
import type { Span } from "../model/span.ts";
import type { ValidationReport } from "../model/verdict.ts";
import { digestOf, sha256 } from "../protect/digest.ts";
import type { OpenDossier } from "../protect/dossier.ts";
import { formatReport } from "../propose/report.ts";
import { byWeight } from "../session/context/evidence.ts";
import { bindProposal, judgeSession } from "../session/stage.ts";
import { concludeValidation, judgeChecks, judgeReplay, type ReplayEvidence } from "../validate/judge.ts";
import { weighResults } from "../validate/replay.ts";
import { describeProposal, judgeApply, judgePatch } from "../validate/stage.ts";
import { judgeEvidence, windowOf } from "./analyze.ts";
import { missing, needPart, readPart, unusable } from "./dossier-parts.ts";
import { unpackSpans } from "./span-pack.ts";
import { measure } from "./validate.ts";

/** One recomputation: what was recorded, and whether it came out the same again. */
export type Recomputed = {
  readonly name: string;
  readonly file: string;
  readonly verdict: string;
  readonly equal: boolean;
};

const SPANS = "evidence/spans.ndjson.gz";

/**
 * Computes every verdict of a dossier again from the inputs that the dossier holds, and compares. Runs nothing and asks
 * nobody. The dossier's digests have been verified by `openDossier`.
 * @throws WhetstoneError `dossier_mismatch` when a part that a verdict needs is missing or unusable.
 */
export function recompute(dossier: OpenDossier): Recomputed[] {
  const parts = [
    recomputeEvidence,
    recomputeContext,
    recomputeProposal,
    recomputeDetect,
    recomputeValidation,
    recomputeReport,
    recomputeCanary,
    recomputeEnd,
  ];
  return parts.flatMap((part) => part(dossier));
}

function recomputeEvidence(dossier: OpenDossier): Recomputed[] {
  const file = "evidence/evidence.json";
  const recorded = readPart(dossier, file);
  if (!recorded) return [];
  const spans = spansOf(dossier);
  const again = buildEvidence({ target: dossier.manifest.target, window: windowOf(spans), spans });
  return [{ name: "analyze", file, verdict: `${recorded.findings.length} findings`, equal: same(recorded, again) }];
}

function spansOf(dossier: OpenDossier): Span[] {
  const packed = dossier.bytes(SPANS);
  if (!packed) throw missing(SPANS);
  try {
    return unpackSpans(packed);
  } catch (error) {
    throw unusable(SPANS, `holds no spans: ${messageOf(error)}`, error);
  }
}

/** What the session was told has the digests that were stated of it. Dossiers of older versions state none. */
function recomputeContext(dossier: OpenDossier): Recomputed[] {
  const file = "session/context.json";
  const recorded = readPart(dossier, file);
  if (!recorded) return [];
  const told = dossier.text("session/context.md");
  if (told === undefined) throw missing("session/context.md");
  const evidence = needPart(dossier, "evidence/evidence.json");
  const equal = sha256(told) === recorded.digest && digestOf(byWeight(evidence)) === recorded.evidenceDigest;
  return [{ name: "context", file, verdict: `${recorded.tokens} tokens`, equal }];
}

function recomputeProposal(dossier: OpenDossier): Recomputed[] {
  const proposal = readPart(dossier, "proposal.json");
  if (!proposal) return [];
  const again = bindProposal(needPart(dossier, "session/record.json"), dossier.manifest.baseSha);
  const pull = readPart(dossier, "pull.json");
  const isAsked = pull === undefined || pull.patchDigest === proposal.patchDigest;
  const equal = same(proposal, again) && dossier.text("change.patch") === proposal.answer.patch && isAsked;
  return [{ name: "session", file: "proposal.json", verdict: proposal.id, equal }];
}

/** The checks before validation. Dossiers of older versions hold none. */
function recomputeDetect(dossier: OpenDossier): Recomputed[] {
  const file = "detect/report.json";
  const recorded = readPart(dossier, file);
  if (!recorded) return [];
  const again = judgeDetect({
    proposal: needPart(dossier, "proposal.json"),
    evidence: needPart(dossier, "evidence/evidence.json"),
    inputs: needPart(dossier, "detect/inputs.json"),
  });
  return [{ name: "detect", file, verdict: recorded.verdict, equal: same(recorded, again) }];
}

function recomputeValidation(dossier: OpenDossier): Recomputed[] {
  const file = "validation/report.json";
  const recorded = readPart(dossier, file);
  if (!recorded) return [];
  const proposal = needPart(dossier, "proposal.json");
  const replayed = replayAgain(dossier, proposal);
  const stages = [...judgeStages(dossier, proposal, replayed)];
  const compared = recorded.stages.map((stage): Recomputed => {
    const again = stages.find((other) => other.stage === stage.stage);
    return { name: `validate ${stage.stage}`, file, verdict: stage.verdict, equal: same(stage, again) };
  });
  const effects = replayed?.effects ?? [];
  const again = { ...describeProposal(proposal), ...concludeValidation(stages), stages, effects };
  const evidence = readPart(dossier, "validation/replay.json");
  const equal = same(recorded, again) && same(evidence, replayed);
  return [...compared, { name: "validate", file, verdict: recorded.verdict, equal }];
}

/** The stages as far as the dossier has inputs for them: those that ran. */
function* judgeStages(
  dossier: OpenDossier,
  { answer }: Proposal,
  replayed: ReplayEvidence | undefined,
): Generator<ValidationReport["stages"][number]> {
  for (const [stage, verdict] of judgePatch(answer.patch, needPart(dossier, "validation/rules.json"))) {
    yield { stage, ...verdict };
    if (verdict.verdict !== "pass") return;
  }
  const applied = readPart(dossier, "validation/apply.json");
  if (applied) yield { stage: "apply", ...judgeApply(applied, answer.patch) };
  const checks = readPart(dossier, "validation/checks.json");
  if (checks) yield { stage: "checks", ...judgeChecks(checks) };
  if (replayed) yield { stage: "replay", ...judgeReplay(replayed) };
}

/** The replayed calls, weighed again; undefined when validation did not get that far. */
function replayAgain(dossier: OpenDossier, { answer, patchDigest }: Proposal): ReplayEvidence | undefined {
  const results = readPart(dossier, "validation/replay-results.json");
  if (!results) return undefined;
  const { slowdown, serverFailure } = needPart(dossier, "validation/replay.json");
  const { hypothesis } = answer;
  return weighResults(results, {
    measure: (before, after) => measure({ before, after, seed: patchDigest }),
    slowdown,
    hypothesis,
    serverFailure,
  });
}

function recomputeReport(dossier: OpenDossier): Recomputed[] {
  const file = "report.md";
  const recorded = dossier.text(file);
  if (recorded === undefined) return [];
  const again = formatReport({
    proposal: needPart(dossier, "proposal.json"),
    session: needPart(dossier, "session/record.json"),
    evidence: needPart(dossier, "evidence/evidence.json"),
    validation: needPart(dossier, "validation/report.json"),
    dossier: dossier.manifest.id,
  });
  return [{ name: "propose", file, verdict: "report", equal: recorded === again }];
}

function recomputeCanary(dossier: OpenDossier): Recomputed[] {
  const file = "canary/verdict.json";
  const recorded = readPart(dossier, file);
  if (!recorded) return [];
  const samples = needPart(dossier, "canary/samples.json");
  const options = needPart(dossier, "canary/options.json");
  const canaryFailure = dossier.text("canary/failure.txt");
  try {
    const verdict = judgeCanary(samples, options);
    const again = withFailure({ verdict, ...(canaryFailure === undefined ? {} : { canaryFailure }) });
    return [{ name: "canary", file, verdict: recorded.verdict, equal: same(recorded, again) }];
  } catch (error) {
    if (!(error instanceof WhetstoneError)) throw error;
    throw unusable("canary/options.json", `cannot be judged by: ${error.message}`, error);
  }
}

/** The end of the run follows from its stages, and what each stage ended with from what it left. */
function recomputeEnd({ manifest, ...dossier }: OpenDossier): Recomputed[] {
  const { stages, verdict, reasons } = manifest;
  const end = concludeRun(stages);
  const left = endings({ manifest, ...dossier });
  const equal = Object.entries(left).every(([name, ending]) => {
    const stage = stages.find((other) => other.stage === name);
    // A stage that the kill switch held back is the last one, and left nothing.
    if (ending === undefined && stage !== undefined && stage === stages.at(-1) && same(endingOf(stage), STOPPED))
      return true;
    return same(stage && { verdict: stage.verdict, reasons: stage.reasons }, ending);
  });
  const ended = same({ status: verdict, reasons }, end);
  const proposed = stages.some((stage) => stage.stage === "propose" && stage.verdict === "pass");
  const reported = dossier.bytes("report.md") !== undefined;
  return [{ name: "loop", file: "manifest.json", verdict, equal: equal && ended && proposed === reported }];
}

const STOPPED = { verdict: "inconclusive", reasons: ["disabled"] };

type Ending = { readonly verdict: string; readonly reasons: readonly ReasonCode[] };

/** How the stages that leave files must have ended; undefined where they left none, as when they did not run. */
function endings(dossier: OpenDossier): Readonly<Record<string, Ending | undefined>> {
  const evidence = readPart(dossier, "evidence/evidence.json");
  const session = readPart(dossier, "session/record.json");
  const refused = readPart(dossier, "session/admission.json");
  const detected = readPart(dossier, "detect/report.json");
  const validation = readPart(dossier, "validation/report.json");
  const canary = readPart(dossier, "canary/verdict.json");
  const isPull = readPart(dossier, "pull.json") !== undefined;
  return {
    analyze: evidence && endingOf(judgeEvidence(evidence, { isPull })),
    session: session ? endingOf(judgeSession(session)) : refused && endingOf(judgeAdmission(refused)),
    detect: detected && endingOf(detected),
    validate: validation && endingOf(validation),
    canary: canary && endingOf(judgeStage(canary)),
  };
}

function endingOf({ verdict, reasons }: Ending): Ending {
  return { verdict, reasons };
}

function same(a: unknown, b: unknown): boolean {
  return canonicalJson(plain(a)) === canonicalJson(plain(b));
}

/** As it would come back from a file. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}
