import type { Finding } from "../../model/finding.ts";
import { callNs, callsByOperation, nsToMs, type Call } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { msInText, nameInText } from "../names.ts";
import { compareText } from "../parents.ts";
import { confidenceOf, measuredQuantile, median, severityOfTimeLost, shareOf, sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";

/** When nested retries are reported. */
export type AmplificationOptions = {
  /** Least median of attempts of the innermost operation under one call of the outermost retrier; default 4. */
  readonly minAttempts?: number;
};

/** Attempts of one operation below the outermost call that retries on the way to it. */
type Cascade = {
  readonly call: Call;
  readonly child: Call;
  readonly attempts: number;
  readonly levels: number;
  readonly lostNs: number;
};

/**
 * Retry amplification: retries at several levels of one chain of calls multiply (three attempts of three attempts are
 * nine). A level counts where at least two calls of one operation follow each other and the earlier one failed. The finding
 * names the outermost operation that retries, `child` the innermost that is retried. `gainMs` is the time from the end of
 * the first innermost attempt to the end of the last, as far as the trace waited.
 */
export function detectRetryAmplification(traces: readonly TraceTree[], options: AmplificationOptions = {}): Finding[] {
  const { minAttempts = 4 } = options;
  const findings: Finding[] = [];
  for (const calls of callsByOperation(traces).values()) {
    const cascades = [...Map.groupBy(calls.flatMap(cascadesOf), ({ child }) => child.key).values()]
      .filter((list) => median(list.map(({ attempts }) => attempts)) >= minAttempts)
      .sort((a, b) => lostNs(b) - lostNs(a) || compareText(a[0]?.child.key ?? "", b[0]?.child.key ?? ""));
    if (cascades[0] !== undefined) findings.push(toFinding(calls, cascades[0]));
  }
  return findings;
}

const lostNs = (cascades: readonly Cascade[]): number => sum(cascades.map((cascade) => cascade.lostNs));

/** Cascades that begin with this call: it retries something, nothing around it does. */
function cascadesOf(call: Call): Cascade[] {
  if (isAttempt(call) || retriedChildren(call).length === 0 || hasRetriedAncestor(call)) return [];
  const attempts = innermostAttempts(call);
  return [...Map.groupBy(attempts, ({ call: { key } }) => key).values()].flatMap((same) => {
    const levels = Math.max(...same.map((each) => each.levels));
    const calls = same.map((each) => each.call);
    const [child] = calls;
    if (child === undefined || levels < 2) return [];
    const firstEnd = Math.min(...calls.map(({ end }) => end));
    const lastEnd = Math.max(...calls.map(({ end }) => end));
    const lost = Math.max(0, Math.min(lastEnd - firstEnd, call.pathNs));
    return [{ call, child, attempts: calls.length, levels, lostNs: lost }];
  });
}

/** Whether a call is one of several attempts of its caller. */
function isAttempt(call: Call): boolean {
  return call.parent !== undefined && retriedChildren(call.parent).includes(call);
}

function hasRetriedAncestor(call: Call): boolean {
  for (let outer = call.parent; outer !== undefined; outer = outer.parent) if (isAttempt(outer)) return true;
  return false;
}

/** Children that are attempts: of one operation, one after the other, all but the last failed. */
function retriedChildren(call: Call): Call[] {
  if (call.children.length < 2 || !call.children.some(({ failed }) => failed)) return [];
  return [...Map.groupBy(call.children, ({ key }) => key).values()].flatMap((same) => {
    const attempts = same.filter((child, i) => {
      const [before, after] = [same[i - 1], same[i + 1]];
      const follows = before?.failed === true && child.start >= before.end;
      return follows || (child.failed && after !== undefined && after.start >= child.end);
    });
    return attempts.length >= 2 ? attempts : [];
  });
}

/** Attempts below a call that nothing further down retries, with the number of levels that were retried on the way. */
function innermostAttempts(call: Call): { readonly call: Call; readonly levels: number }[] {
  const found: { call: Call; levels: number }[] = [];
  const open = [{ call, levels: 0 }];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const attempts = new Set(retriedChildren(at.call));
    for (const child of at.call.children) {
      const levels = at.levels + (attempts.has(child) ? 1 : 0);
      open.push({ call: child, levels });
      if (attempts.has(child) && retriedBelow(child) === 0) found.push({ call: child, levels });
    }
  }
  return found;
}

function retriedBelow(call: Call): number {
  return retriedChildren(call).length + sum(call.children.map(retriedBelow));
}

function toFinding(calls: readonly Call[], cascades: readonly Cascade[]): Finding {
  const { call, child } = cascades[0] as Cascade;
  const { service, operation } = call;
  const { value, interval } = measuredQuantile(
    cascades.map(({ attempts }) => attempts),
    0.5,
  );
  const levels = median(cascades.map((cascade) => cascade.levels));
  const gainMs = nsToMs(median(cascades.map((cascade) => cascade.lostNs)));
  return {
    id: findingId("retry_amplification", service, operation),
    kind: "retry_amplification",
    severity: severityOfTimeLost(shareOf(lostNs(cascades), sum(calls.map(callNs)))),
    service,
    operation,
    metric: "attempts",
    value,
    baseline: 1,
    ...(interval && { interval }),
    samples: cascades.length,
    gainMs,
    child: child.operation,
    traceIds: worstTraces(cascades.map((cascade) => ({ traceId: cascade.call.traceId, badness: cascade.attempts }))),
    confidence: confidenceOf({ samples: cascades.length, effect: 1 - 1 / value, ceiling: 0.95 }),
    suggestion: [
      `Below ${nameInText(operation)}, ${nameInText(child.operation)} is tried ${value} times per call (median of ${cascades.length} calls) because ${levels} levels retry on top of each other.`,
      "Retry at one level only, next to the call that fails, and pass its failure on everywhere else; a budget of retries per request bounds the rest.",
      `A call would save about ${msInText(gainMs)}.`,
    ].join(" "),
  };
}
