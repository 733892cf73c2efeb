import { buildEvidence } from "../../analyze/evidence.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { Evidence } from "../../model/finding.ts";
import { ATTR, type Span } from "../../model/span.ts";
import { formatInstant, parseInstant } from "../../model/time.ts";
import { formatNumber } from "../../propose/report.ts";
import { systemClock } from "../../wire.ts";
import type { AnalyzeOptions } from "../commands/analyze.ts";
import { openCommandStore } from "../command-store.ts";
import { printJson, type Io } from "../io.ts";
import { renderTable } from "../table.ts";

/** Above this many spans the analysis would not fit into memory comfortably; a shorter window is asked for. */
const MOST_SPANS = 500_000;

/** `whetstone analyze`. */
export async function runAnalyze(options: AnalyzeOptions, io: Io): Promise<number> {
  const now = systemClock.now();
  const sinceNs = parseInstant(options.since, now);
  const untilNs = options.until === undefined ? now : parseInstant(options.until, now);
  await using store = await openCommandStore(options, io, { mustExist: true });
  const spans: Span[] = [];
  let ofCanaries = 0;
  for await (const batch of store.spans({ sinceNs, untilNs })) {
    const kept = batch.filter((span) => span.resource[ATTR.arm] !== "canary");
    ofCanaries += batch.length - kept.length;
    spans.push(...kept);
    if (spans.length > MOST_SPANS) {
      throw new WhetstoneError("usage", `The window holds more than ${MOST_SPANS} spans.`, {
        remedy: "Choose a shorter one with --since and --until.",
      });
    }
  }
  if (ofCanaries > 0) io.err(`note: ${countOf(ofCanaries, "span")} of canaries and tried changes left out.\n`);
  if (options.target !== undefined) requireService(spans, options.target);
  const evidence = buildEvidence({
    target: options.target ?? "all",
    window: { since: formatInstant(sinceNs), until: formatInstant(untilNs) },
    spans: options.target === undefined ? spans : ofTarget(spans, options.target),
  });
  if (options.json) printJson(io, evidence);
  else printEvidence(io, evidence);
  return EXIT.pass;
}

/** A mistyped name must not look like a healthy server. @throws WhetstoneError `target_unknown` */
function requireService(spans: readonly Span[], target: string): void {
  const services = [...new Set(spans.map((span) => span.service))].sort();
  if (spans.length === 0 || services.includes(target)) return;
  throw new WhetstoneError("target_unknown", `No span of this window is of the service "${target}".`, {
    remedy: `The window holds ${services.slice(0, 10).join(", ")}${services.length > 10 ? ", …" : ""}.`,
  });
}

/** Traces in which the target's service takes part, whole: the cause may lie in another service. */
function ofTarget(spans: readonly Span[], target: string): Span[] {
  const traces = new Set(spans.filter((span) => span.service === target).map((span) => span.traceId));
  return spans.filter((span) => traces.has(span.traceId));
}

function printEvidence(io: Io, evidence: Evidence): void {
  const { since, until } = evidence.window;
  io.out(`${countOf(evidence.traces, "trace")}, ${countOf(evidence.spans, "span")} from ${since} to ${until}\n\n`);
  const operations = evidence.operations.map((operation) => [
    operation.service,
    operation.operation,
    String(operation.calls),
    `${formatNumber(operation.errorRate * 100)} %`,
    `${formatNumber(operation.p50Ms)} ms`,
    `${formatNumber(operation.p95Ms)} ms`,
  ]);
  io.out(renderTable(["service", "operation", "calls", "errors", "p50", "p95"], operations));
  if (evidence.findings.length === 0) {
    io.out(evidence.traces === 0 ? "\nNo traces in this window.\n" : "\nNothing worth a change was found.\n");
    return;
  }
  io.out("\nFindings, worst first:\n");
  for (const [index, finding] of evidence.findings.entries()) {
    io.out(
      `${index + 1}. ${finding.severity} ${finding.kind} in ${finding.operation} (${finding.service}): ${finding.metric} ${formatNumber(finding.value)}\n`,
    );
    io.out(`   ${finding.suggestion}\n   trace ${finding.traceIds[0] ?? "none"}\n`);
  }
  const { findings, operations: left } = evidence.omitted;
  if (findings + left > 0)
    io.out(`\nLeft out by the size limit: ${countOf(findings, "finding")}, ${countOf(left, "operation")}.\n`);
}
