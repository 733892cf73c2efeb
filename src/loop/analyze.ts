import { buildEvidence } from "../analyze/evidence.ts";
import type { Evidence, Window } from "../model/finding.ts";
import type { Span } from "../model/span.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant } from "../model/time.ts";
import type { LoopRun } from "./run.ts";

/** Findings and evidence of the run's own spans. */
export function analyze(run: LoopRun, spans: readonly Span[]): Stage<Evidence> {
  const evidence = buildEvidence({ target: run.workspace.targetName, window: windowOf(spans), spans });
  run.files.set("evidence/evidence.json", `${JSON.stringify(evidence, undefined, 2)}\n`);
  const [worst] = evidence.findings;
  if (!worst) {
    const summary = `${evidence.traces} traces, nothing worth a change`;
    return { verdict: "inconclusive", reasons: ["no_finding"], summary, value: evidence };
  }
  const summary = `${evidence.findings.length} findings; worst: ${worst.kind} in ${worst.operation} (${worst.severity})`;
  return { verdict: "pass", reasons: ["ok"], summary, value: evidence };
}

/** From the first start to just after the last; a moment at the epoch when there is no span. */
export function windowOf(spans: readonly Span[]): Window {
  let since = spans[0]?.startNs ?? 0n;
  let until = since;
  for (const { startNs, durationNs } of spans) {
    if (startNs < since) since = startNs;
    const end = startNs + BigInt(durationNs);
    if (end > until) until = end;
  }
  return { since: formatInstant(since), until: formatInstant(until) };
}
