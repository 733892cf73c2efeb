import type { Evidence, Finding, OperationSummary, Window } from "../model/finding.ts";
import type { Span } from "../model/span.ts";
import { findProblems, type DetectorOptions } from "./findings.ts";
import { findingId } from "./finding-id.ts";
import { boundedName } from "./names.ts";
import { summarise } from "./summary.ts";
import { groupTraces, type TraceTree } from "./tree.ts";

/** Most entries that evidence carries. */
export type EvidenceLimits = { readonly operations: number; readonly findings: number };

/** Limits that keep evidence small enough for a session's context. */
export const DEFAULT_EVIDENCE_LIMITS: EvidenceLimits = { operations: 50, findings: 20 };

/** What evidence is built from: spans already loaded, or their traces. */
export type EvidenceRequest = {
  readonly target: string;
  readonly window: Window;
  readonly limits?: Partial<EvidenceLimits>;
  readonly detectors?: DetectorOptions;
} & ({ readonly spans: readonly Span[] } | { readonly traces: readonly TraceTree[] });

/**
 * The evidence of a window: counts, busiest operations, findings with the greatest impact, and how many of each the
 * limits left out. Names of operations longer than 160 characters are cut; nothing else of the telemetry's text gets in.
 * `spans` counts distinct spans. The order of spans or traces does not matter.
 */
export function buildEvidence(request: EvidenceRequest): Evidence {
  const limits = { ...DEFAULT_EVIDENCE_LIMITS, ...request.limits };
  const traces = "traces" in request ? request.traces : groupTraces(request.spans);
  const operations = summarise(traces);
  const findings = findProblems(traces, request.detectors);
  return {
    schema: "whetstone.evidence/1",
    target: request.target,
    window: request.window,
    traces: traces.length,
    spans: traces.reduce((total, { nodes }) => total + nodes.length, 0),
    operations: operations.slice(0, limits.operations).map(boundSummary),
    findings: findings.slice(0, limits.findings).map(boundFinding),
    omitted: {
      operations: Math.max(0, operations.length - limits.operations),
      findings: Math.max(0, findings.length - limits.findings),
    },
  };
}

function boundSummary(summary: OperationSummary): OperationSummary {
  return { ...summary, service: boundedName(summary.service), operation: boundedName(summary.operation) };
}

function boundFinding(finding: Finding): Finding {
  const service = boundedName(finding.service);
  const operation = boundedName(finding.operation);
  return {
    ...finding,
    id: findingId(finding.kind, service, operation),
    service,
    operation,
    ...(finding.child !== undefined && { child: boundedName(finding.child) }),
  };
}
