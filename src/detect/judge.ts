import type { ReasonCode } from "../model/codes.ts";
import type { DetectCheck, DetectInputs, DetectReport, Review } from "../model/detect.ts";
import type { Evidence } from "../model/finding.ts";
import { Proposal } from "../model/proposal.ts";
import type { StageVerdict } from "../model/verdict.ts";
import { sha256 } from "../protect/digest.ts";
import { fingerprintInput, parsePatch, pathsOf } from "../protect/patch.ts";
import { linesOf } from "../protect/patch-file.ts";
import { judgeSafety, secretKinds } from "../protect/secrets.ts";
import { judgeClaim } from "./hypothesis.ts";
import { injectionsIn } from "./injection.ts";
import { judgeMemory } from "./memory.ts";

/** What is judged, and what it is held against. */
export type Detectable = { readonly proposal: Proposal; readonly evidence: Evidence; readonly inputs: DetectInputs };

const PASSED: StageVerdict = { verdict: "pass", reasons: ["ok"], details: [] };

/** Does the proposal have its form, and do its digests, its target and its patch belong together? */
export function judgeForm(proposal: unknown, target: string, { pull }: Pick<DetectInputs, "pull"> = {}): StageVerdict {
  const parsed = Proposal.safeParse(proposal);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return failed("proposal_invalid", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "it is no proposal"}`);
  }
  const { answer, patchDigest, fingerprint, target: own } = parsed.data;
  const patch = parsePatch(answer.patch);
  const faults = [
    own !== target && `It is for ${JSON.stringify(own)}, the evidence is of ${JSON.stringify(target)}.`,
    pull === undefined && answer.findings.length === 0 && "It names no finding that it answers.",
    sha256(answer.patch) !== patchDigest && "The digest of its patch is another.",
    patch.ok && sha256(fingerprintInput(patch.patch)) !== fingerprint && "Its fingerprint is that of another patch.",
  ].filter((fault) => fault !== false);
  return faults.length === 0 ? PASSED : failed("proposal_invalid", ...faults);
}

/** Text for people, names of files and added lines: nothing in them may be written to steer a model. */
export function judgeInjection({ answer }: Proposal): StageVerdict {
  const parsed = parsePatch(answer.patch);
  const files = parsed.ok ? parsed.patch.files : [];
  const texts: readonly (readonly [where: string, text: string])[] = [
    ["the title", answer.title],
    ["the rationale", answer.rationale],
    ["the hypothesis", answer.hypothesis.operation],
    ["the names of files", files.flatMap(pathsOf).join("\n")],
    ...files.map((file): [string, string] => {
      const added = linesOf(file).filter(({ kind }) => kind === "add");
      return [`the lines added to ${JSON.stringify(file.newPath ?? "")}`, added.map(({ text }) => text).join("\n")];
    }),
  ];
  const faults = texts.flatMap(([where, text]) => {
    const found = injectionsIn(text);
    return found.length === 0 ? [] : [`In ${where}: ${found.join(", ")}.`];
  });
  return faults.length === 0 ? PASSED : failed("injection_suspected", ...faults);
}

/** Secrets in added lines, and in the texts for people. */
export function judgeSecrets({ answer }: Proposal): StageVerdict {
  const parsed = parsePatch(answer.patch);
  const inPatch = parsed.ok ? judgeSafety(parsed.patch) : PASSED;
  const kinds = [...new Set(`${answer.title}\n${answer.rationale}`.split("\n").flatMap((line) => secretKinds(line)))];
  if (kinds.length === 0) return inPatch;
  const said = `Title or rationale hold what looks like a secret (${kinds.join(", ")}).`;
  return failed("secret_found", ...(inPatch.verdict === "pass" ? [] : inPatch.details), said);
}

/** A refusal of the reviewer fails; no answer is no reason to go on, but none against the idea either. */
export function judgeReview(review: Review): StageVerdict {
  if (review.kind === "missing") {
    return { verdict: "inconclusive", reasons: ["review_missing"], details: [`${review.model}: ${review.why}`] };
  }
  if (review.verdict === "refuse") return failed("review_refused", ...review.reasons);
  return { ...PASSED, details: [`${review.model} approves.`] };
}

/** Everything but the review, which costs money: it is asked only when all of these pass. */
export function judgeWithoutReview({ proposal, evidence, inputs }: Detectable): DetectReport["checks"] {
  const form = judgeForm(proposal, evidence.target, inputs);
  if (form.verdict !== "pass") return [{ check: "form", ...form }];
  const { ok, reasons, details } = inputs.wall;
  return [
    { check: "form", ...form },
    ...(inputs.memory ? [{ check: "memory" as const, ...judgeMemory(inputs.memory, proposal) }] : []),
    { check: "patch", verdict: ok ? "pass" : "fail", reasons, details },
    { check: "secrets", ...judgeSecrets(proposal) },
    { check: "injection", ...judgeInjection(proposal) },
    { check: "hypothesis", ...judgeClaim(proposal.answer, inputs) },
  ];
}

/** The whole report: pure, so that a dossier can be judged again. All checks are made; every failure is named. */
export function judgeDetect(detectable: Detectable): DetectReport {
  const before = judgeWithoutReview(detectable);
  const { review } = detectable.inputs;
  const checks =
    review === undefined ? before : [...before, { check: "review" as DetectCheck, ...judgeReview(review) }];
  const bad = checks.filter(({ verdict }) => verdict !== "pass");
  const { id, patchDigest } = detectable.proposal;
  return {
    schema: "whetstone.detect/1",
    proposal: id,
    patchDigest,
    verdict: bad.length === 0 ? "pass" : bad.some(({ verdict }) => verdict === "fail") ? "fail" : "inconclusive",
    reasons: bad.length === 0 ? ["ok"] : [...new Set(bad.flatMap(({ reasons }) => reasons))],
    checks,
  };
}

function failed(reason: ReasonCode, ...details: readonly string[]): StageVerdict {
  return { verdict: "fail", reasons: [reason], details: [...details] };
}
