import { buildEvidence } from "../analyze/evidence.ts";
import type { Evidence, Window } from "../model/finding.ts";
import type { Span } from "../model/span.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant } from "../model/time.ts";
import type { LoopRun } from "./run.ts";

/** Findings and evidence of the run's own spans. */
export function analyze(run: Pick<LoopRun, "workspace" | "files">, spans: readonly Span[]): Stage<Evidence> {
  const evidence = buildEvidence({ target: run.workspace.targetName, window: windowOf(spans), spans });
  run.files.set("evidence/evidence.json", `${JSON.stringify(evidence, undefined, 2)}\n`);
  return { ...judgeEvidence(evidence), value: evidence };
}

/** Is there anything worth a change? What people changed is proved all the same. */
export function judgeEvidence(
  { findings, traces }: Evidence,
  { isPull = false }: { readonly isPull?: boolean } = {},
): Omit<Stage<Evidence>, "value"> {
  const [worst] = findings;
  if (!worst) {
    const summary = `${traces} traces, nothing worth a change`;
    if (isPull) return { verdict: "pass", reasons: ["ok"], summary };
    return { verdict: "inconclusive", reasons: ["no_finding"], summary };
  }
  const summary = `${findings.length} findings; worst: ${worst.kind} in ${worst.operation} (${worst.severity})`;
  return { verdict: "pass", reasons: ["ok"], summary };
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
