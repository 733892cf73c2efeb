import { z } from "zod";
import { Finding } from "../model/finding.ts";
import { CommitSha, Digest } from "../model/json.ts";
import { Hypothesis, type Proposal } from "../model/proposal.ts";
import { Effect, ReasonCodeSchema, ValidationStage } from "../model/verdict.ts";
import type { Patch } from "../protect/patch-form.ts";
import { linesOf } from "../protect/patch-file.ts";
import { redactSecrets } from "../protect/secret-patterns.ts";
import { PROTECTED_CLASSES, type ProtectedClass } from "../protect/wall/protected-class.ts";
import type { ReportParts } from "./report.ts";

const Name = z.string().max(200);
const Count = z.int().nonnegative();

/**
 * Everything that a pull request says, as values: what its title and body are rendered from, and what is read back from
 * them. Texts of a session or a server are cut and free of secrets, but otherwise as they were written.
 */
export const PullRequestFacts = z.strictObject({
  schema: z.literal("whetstone.pull-request/1"),
  target: Name,
  fingerprint: Digest,
  baseSha: CommitSha,
  patchDigest: Digest,
  title: z.string().max(120),
  rationale: z.string().max(4_000),
  hypothesis: Hypothesis.extend({ operation: Name }),
  findings: z.array(
    Finding.pick({ kind: true, severity: true, value: true, interval: true, samples: true, traceIds: true }).extend({
      operation: Name,
      metric: Name,
      suggestion: z.string().max(400),
    }),
  ),
  effects: z.array(Effect.extend({ operation: Name })),
  stages: z.array(
    z.strictObject({
      stage: ValidationStage,
      verdict: z.enum(["pass", "fail", "inconclusive"]),
      reasons: z.array(ReasonCodeSchema).min(1),
      details: z.array(z.string().max(300)),
    }),
  ),
  files: z.array(z.strictObject({ path: z.string().max(255), added: Count, removed: Count })),
  /** How much can go wrong, and why it is not less. */
  risk: z.strictObject({ level: z.enum(["low", "medium", "high"]), because: z.array(z.string().max(200)).min(1) }),
  session: z.strictObject({ id: Name, model: Name, costUsd: z.number().nonnegative(), turns: Count }),
  /** Learned rules that the session saw. */
  rules: z.array(z.strictObject({ rule: Name, version: z.int() })),
  dossier: z.strictObject({ id: Name, digest: Digest }),
  /** Pages with more: the run, and the artifact that holds everything in full. */
  links: z.strictObject({ run: z.httpUrl().max(500), artifact: z.httpUrl().max(500) }),
  /** What is in the artifact and not here. */
  omitted: z.strictObject({ findings: Count, effects: Count, files: Count, rules: Count }),
});
export type PullRequestFacts = z.infer<typeof PullRequestFacts>;

/** What the facts are made of besides the report's parts. */
export type FactSources = {
  readonly parts: ReportParts;
  readonly patch: Patch;
  /** Protected classes of files for which a review is asked. */
  readonly reviews: readonly ProtectedClass[];
  readonly dossierDigest: string;
  readonly links: PullRequestFacts["links"];
};

/** How many entries of each kind a pull request shows; the rest is in the artifact. */
const MOST = { findings: 8, effects: 20, files: 20, rules: 20 } as const;

/** The facts of a validated proposal. Cuts and counts what a reader of one minute does not need. */
export function pullRequestFacts({ parts, patch, reviews, dossierDigest, links }: FactSources): PullRequestFacts {
  const { proposal, session, evidence, validation, dossier } = parts;
  const { answer } = proposal;
  const findings = evidence.findings.filter(({ kind }) => answer.findings.includes(kind));
  const seen = session.arms.filter(({ assigned }) => assigned);
  return PullRequestFacts.parse({
    schema: "whetstone.pull-request/1",
    ...pick(proposal),
    title: clean(answer.title, 120),
    rationale: clean(answer.rationale, 4_000),
    hypothesis: { ...answer.hypothesis, operation: clean(answer.hypothesis.operation, 200) },
    findings: findings.slice(0, MOST.findings).map(shownFinding),
    effects: validation.effects
      .slice(0, MOST.effects)
      .map((effect) => ({ ...effect, operation: clean(effect.operation, 200) })),
    stages: validation.stages.map(({ stage, verdict, reasons, details }) => ({
      stage,
      verdict,
      reasons,
      details: details.slice(0, 2).map((detail) => clean(detail, 300)),
    })),
    files: filesOf(patch).slice(0, MOST.files),
    risk: riskOf(patch, reviews),
    session: {
      id: clean(session.id, 200),
      model: clean(session.model, 200),
      costUsd: session.usage.costUsd,
      turns: session.usage.turns,
    },
    rules: seen.slice(0, MOST.rules).map(({ rule, version }) => ({ rule: clean(rule, 200), version })),
    dossier: { id: clean(dossier, 200), digest: dossierDigest },
    links,
    omitted: {
      findings: beyond(findings, MOST.findings),
      effects: beyond(validation.effects, MOST.effects),
      files: beyond(patch.files, MOST.files),
      rules: beyond(seen, MOST.rules),
    },
  });
}

function pick({ target, fingerprint, baseSha, patchDigest }: Proposal) {
  return { target, fingerprint, baseSha, patchDigest };
}

function shownFinding(finding: ReportParts["evidence"]["findings"][number]): PullRequestFacts["findings"][number] {
  const { kind, severity, value, interval, samples, operation, metric, suggestion, traceIds } = finding;
  return {
    kind,
    severity,
    value,
    ...(interval === undefined ? {} : { interval }),
    samples,
    operation: clean(operation, 200),
    metric: clean(metric, 200),
    suggestion: clean(suggestion, 400),
    traceIds: traceIds.slice(0, 2),
  };
}

function filesOf({ files }: Patch): PullRequestFacts["files"] {
  return files.map((file) => {
    const kinds = linesOf(file).map(({ kind }) => kind);
    const count = (wanted: string) => kinds.filter((kind) => kind === wanted).length;
    return { path: file.newPath ?? file.oldPath ?? "", added: count("add"), removed: count("remove") };
  });
}

/** Lines of change from which on a reader needs more than a minute. */
const MANY_LINES = 150;

function riskOf(patch: Patch, reviews: readonly ProtectedClass[]): PullRequestFacts["risk"] {
  const lines = patch.files.flatMap(linesOf).filter(({ kind }) => kind !== "context").length;
  const high = [
    ...reviews.map((one) => `It touches ${PROTECTED_CLASSES[one]}.`),
    ...patch.files
      .filter(({ newMode, oldMode }) => newMode === "100755" && oldMode !== newMode)
      .map(() => "A file becomes executable."),
    ...patch.files.filter(({ binary }) => binary).map(() => "It changes binary content, which a review cannot read."),
  ];
  const medium = [
    ...patch.files.filter(({ status }) => status === "deleted").map(() => "It deletes a file."),
    ...(lines > MANY_LINES ? [`It changes ${lines} lines.`] : []),
  ];
  const because = [...new Set([...high, ...medium])];
  if (because.length === 0)
    return { level: "low", because: [`${lines} lines in ${patch.files.length} source files, no protected one.`] };
  return { level: high.length > 0 ? "high" : "medium", because };
}

function beyond(list: readonly unknown[], most: number): number {
  return Math.max(0, list.length - most);
}

/** Without secrets, well-formed, at most so many characters, with a sign where it was cut. */
function clean(text: string, longest: number): string {
  const plain = redactSecrets(text.toWellFormed());
  return plain.length <= longest ? plain : `${plain.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
