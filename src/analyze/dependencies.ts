import { totalWeight, weightedQuantile } from "../stats/weighted.ts";
import { callMs, callsOf, type Call } from "./calls.ts";
import { isOriginOfError } from "./errors/propagation.ts";
import { compareText } from "./parents.ts";
import { namedPeer } from "./peer.ts";
import { sum } from "./rating.ts";
import type { TraceTree } from "./tree.ts";

/** How finely dependencies are told apart. */
export type DependencyLevel = "service" | "operation";

/** A service, or an operation of one. */
export type DependencyNode = {
  readonly service: string;
  /** Absent at the level of services. */
  readonly operation?: string;
  /** Calls of it; at the level of services without those from itself. */
  readonly calls: number;
  readonly errors: number;
  /** Failed calls that nothing below them explains. */
  readonly errorsBegun: number;
  /** Requests of it at the beginning of a trace. */
  readonly entries: number;
  /** Known only by what client spans call it. */
  readonly external: boolean;
};

/** Calls from one node to another, with what they took (ms, R-7 quantiles). */
export type DependencyEdge = {
  readonly from: { readonly service: string; readonly operation?: string };
  readonly to: { readonly service: string; readonly operation?: string };
  readonly calls: number;
  readonly errors: number;
  readonly errorRate: number;
  /** Calls per trace in which there is one. */
  readonly callsPerTrace: number;
  /** Calls per second over the time from the first trace's start to the last one's end; absent for no time. */
  readonly perSecond?: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
};

/** Who calls whom. */
export type DependencyMap = {
  readonly level: DependencyLevel;
  readonly nodes: readonly DependencyNode[];
  readonly edges: readonly DependencyEdge[];
};

/** One call as an edge of the map, or, without `from`, as the beginning of a trace. */
type Link = { readonly from: Name | undefined; readonly to: Name; readonly call: Call; readonly external: boolean };
type Name = { readonly service: string; readonly operation?: string };

/**
 * The dependency map of a population: every service (or operation) and every pair of which one calls the other, busiest
 * first. Between services a call counts once, at its callee's side; what only a client span names (`peer.service`,
 * `server.address`, `db.system`) is a node with `external`. Sampled calls count as many times as they stand for. Between operations client spans are operations of their caller.
 */
export function dependencyMap(traces: readonly TraceTree[], level: DependencyLevel = "service"): DependencyMap {
  const links = traces.flatMap((tree) => callsOf(tree)).flatMap((call) => linksOf(call, level));
  const seconds = secondsOf(traces);
  const edges = links.filter(({ from }) => from !== undefined);
  return {
    level,
    nodes: [...Map.groupBy(links, ({ to }) => keyOf(to)).values()].flatMap(toNode).sort(byCalls),
    edges: [...Map.groupBy(edges, ({ from, to }) => keyOf(from) + keyOf(to)).values()]
      .flatMap((same) => toEdge(same, seconds))
      .sort(byCalls),
  };
}

const keyOf = (name: Name | undefined): string => JSON.stringify([name?.service, name?.operation]);

function linksOf(call: Call, level: DependencyLevel): Link[] {
  const { service, operation, parent } = call;
  if (level === "operation") {
    const from = parent && { service: parent.service, operation: parent.operation };
    return [{ from, to: { service, operation }, call, external: false }];
  }
  const links: Link[] = [];
  if (parent?.service !== service) {
    links.push({ from: parent && { service: parent.service }, to: { service }, call, external: false });
  }
  const peer = call.children.every((child) => child.service === service) ? namedPeer(call) : undefined;
  if (peer !== undefined && peer !== service)
    links.push({ from: { service }, to: { service: peer }, call, external: true });
  return links;
}

function secondsOf(traces: readonly TraceTree[]): number {
  const [first] = traces;
  if (first === undefined) return 0;
  let [from, to] = [first.startNs, first.startNs];
  for (const { startNs, durationNs } of traces) {
    const end = startNs + BigInt(durationNs);
    if (startNs < from) from = startNs;
    if (end > to) to = end;
  }
  return Number(to - from) / 1e9;
}

function toNode(links: readonly Link[]): DependencyNode[] {
  const [first] = links;
  if (first === undefined) return [];
  const calls = links.map(({ call }) => call);
  return [
    {
      ...first.to,
      calls: countOf(calls),
      errors: countOf(calls.filter(({ failed }) => failed)),
      errorsBegun: countOf(calls.filter(isOriginOfError)),
      entries: countOf(links.filter(({ from }) => from === undefined).map(({ call }) => call)),
      external: links.every(({ external }) => external),
    },
  ];
}

function toEdge(links: readonly Link[], seconds: number): DependencyEdge[] {
  const [first] = links;
  if (first?.from === undefined) return [];
  const calls = links.map(({ call }) => call);
  const lengths = calls.map((call) => ({ value: callMs(call), weight: call.weight }));
  const whole = totalWeight(calls);
  return [
    {
      from: first.from,
      to: first.to,
      calls: countOf(calls),
      errors: countOf(calls.filter(({ failed }) => failed)),
      errorRate: Math.min(1, totalWeight(calls.filter(({ failed }) => failed)) / whole),
      callsPerTrace: whole / tracesOf(calls),
      ...(seconds > 0 && { perSecond: whole / seconds }),
      p50Ms: weightedQuantile(lengths, 0.5),
      p95Ms: weightedQuantile(lengths, 0.95),
    },
  ];
}

/** How many calls they stand for, whole. */
const countOf = (calls: readonly Call[]): number => Math.round(totalWeight(calls));

/** How many traces the calls' traces stand for: each as many as the call of it that stands for most. */
function tracesOf(calls: readonly Call[]): number {
  const weights = new Map<string, number>();
  for (const { traceId, weight } of calls) weights.set(traceId, Math.max(weight, weights.get(traceId) ?? 1));
  return sum(weights.values());
}

function byCalls<T extends DependencyNode | DependencyEdge>(a: T, b: T): number {
  return b.calls - a.calls || compareText(JSON.stringify(a), JSON.stringify(b));
}
