import type { Evidence, Finding } from "../../src/model/finding.ts";
import type { Proposal, SessionRecord } from "../../src/model/proposal.ts";
import { VALIDATION_STAGES, type Effect, type ValidationReport } from "../../src/model/verdict.ts";
import { sha256 } from "../../src/protect/digest.ts";
import type { ReportParts } from "../../src/propose/report.ts";

export const BASE = "a".repeat(40);
export const PATCH = `diff --git a/src/a.ts b/src/a.ts
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,2 +1,2 @@
-old
+new
 same
`;

export const proposal: Proposal = {
  schema: "whetstone.proposal/1",
  id: "p-1",
  target: "notes",
  session: "s-1",
  baseSha: BASE,
  answer: {
    title: "Read all notes at once",
    patch: PATCH,
    hypothesis: { metric: "p50_ms", operation: "search", direction: "decrease", expectedChange: -0.5 },
    rationale: "Search read every note by itself.",
    findings: ["n_plus_one"],
  },
  patchDigest: sha256(PATCH),
  fingerprint: "f".repeat(64),
};

export const session: SessionRecord = {
  schema: "whetstone.session/1",
  id: "s-1",
  mode: "refinement",
  target: "notes",
  model: "a model",
  recordedAt: "2026-11-20T10:00:00.000Z",
  arms: [],
  usage: { inputTokens: 10, outputTokens: 5, turns: 1, costUsd: 0.125 },
  summary: "",
  partial: false,
  answer: proposal.answer,
};

export const finding: Finding = {
  id: "n_plus_one:notes:search",
  kind: "n_plus_one",
  severity: "major",
  service: "notes",
  operation: "search",
  metric: "child_calls",
  value: 40,
  interval: { low: 38, high: 42, level: 0.95 },
  samples: 120,
  gainMs: 30,
  traceIds: ["1".repeat(32), "2".repeat(32), "3".repeat(32)],
  confidence: 0.9,
  suggestion: "Read them in one call.",
};

export const evidence: Evidence = {
  schema: "whetstone.evidence/1",
  target: "notes",
  window: { since: "2026-11-20T10:00:00.000Z", until: "2026-11-20T10:01:00.000Z" },
  traces: 120,
  spans: 4_800,
  operations: [],
  findings: [finding, { ...finding, id: "errors:notes:read", kind: "errors", operation: "read" }],
  omitted: { operations: 0, findings: 0 },
};

/** An effect on `search`: halved, in an interval that excludes no effect. */
export const effect: Effect = {
  operation: "search",
  metric: "p50_ms",
  before: 40,
  beforeInterval: { low: 38.25, high: 42.5, level: 0.95 },
  after: 20,
  afterInterval: { low: 19, high: 21, level: 0.95 },
  change: -0.5,
  changeInterval: { low: -0.55, high: -0.45, level: 0.95 },
  samples: 120,
};

/** A report in which every stage passed. */
export const validation: ValidationReport = {
  schema: "whetstone.validation/1",
  proposal: "p-1",
  patchDigest: proposal.patchDigest,
  baseSha: BASE,
  verdict: "pass",
  reasons: ["hypothesis_met"],
  stages: VALIDATION_STAGES.map((stage) => ({
    stage,
    verdict: "pass",
    reasons: [stage === "replay" ? "hypothesis_met" : "ok"],
    details: [`Detail of ${stage}.`],
  })),
  effects: [effect],
};

/** Everything that a report is made of; the proposal is validated and sound. */
export const parts: ReportParts = { proposal, session, evidence, validation, dossier: "d-1" };
