import type { TraceTree } from "../tree.ts";
import { callsOf, type Call } from "../calls.ts";
import { compareText } from "../parents.ts";
import { errorClassOf, errorTypeOf, type ErrorClass } from "./classify.ts";

/** One error of a trace with the way it took: where it began, and whom it reached. */
export type ErrorPath = {
  readonly origin: Call;
  readonly errorClass: ErrorClass;
  readonly errorType: string;
  /** Failed calls that it reached, innermost first; empty where its caller handled it. */
  readonly victims: readonly Call[];
  /** The caller at which it stopped; absent where it reached the end of the trace. */
  readonly handledBy: Call | undefined;
};

/**
 * The errors of a trace, by start of their origins. A failed call is a victim where a call below it failed and ended no later
 * than it did; else it is an origin. (A child that fails after its caller has failed explains nothing.)
 */
export function errorPaths(tree: TraceTree): readonly ErrorPath[] {
  return callsOf(tree)
    .filter(isOriginOfError)
    .map(pathFrom)
    .sort((a, b) => a.origin.start - b.origin.start || compareText(a.origin.key, b.origin.key));
}

/** Whether a call failed and nothing below it explains that. */
export function isOriginOfError(call: Call): boolean {
  return call.failed && !call.children.some((child) => child.failed && child.end <= call.end);
}

function pathFrom(origin: Call): ErrorPath {
  const victims: Call[] = [];
  let reached = origin;
  while (reached.parent?.failed === true && reached.end <= reached.parent.end) {
    reached = reached.parent;
    victims.push(reached);
  }
  return {
    origin,
    errorClass: errorClassOf(origin),
    errorType: errorTypeOf(origin),
    victims,
    handledBy: reached.parent,
  };
}

/** Errors of one operation in a population. The classes are kept apart: they call for different people. */
export type OperationErrors = {
  readonly service: string;
  readonly operation: string;
  readonly calls: number;
  /** Calls in which an error began, by class; only classes that occur. */
  readonly origins: Readonly<Partial<Record<ErrorClass, number>>>;
  /** Calls that failed because something below them did. */
  readonly victims: number;
  /** Operations in which the errors of its victims began, most frequent first. */
  readonly causes: readonly { readonly service: string; readonly operation: string; readonly count: number }[];
};

/** Origins and victims of errors per operation, those with most origins first; operations without failures are left out. */
export function errorsByOperation(traces: readonly TraceTree[]): OperationErrors[] {
  const totals = new Map<string, Tally>();
  const tallyOf = (call: Call): Tally => {
    const tally = totals.get(call.key) ?? { call, calls: 0, origins: {}, victims: new Set(), causes: new Map() };
    totals.set(call.key, tally);
    return tally;
  };
  for (const tree of traces) {
    for (const call of callsOf(tree)) tallyOf(call).calls += 1;
    for (const { origin, errorClass, victims } of errorPaths(tree)) {
      const { origins } = tallyOf(origin);
      origins[errorClass] = (origins[errorClass] ?? 0) + 1;
      for (const victim of victims) {
        const tally = tallyOf(victim);
        tally.victims.add(victim);
        const known = tally.causes.get(origin.key);
        tally.causes.set(origin.key, { call: origin, count: (known?.count ?? 0) + 1 });
      }
    }
  }
  return [...totals.values()].filter(hasErrors).sort(byOrigins).map(toErrors);
}

type Tally = {
  readonly call: Call;
  calls: number;
  readonly origins: Partial<Record<ErrorClass, number>>;
  readonly victims: Set<Call>;
  readonly causes: Map<string, { readonly call: Call; readonly count: number }>;
};

const originsOf = ({ origins }: Tally): number => Object.values(origins).reduce((total, count) => total + count, 0);
const hasErrors = (tally: Tally): boolean => originsOf(tally) + tally.victims.size > 0;

function byOrigins(a: Tally, b: Tally): number {
  return originsOf(b) - originsOf(a) || b.victims.size - a.victims.size || compareText(a.call.key, b.call.key);
}

function toErrors({ call, calls, origins, victims, causes }: Tally): OperationErrors {
  const { service, operation } = call;
  const sorted = [...causes.values()].sort((a, b) => b.count - a.count || compareText(a.call.key, b.call.key));
  return {
    service,
    operation,
    calls,
    origins,
    victims: victims.size,
    causes: sorted.map(({ call: cause, count }) => ({ service: cause.service, operation: cause.operation, count })),
  };
}
