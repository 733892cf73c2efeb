import type { Evidence, Finding, OperationSummary } from "../../../src/model/finding.ts";
import type { Outcome, Rule } from "../../../src/model/outcome.ts";
import type { ContextParts } from "../../../src/session/context.ts";
import { DATA_MARK } from "../../../src/session/context.ts";
import type { EarlierSession } from "../../../src/session/context/memory-of-target.ts";

export const finding = (over: Partial<Finding> = {}): Finding => ({
  id: "n_plus_one:notes:search",
  kind: "n_plus_one",
  severity: "major",
  service: "notes",
  operation: "search",
  metric: "child_calls",
  value: 12,
  samples: 40,
  gainMs: 100,
  traceIds: [],
  confidence: 0.9,
  suggestion: "Read them in one call.",
  ...over,
});

export const operation = (over: Partial<OperationSummary> = {}): OperationSummary => ({
  service: "notes",
  operation: "search",
  calls: 40,
  errors: 0,
  errorRate: 0,
  p50Ms: 20,
  p95Ms: 40,
  p99Ms: 60,
  ...over,
});

export const evidence: Evidence = {
  schema: "whetstone.evidence/1",
  target: "notes",
  window: { since: "2026-11-20T10:00:00.000Z", until: "2026-11-20T10:01:00.000Z" },
  traces: 40,
  spans: 400,
  operations: [operation(), operation({ operation: "list", p50Ms: 2 })],
  findings: [finding(), finding({ id: "errors:notes:list", kind: "errors", operation: "list", severity: "minor" })],
  omitted: { operations: 0, findings: 0 },
};

export const rule = (
  id: string,
  over: { readonly delta?: number; readonly low?: number; readonly text?: string; readonly hard?: object } = {},
) =>
  ({
    id,
    text: over.text ?? `Rule ${id}.`,
    evidence: { interval: { low: over.low ?? 0.3, high: 1, level: 0.95 } },
    ...(over.hard && { hard: over.hard }),
    ...(over.delta === undefined ? {} : { effect: { delta: over.delta } }),
  }) as unknown as Rule;

export const outcome = (id: string, over: Partial<Outcome> = {}) =>
  ({
    id,
    at: "2026-11-19T00:00:00Z",
    findings: ["n_plus_one"],
    status: "rejected",
    reasons: ["check_failed"],
    paths: ["src/a.ts"],
    effects: [],
    ...over,
  }) as unknown as Outcome;

export const earlier = (id: string, over: Partial<EarlierSession> = {}): EarlierSession => ({
  id,
  mode: "analysis",
  recordedAt: "2026-11-18T00:00:00Z",
  summary: "The loop reads one note at a time.",
  partial: false,
  ...over,
});

export const parts: ContextParts = {
  mode: "refinement",
  target: "notes",
  source: ["src/**"],
  evidence,
  rules: [rule("batch")],
  outcomes: [outcome("o-1")],
  sessions: [earlier("s-1")],
  guidance: "Mend one thing.",
  question: "Why is search slow?",
};

/** A context in its two halves: what people wrote, and the lines of data below the mark. */
export function halves(text: string): { readonly instructions: string; readonly data: readonly string[] } {
  const lines = text.split("\n");
  const mark = lines.indexOf(DATA_MARK);
  return { instructions: lines.slice(0, mark).join("\n"), data: lines.slice(mark + 2, -1) };
}
