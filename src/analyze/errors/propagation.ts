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
