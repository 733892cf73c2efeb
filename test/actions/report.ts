import type { LoopReport } from "../../src/flow.ts";
import type { Finding } from "../../src/model/finding.ts";
import type { Outcome } from "../../src/model/outcome.ts";
import type { Effect } from "../../src/model/verdict.ts";

/** A finding of a tool. */
export function finding(operation: string, more: Partial<Finding> = {}): Finding {
  return {
    id: `f-${operation}`,
    kind: "slow_operation",
    severity: "major",
    service: "notes",
    operation,
    metric: "duration_ms",
    value: 120.5,
    samples: 40,
    gainMs: 80,
    traceIds: [],
    confidence: 0.9,
    suggestion: "Read files once.",
    ...more,
  };
}

/** Before and after of one tool. */
export function effect(operation: string): Effect {
  const interval = { low: 1, high: 2, level: 0.95 };
  return {
    operation,
    metric: "p95_ms",
    before: 100,
    beforeInterval: interval,
    after: 50,
    afterInterval: interval,
    change: -0.5,
    changeInterval: { low: -0.6, high: -0.4, level: 0.95 },
    samples: 40,
  };
}

/** What a run on `notes` ended with, in whatever way. */
export function report(status: Outcome["status"], more: Partial<LoopReport> = {}): LoopReport {
  const reasons: LoopReport["reasons"] = more.reasons ?? ["ok"];
  return {
    status,
    reasons,
    stages: [{ stage: "gate", verdict: "pass", reasons: ["ok"], durationMs: 1500, summary: "clean" }],
    dossier: "/work/repo/.whetstone/dossiers/d-1",
    explanation: [],
    outcome: {
      schema: "whetstone.outcome/1",
      id: "o-1",
      at: "2026-11-20T10:00:00.000Z",
      target: "notes",
      proposal: "p-1",
      session: "s-1",
      fingerprint: "0".repeat(64),
      status,
      reasons: [...reasons],
      findings: [],
      paths: [],
      effects: [],
      costUsd: 0.125,
      dossier: "0".repeat(64),
    },
    ...more,
  };
}
