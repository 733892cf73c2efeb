import { callsOf, operationKey, type Call } from "./calls.ts";
import { compareText } from "./parents.ts";
import type { TraceTree } from "./tree.ts";

/** An operation of a service. */
export type PathStep = { readonly service: string; readonly operation: string };

/** Something that is expected to happen: an operation, or a call from one operation to another. */
export type ExpectedPath = PathStep & {
  /** The operation that calls it, directly or through others of any service; absent: wherever it occurs. */
  readonly below?: PathStep;
};

/** An expected path with how often it was taken. */
export type CoveredPath = ExpectedPath & { readonly calls: number; readonly traces: number; readonly errors: number };

/** What of the expected was seen, and what was seen beyond it. */
export type Coverage = {
  /** Share of the expected paths that were taken, 0 to 1; 1 where nothing is expected. */
  readonly ratio: number;
  readonly covered: readonly CoveredPath[];
  readonly missing: readonly ExpectedPath[];
  /** Paths that were only taken in calls that failed: exercised, but not shown to work. */
  readonly onlyFailed: readonly ExpectedPath[];
  /** Operations that were seen but not expected, by service and operation. */
  readonly unexpected: readonly PathStep[];
};

/**
 * Which of the expected operations and calls the traces exercise. The expected set comes from a specification, from the tools
 * that a server offers, or from the paths of an earlier population ({@link knownPaths}).
 */
export function coverageOf(traces: readonly TraceTree[], expected: readonly ExpectedPath[]): Coverage {
  const byOperation = Map.groupBy(
    traces.flatMap((tree) => callsOf(tree)),
    ({ key }) => key,
  );
  const counted = expected.map((path) => {
    const calls = (byOperation.get(operationKey(path.service, path.operation)) ?? []).filter(isBelow(path.below));
    const errors = calls.filter(({ failed }) => failed).length;
    return { path, calls: calls.length, errors, traces: new Set(calls.map(({ traceId }) => traceId)).size };
  });
  const covered = counted.filter(({ calls }) => calls > 0);
  const wanted = new Set(expected.flatMap((path) => [path, ...(path.below ? [path.below] : [])]).map(keyOf));
  return {
    ratio: expected.length === 0 ? 1 : covered.length / expected.length,
    covered: covered.map(({ path, ...counts }) => ({ ...path, ...counts })),
    missing: counted.filter(({ calls }) => calls === 0).map(({ path }) => path),
    onlyFailed: covered.filter(({ calls, errors }) => calls === errors).map(({ path }) => path),
    unexpected: [...byOperation]
      .filter(([key]) => !wanted.has(key))
      .flatMap(([, [first]]) => (first === undefined ? [] : [{ service: first.service, operation: first.operation }]))
      .sort((a, b) => compareText(keyOf(a), keyOf(b))),
  };
}

const keyOf = ({ service, operation }: PathStep): string => operationKey(service, operation);

function isBelow(step: PathStep | undefined): (call: Call) => boolean {
  if (step === undefined) return () => true;
  const key = keyOf(step);
  return (call) => {
    for (let outer = call.parent; outer !== undefined; outer = outer.parent) if (outer.key === key) return true;
    return false;
  };
}

/** The paths that a population takes: every operation at the beginning of a trace, and every call from one to another. */
export function knownPaths(traces: readonly TraceTree[]): ExpectedPath[] {
  const paths = new Map<string, ExpectedPath>();
  for (const { service, operation, key, parent } of traces.flatMap((tree) => callsOf(tree))) {
    const below = parent && { service: parent.service, operation: parent.operation };
    paths.set(`${parent?.key ?? ""}\n${key}`, { service, operation, ...(below && { below }) });
  }
  return [...paths].sort(([a], [b]) => compareText(a, b)).map(([, path]) => path);
}
