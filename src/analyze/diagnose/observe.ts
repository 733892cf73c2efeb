import { weightOf } from "../../model/sample-weight.ts";
import { callsOf, isEntry, nsToMs, type Call } from "../calls.ts";
import { sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";

/** One call with what the comparison of two populations needs of it. */
export type Observation = {
  readonly call: Call;
  /** The outermost entry of its trace. */
  readonly entry: Call;
  /** Calls of one operation are compared only where entry and caller are the same: a changed mix of traffic is no fault. */
  readonly context: string;
  /** How many traces this one stands for. */
  readonly weight: number;
  /** Own time, ms: without the time in which something below it ran. */
  readonly ownMs: number;
};

/** The calls of one set of traces, by context and by operation. */
export type Population = {
  readonly traces: number;
  readonly byContext: ReadonlyMap<string, readonly Observation[]>;
  readonly byOperation: ReadonlyMap<string, readonly Observation[]>;
  readonly ofCall: ReadonlyMap<Call, Observation>;
};

/** Every call of the traces. A trace counts with the greatest sample weight that one of its spans states, else once. */
export function observe(traces: readonly TraceTree[]): Population {
  const observations: Observation[] = [];
  for (const tree of traces) observeTrace(tree, observations);
  return {
    traces: traces.length,
    byContext: Map.groupBy(observations, ({ context }) => context),
    byOperation: Map.groupBy(observations, ({ call }) => call.key),
    ofCall: new Map(observations.map((observation) => [observation.call, observation])),
  };
}

function observeTrace(tree: TraceTree, into: Observation[]): void {
  const weight = tree.nodes.reduce((most, { span }) => Math.max(most, weightOf(span.attributes)), 1);
  const entries = new Map<Call, Call>();
  for (const call of callsOf(tree)) {
    const outer = call.parent && entries.get(call.parent);
    const entry = outer ?? call;
    entries.set(call, entry);
    const context = contextOf(call, entry);
    const ownMs = nsToMs(sum(call.nodes.map(({ selfNs }) => selfNs)));
    into.push({ call, entry, context, weight, ownMs });
  }
}

function contextOf(call: Call, entry: Call): string {
  const caller = call.parent === undefined || (isEntry(call) && call === entry) ? "" : call.parent.key;
  return `${entry.key}\n${caller}\n${call.key}`;
}
