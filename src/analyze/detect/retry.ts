import type { Finding } from "../../model/finding.ts";
import { callsByOperation, nsToMs, weightedNs, type Call } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { msInText, nameInText } from "../names.ts";
import { compareText } from "../parents.ts";
import { confidenceOf, measuredQuantile, median, severityOfTimeLost, shareOf, sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";

/** When repetition after errors counts as a retry storm. */
export type RetryOptions = {
  /** Least median of attempts in a row, the first one included; default 4. */
  readonly minAttempts?: number;
};

/** The longest run of attempts of one child operation within one call. */
type Run = { readonly call: Call; readonly child: Call; readonly attempts: number; readonly lostNs: number };

/**
 * Retry storm: within one call, an operation is repeated after an error, again and again. A run is a series of calls of
 * one child operation of which each but the last failed before the next began; it counts with its longest run, as the
 * median over the calls in which that child was retried at all. `gainMs` is the time from the end of the first attempt to the
 * end of the last, as far as the trace waited for the call: what one good or one refused attempt would have saved.
 */
export function detectRetryStorms(traces: readonly TraceTree[], options: RetryOptions = {}): Finding[] {
  const { minAttempts = 4 } = options;
  const findings: Finding[] = [];
  for (const calls of callsByOperation(traces).values()) {
    const storms = [...Map.groupBy(calls.flatMap(longestRuns), ({ child }) => child.key).values()]
      .filter((runs) => median(runs.map(({ attempts }) => attempts)) >= minAttempts)
      .sort((a, b) => lostNs(b) - lostNs(a) || compareText(a[0]?.child.key ?? "", b[0]?.child.key ?? ""));
    if (storms[0] !== undefined) findings.push(toFinding(calls, storms[0]));
  }
  return findings;
}

function lostNs(runs: readonly Run[]): number {
  return sum(runs.map((run) => run.call.weight * run.lostNs));
}

/** The longest run of every child operation that the call retried. */
function longestRuns(call: Call): Run[] {
  if (call.children.every(({ failed }) => !failed)) return [];
  return [...Map.groupBy(call.children, ({ key }) => key).values()].flatMap((children) => {
    const longest = runsOf(children).reduce((best, run) => (run.length > best.length ? run : best), []);
    const [first, last] = [longest[0], longest.at(-1)];
    if (first === undefined || last === undefined || longest.length < 2) return [];
    const lost = Math.max(0, Math.min(last.end - first.end, call.pathNs));
    return [{ call, child: first, attempts: longest.length, lostNs: lost }];
  });
}

function runsOf(children: readonly Call[]): Call[][] {
  const runs: Call[][] = [];
  for (const child of children) {
    const run = runs.at(-1);
    const previous = run?.at(-1);
    if (run !== undefined && previous?.failed && child.start >= previous.end) run.push(child);
    else runs.push([child]);
  }
  return runs;
}

function toFinding(calls: readonly Call[], runs: readonly Run[]): Finding {
  const { call, child } = runs[0] as Run;
  const { service, operation } = call;
  const weights = runs.map((run) => run.call.weight);
  const { value, interval } = measuredQuantile(
    runs.map(({ attempts }) => attempts),
    0.5,
    weights,
  );
  const lost = runs.map((run) => run.lostNs);
  const gainMs = nsToMs(median(lost, weights));
  return {
    id: findingId("retry_storm", service, operation),
    kind: "retry_storm",
    severity: severityOfTimeLost(shareOf(lostNs(runs), sum(calls.map(weightedNs)))),
    service,
    operation,
    metric: "attempts",
    value,
    baseline: 1,
    ...(interval && { interval }),
    samples: runs.length,
    gainMs,
    child: child.operation,
    traceIds: worstTraces(runs.map((run) => ({ traceId: run.call.traceId, badness: run.attempts }))),
    confidence: confidenceOf({ samples: runs.length, effect: 1 - 1 / value, ceiling: 0.95 }),
    suggestion: [
      `${nameInText(operation)} tries ${nameInText(child.operation)} ${value} times in a row after errors (median of ${runs.length} calls) and loses about ${msInText(gainMs)} per call by it.`,
      "Retry only errors that can pass, wait longer between attempts, and stop after two or three.",
    ].join(" "),
  };
}
