import { buildEvidence } from "../analyze/evidence.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Evidence } from "../model/finding.ts";
import { ATTR, type Span } from "../model/span.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant } from "../model/time.ts";
import type { SpanStore } from "../store/port.ts";
import { analyze, judgeEvidence } from "./analyze.ts";
import { capture } from "./capture.ts";
import type { LoopRun } from "./run.ts";

/** Above this many spans the analysis would not fit into memory comfortably; a shorter window is asked for. */
const MOST_SPANS = 500_000;

/** Stored telemetry to take the evidence from, ns since the Unix epoch; `untilNs` exclusive. */
export type EvidenceWindow = { readonly sinceNs: bigint; readonly untilNs: bigint };

/**
 * Evidence for a session: of a window of the store, or else of the workload, played on the base.
 * @throws WhetstoneError `usage` (too many spans), and what capture throws
 */
export async function sessionEvidence(
  run: LoopRun,
  { window, base }: { readonly window: EvidenceWindow | undefined; readonly base: string },
): Promise<Stage<Evidence>> {
  if (window === undefined) return analyze(run, (await capture(run, base)).value.loaded);
  const { targetName: target } = run.workspace;
  const spans = await spansOf(run.store, { ...window, target });
  const { sinceNs, untilNs } = window;
  const evidence = buildEvidence({
    target,
    window: { since: formatInstant(sinceNs), until: formatInstant(untilNs) },
    spans,
  });
  run.files.set("evidence/evidence.json", `${JSON.stringify(evidence, undefined, 2)}\n`);
  if (spans.length > 0) return { ...judgeEvidence(evidence), value: evidence };
  const summary = `the store holds no trace of ${target} in the window`;
  return { verdict: "inconclusive", reasons: ["evidence_insufficient"], summary, value: evidence };
}

/** Whole traces that the target's server took part in, without those of canaries and tried changes. */
async function spansOf(
  store: Pick<SpanStore, "spans">,
  { target, ...window }: EvidenceWindow & { readonly target: string },
): Promise<Span[]> {
  const spans: Span[] = [];
  for await (const batch of store.spans(window)) {
    spans.push(...batch.filter((span) => span.resource[ATTR.arm] !== "canary"));
    if (spans.length > MOST_SPANS) {
      throw new WhetstoneError("usage", `The window holds more than ${MOST_SPANS} spans.`, {
        remedy: "Choose a shorter one with --since and --until.",
      });
    }
  }
  const traces = new Set(spans.filter(({ service }) => service === target).map(({ traceId }) => traceId));
  return spans.filter(({ traceId }) => traces.has(traceId));
}
