import type { Finding } from "../../model/finding.ts";
import type { Call } from "../calls.ts";
import { msInText, nameInText } from "../names.ts";
import type { TraceTree } from "../tree.ts";
import { detectAttempts, type Attempts, type AttemptsRule } from "./attempts.ts";

/** When repetition after errors counts as a retry storm. */
export type RetryOptions = {
  /** Least median of attempts in a row, the first one included; default 4. */
  readonly minAttempts?: number;
};

/**
 * Retry storm: within one call, an operation is repeated after an error, again and again. A run is a series of calls of
 * one child operation of which each but the last failed before the next began; it counts with its longest run, as the
 * median over the calls in which that child was retried at all. `gainMs` is the time from the end of the first attempt to the
 * end of the last, as far as the trace waited for the call: what one good or one refused attempt would have saved.
 */
export function detectRetryStorms(traces: readonly TraceTree[], options: RetryOptions = {}): Finding[] {
  return detectAttempts(traces, {
    kind: "retry_storm",
    minAttempts: options.minAttempts ?? 4,
    attemptsOf: longestRuns,
    suggest,
  });
}

/** What to say of runs: how often, and what it costs. */
const suggest: AttemptsRule<Attempts>["suggest"] = (runs, { value, gainMs }) => {
  const [call, child] = [runs[0]?.call.operation ?? "", runs[0]?.child.operation ?? ""];
  return [
    `${nameInText(call)} tries ${nameInText(child)} ${value} times in a row after errors (median of ${runs.length} calls) and loses about ${msInText(gainMs)} per call by it.`,
    "Retry only errors that can pass, wait longer between attempts, and stop after two or three.",
  ].join(" ");
};

/** The longest run of every child operation that the call retried. */
function longestRuns(call: Call): Attempts[] {
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
