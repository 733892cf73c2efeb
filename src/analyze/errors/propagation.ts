import type { TraceTree } from "../tree.ts";
import { callsOf, type Call } from "../calls.ts";
import { compareText } from "../parents.ts";
import { errorClassOf, errorTypeOf, type ErrorClass } from "./classify.ts";

/** One error of a trace with the way it took: where it began, and whom it reached. */
export type ErrorPath = {
  readonly origin: Call;
  readonly errorClass: ErrorClass;
  readonly errorType: string;
  /** How many failed calls around it it reached, and the furthest of them; 0 and absent where its caller handled it. */
  readonly reached: number;
  readonly outermost: Call | undefined;
  /** The caller at which it stopped; absent where it reached the end of the trace. */
  readonly handledBy: Call | undefined;
};

/**
 * The errors of a trace, by start of their origins. A failed call is a victim where a call below it failed and ended no later
 * than it did; else it is an origin. (A child that fails after its caller has failed explains nothing.)
 */
export function errorPaths(tree: TraceTree): readonly ErrorPath[] {
  const calls = callsOf(tree);
  const reaches = reachesOf(calls);
  return calls
    .filter(isOriginOfError)
    .map((origin) => ({ origin, errorClass: errorClassOf(origin), errorType: errorTypeOf(origin), ...reaches(origin) }))
    .sort((a, b) => a.origin.start - b.origin.start || compareText(a.origin.key, b.origin.key));
}

/** Failed calls that the error of a call reached, innermost first. */
export function* victimsOf(origin: Call): Generator<Call> {
  for (let at = reachedCaller(origin); at !== undefined; at = reachedCaller(at)) yield at;
}

/** The caller of a failed call, where the failure explains its own. */
function reachedCaller({ parent, end }: Call): Call | undefined {
  return parent?.failed === true && end <= parent.end ? parent : undefined;
}

type Reach = Pick<ErrorPath, "reached" | "outermost" | "handledBy">;

/** How far the error of each call goes: callers come first, so that one step up leads to what is known already. */
function reachesOf(calls: readonly Call[]): (call: Call) => Reach {
  const known = new Map<Call, Reach>();
  for (const call of calls) {
    const caller = call.failed ? reachedCaller(call) : undefined;
    const further = caller && known.get(caller);
    const end = { reached: 0, outermost: undefined, handledBy: call.parent };
    const step = further && { ...further, reached: further.reached + 1, outermost: further.outermost ?? caller };
    known.set(call, step ?? end);
  }
  return (call) => known.get(call) ?? { reached: 0, outermost: undefined, handledBy: call.parent };
}

/** Whether a call failed and nothing below it explains that. */
export function isOriginOfError(call: Call): boolean {
  return call.failed && !call.children.some((child) => child.failed && child.end <= call.end);
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
    const tally = totals.get(call.key) ?? { call, calls: 0, origins: {}, victims: 0, causes: new Map() };
    totals.set(call.key, tally);
    return tally;
  };
  for (const tree of traces) {
    for (const call of callsOf(tree)) tallyOf(call).calls += 1;
    for (const { origin, errorClass } of errorPaths(tree)) {
      const { origins } = tallyOf(origin);
      origins[errorClass] = (origins[errorClass] ?? 0) + 1;
    }
    for (const [victim, causes] of causesByVictim(callsOf(tree))) {
      const tally = tallyOf(victim);
      tally.victims += 1;
      for (const [key, { call, count }] of causes) {
        tally.causes.set(key, { call, count: (tally.causes.get(key)?.count ?? 0) + count });
      }
    }
  }
  return [...totals.values()].filter(hasErrors).sort(byOrigins).map(toErrors);
}

type Causes = Map<string, { readonly call: Call; readonly count: number }>;

/**
 * The origins below each victim, counted by operation. From the innermost calls outwards, so that a caller adds up what is
 * known of the calls below it: the way of each error is walked once, however deep the calls are.
 */
function* causesByVictim(calls: readonly Call[]): Generator<readonly [Call, Causes]> {
  const below = new Map<Call, Causes>();
  for (const call of calls.toReversed()) {
    const causes = below.get(call) ?? new Map(isOriginOfError(call) ? [[call.key, { call, count: 1 }]] : []);
    if (below.delete(call)) yield [call, causes];
    const caller = call.failed ? reachedCaller(call) : undefined;
    if (caller !== undefined) below.set(caller, addedUp(below.get(caller), causes));
  }
}

/** Both counts together; the larger of the two is added to. */
function addedUp(known: Causes | undefined, causes: Causes): Causes {
  const [sum, other] = known !== undefined && known.size > causes.size ? [known, causes] : [causes, known];
  for (const [key, { call, count }] of other ?? []) sum.set(key, { call, count: (sum.get(key)?.count ?? 0) + count });
  return sum;
}

type Tally = {
  readonly call: Call;
  calls: number;
  readonly origins: Partial<Record<ErrorClass, number>>;
  victims: number;
  readonly causes: Causes;
};

const originsOf = ({ origins }: Tally): number => Object.values(origins).reduce((total, count) => total + count, 0);
const hasErrors = (tally: Tally): boolean => originsOf(tally) + tally.victims > 0;

function byOrigins(a: Tally, b: Tally): number {
  return originsOf(b) - originsOf(a) || b.victims - a.victims || compareText(a.call.key, b.call.key);
}

function toErrors({ call, calls, origins, victims, causes }: Tally): OperationErrors {
  const { service, operation } = call;
  const sorted = [...causes.values()].sort((a, b) => b.count - a.count || compareText(a.call.key, b.call.key));
  return {
    service,
    operation,
    calls,
    origins,
    victims,
    causes: sorted.map(({ call: cause, count }) => ({ service: cause.service, operation: cause.operation, count })),
  };
}
