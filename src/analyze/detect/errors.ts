import type { Finding, Interval } from "../../model/finding.ts";
import { scoreInterval } from "../../stats/proportion.ts";
import { effectiveSize, totalWeight } from "../../stats/weighted.ts";
import { callMs, callsByOperation, isEntry, type Call } from "../calls.ts";
import { ERROR_CLASSES, errorClassOf, errorTypeOf, OTHER_ERROR, type ErrorClass } from "../errors/classify.ts";
import { isOriginOfError } from "../errors/propagation.ts";
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

/** The calls of one operation, all of them or those within one entry operation, and those in which an error began. */
type Scope = { readonly calls: readonly Call[]; readonly origins: readonly Call[]; readonly entry: Call | undefined };

/**
 * Error rate of each operation in which errors began. A failed call with a failed call below it is a victim and is
 * counted at the origin only; a proxy's two spans of one call count once. `value` is the share of calls that failed by
 * themselves, with Wilson's interval (sampled calls by their weight, over Kish's effective number of calls); severity follows the interval's lower end. An operation that several entry
 * operations use is measured where it fails most (by that lower end): a thousand good calls within one tool must not
 * hide that another tool's calls fail.
 */
export function detectErrors(traces: readonly TraceTree[], options: ErrorOptions = {}): Finding[] {
  const minErrors = Math.max(1, options.minErrors ?? 2);
  const findings: Finding[] = [];
  for (const calls of callsByOperation(traces).values()) {
    const whole = scopeOf(calls, undefined);
    if (whole.origins.length < minErrors) continue;
    findings.push(toFinding(worstScope(whole, minErrors), whole));
  }
  return findings;
}

function scopeOf(calls: readonly Call[], entry: Call | undefined): Scope {
  return { calls, origins: calls.filter(isOriginOfError), entry };
}

function worstScope(whole: Scope, minErrors: number): Scope {
  const byEntry = Map.groupBy(whole.calls, (call) => entryOf(call).key);
  const parts = [...byEntry.values()]
    .map((calls) => scopeOf(calls, calls[0] && entryOf(calls[0])))
    .filter(({ origins }) => origins.length >= minErrors)
    .sort((a, b) => compareText(a.entry?.key ?? "", b.entry?.key ?? ""));
  return parts.reduce((worst, part) => (rateOf(part).low > rateOf(worst).low ? part : worst), whole);
}

function rateOf({ calls, origins }: Scope): Interval {
  return scoreInterval({ share: shareOfOrigins({ calls, origins }), trials: effectiveSize(calls) }, FINDING_LEVEL);
}

/** Sampled calls count as many times as they stand for; rounding must not make a share of more than all. */
function shareOfOrigins({ calls, origins }: Pick<Scope, "calls" | "origins">): number {
  return Math.min(1, totalWeight(origins) / totalWeight(calls));
}

/** The nearest entry operation around a call; the outermost call where there is none. */
const entryOf = upward((call) => !isEntry(call));

/** The outermost caller that a failed call's error reached without being handled on the way. */
const outermostFailed = upward(({ parent }) => parent?.failed === true);

/**
 * Walks from a call to its callers while `goesOn` holds. Where each call leads is remembered: a chain of many thousand
 * calls is walked once, not once for each of them.
 */
function upward(goesOn: (call: Call) => boolean): (call: Call) => Call {
  const known = new WeakMap<Call, Call>();
  return (call) => {
    const path: Call[] = [];
    let at = call;
    for (; !known.has(at) && at.parent !== undefined && goesOn(at); at = at.parent) path.push(at);
    const end = known.get(at) ?? at;
    for (const each of path) known.set(each, end);
    return end;
  };
}

function toFinding(scope: Scope, whole: Scope): Finding {
  const { calls, origins } = scope;
  const { service, operation } = origins[0] as Call;
  const interval = rateOf(scope);
  const types = [...Map.groupBy(origins, errorTypeOf)]
    .map(([type, failed]) => ({ type, count: Math.round(totalWeight(failed)) }))
    .sort((a, b) => b.count - a.count || compareText(a.type, b.type));
  const perTrace = Map.groupBy(origins, ({ traceId }) => traceId);
  return {
    id: findingId("errors", service, operation),
    kind: "errors",
    severity: severityOfErrorRate(interval.low),
    service,
    operation,
    metric: "error_rate",
    value: shareOfOrigins(scope),
    baseline: 0,
    interval,
    samples: calls.length,
    gainMs: 0,
    errorType: boundedName(types[0]?.type ?? OTHER_ERROR),
    traceIds: worstTraces(origins.map((call) => ({ traceId: call.traceId, badness: badness(call, perTrace) }))),
    confidence: confidenceOf({ samples: origins.length, effect: 1, ceiling: 0.98 }),
    suggestion: suggest(scope, whole, types),
  };
}

/** Traces with more errors first, then the longer failed call; a call is shorter than the 1e9 ms that an error weighs. */
function badness(call: Call, perTrace: ReadonlyMap<string, readonly Call[]>): number {
  return (perTrace.get(call.traceId)?.length ?? 0) * 1e9 + Math.min(callMs(call), 1e9 - 1);
}

function suggest(scope: Scope, whole: Scope, types: readonly { type: string; count: number }[]): string {
  const { origins, entry } = scope;
  const name = nameInText(origins[0]?.operation ?? "");
  const within =
    entry === undefined || entry.operation === origins[0]?.operation ? "" : ` within ${nameInText(entry.operation)}`;
  const listed = types.slice(0, 3).map(({ type, count }) => `${nameInText(type)} ${count}`);
  const rest = types.length > 3 ? ` and ${types.length - 3} more` : "";
  const victims = [...new Set(origins.flatMap(outermostVictim))].sort(compareText);
  const more = victims.length > 3 ? ` and ${victims.length - 3} more` : "";
  return [
    `${name} fails in ${ratioText(scope)}${within}; error types: ${listed.join(", ")}${rest}.`,
    ...(scope.calls.length < whole.calls.length ? [`Everywhere together it fails in ${ratioText(whole)}.`] : []),
    ...(victims.length > 0
      ? [`The error begins there and shows in ${victims.slice(0, 3).map(nameInText).join(", ")}${more}.`]
      : []),
    ADVICE[mostOf(origins)],
  ].join(" ");
}

/** What to do about errors of a class. */
const ADVICE: Readonly<Record<ErrorClass, string>> = {
  caller_mistake:
    "The requests are at fault: say in the tool's description and schema what it takes, answer with what was wrong, and mend the callers.",
  tool_failure: "The tool ran and gave up: look at the inputs of the exemplar traces and handle the case that fails.",
  unreachable:
    "Nobody answered in time: check that the other side is up and reachable, and give the call a deadline and a fallback.",
  server_fault: "Look at the inputs of the exemplar traces and handle the case that fails.",
};

/** The class that most of the errors are of; ties: the first of {@link ERROR_CLASSES}. */
function mostOf(origins: readonly Call[]): ErrorClass {
  const counts = Map.groupBy(origins, errorClassOf);
  const times = (each: ErrorClass): number => counts.get(each)?.length ?? 0;
  return ERROR_CLASSES.reduce((most, each) => (times(each) > times(most) ? each : most));
}

function ratioText(scope: Scope): string {
  const [failed, all] = [scope.origins, scope.calls].map((calls) => Math.round(totalWeight(calls)));
  return `${failed} of ${all} calls (${shareInText(shareOfOrigins(scope))})`;
}

function outermostVictim(origin: Call): string[] {
  const reached = outermostFailed(origin);
  return reached === origin ? [] : [reached.operation];
}
