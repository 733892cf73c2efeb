import type { Finding } from "../../model/finding.ts";
import { ATTR } from "../../model/span.ts";
import { wilsonInterval } from "../../stats/proportion.ts";
import { callMs, callsByOperation, type Call } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { boundedName, nameInText, shareInText } from "../names.ts";
import { compareText } from "../parents.ts";
import { confidenceOf, FINDING_LEVEL, severityOfErrorRate } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";

/** When errors are reported. */
export type ErrorOptions = {
  /** Least number of errors that began in an operation; default 2: a single one is no pattern. */
  readonly minErrors?: number;
};

/** `error.type` where nothing says more (OpenTelemetry's fallback value). */
const OTHER = "_OTHER";

/**
 * Error rate of each operation in which errors began. A failed call with a failed call below it is a victim and is
 * counted at the origin only; a proxy's two spans of one call count once. `value` is the share of the operation's calls
 * that failed by themselves, with Wilson's interval; severity follows the interval's lower end.
 */
export function detectErrors(traces: readonly TraceTree[], options: ErrorOptions = {}): Finding[] {
  const { minErrors = 2 } = options;
  const findings: Finding[] = [];
  for (const calls of callsByOperation(traces).values()) {
    const origins = calls.filter(isOrigin);
    if (origins.length >= Math.max(1, minErrors)) findings.push(toFinding(calls, origins));
  }
  return findings;
}

/** Whether the call failed and none of the calls below it did. */
function isOrigin(call: Call): boolean {
  return call.failed && !call.children.some(({ failed }) => failed);
}

function toFinding(calls: readonly Call[], origins: readonly Call[]): Finding {
  const { service, operation } = origins[0] as Call;
  const value = origins.length / calls.length;
  const interval = wilsonInterval({ successes: origins.length, trials: calls.length }, FINDING_LEVEL);
  const types = [...Map.groupBy(origins, errorTypeOf)]
    .map(([type, { length }]) => ({ type, count: length }))
    .sort((a, b) => b.count - a.count || compareText(a.type, b.type));
  const perTrace = Map.groupBy(origins, ({ traceId }) => traceId);
  return {
    id: findingId("errors", service, operation),
    kind: "errors",
    severity: severityOfErrorRate(interval.low),
    service,
    operation,
    metric: "error_rate",
    value,
    baseline: 0,
    interval,
    samples: calls.length,
    gainMs: 0,
    errorType: boundedName(types[0]?.type ?? OTHER),
    traceIds: worstTraces(origins.map((call) => ({ traceId: call.traceId, badness: badness(call, perTrace) }))),
    confidence: confidenceOf({ samples: origins.length, effect: 1, ceiling: 0.98 }),
    suggestion: suggest(origins, calls.length, types),
  };
}

/** Traces with more errors first, then the longer failed call; a call is shorter than the 1e9 ms that an error weighs. */
function badness(call: Call, perTrace: ReadonlyMap<string, readonly Call[]>): number {
  return (perTrace.get(call.traceId)?.length ?? 0) * 1e9 + Math.min(callMs(call), 1e9 - 1);
}

/** `error.type`, else the type of a recorded exception, innermost span of the call first. */
function errorTypeOf(call: Call): string {
  for (const { span } of call.nodes.toReversed()) {
    const recorded = [
      span.attributes[ATTR.errorType],
      ...span.events.map((event) => event.attributes["exception.type"]),
    ];
    const type = recorded.find((value) => typeof value === "string" && value !== "");
    if (typeof type === "string") return type;
  }
  return OTHER;
}

function suggest(origins: readonly Call[], calls: number, types: readonly { type: string; count: number }[]): string {
  const name = nameInText(origins[0]?.operation ?? "");
  const listed = types.slice(0, 3).map(({ type, count }) => `${nameInText(type)} ${count}`);
  const rest = types.length > 3 ? ` and ${types.length - 3} more` : "";
  const victims = [...new Set(origins.flatMap(outermostVictim))].sort(compareText);
  const seen =
    victims.slice(0, 3).map(nameInText).join(", ") + (victims.length > 3 ? ` and ${victims.length - 3} more` : "");
  return [
    `${name} fails in ${origins.length} of ${calls} calls (${shareInText(origins.length / calls)}); error types: ${listed.join(", ")}${rest}.`,
    ...(victims.length > 0 ? [`The error begins there and shows in ${seen}.`] : []),
    "Look at the inputs of the exemplar traces and handle the case that fails.",
  ].join(" ");
}

/** The outermost caller that the error reached without being handled on the way. */
function outermostVictim(origin: Call): string[] {
  let reached = origin;
  while (reached.parent?.failed) reached = reached.parent;
  return reached === origin ? [] : [reached.operation];
}
