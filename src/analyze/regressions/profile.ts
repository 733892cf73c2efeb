import type { OperationName } from "../../model/regression.ts";
import { weightOf } from "../../model/sample-weight.ts";
import type { Span } from "../../model/span.ts";
import { nsToMs } from "../calls.ts";
import { compareText } from "../parents.ts";
import type { SpanNode, TraceTree } from "../tree.ts";
import { operationTemplate } from "./operation-template.ts";

/** One trace as a unit of comparison: what it stands for, and the kind of trace it is (the key of its first root). */
export type TraceUnit = { readonly weight: number; readonly stratum: string };

/** The calls of one operation in one trace. */
export type CallsInTrace = { readonly durationsMs: number[]; errors: number };

/** How many of a parent's calls made a call, and how many they made. */
export type EdgeInTrace = { withChild: number; children: number };

/** Of a parent's calls with both children: in how many the first ended before the second began, and the reverse. */
export type PairInTrace = { both: number; forward: number; backward: number };

/** What is counted of a key, by trace. */
type ByTrace<T> = Map<TraceUnit, T>;

/** Counts of one set of traces. Keys are made of operation keys. */
export type Profile = {
  readonly units: readonly TraceUnit[];
  readonly names: ReadonlyMap<string, OperationName>;
  readonly operations: ReadonlyMap<string, ByTrace<CallsInTrace>>;
  /** By parent, then child. */
  readonly edges: ReadonlyMap<string, ReadonlyMap<string, ByTrace<EdgeInTrace>>>;
  /** By parent, then {@link pairKey}. */
  readonly pairs: ReadonlyMap<string, ReadonlyMap<string, ByTrace<PairInTrace>>>;
  readonly spans: number;
  /** Calls with too many kinds of children for their order to be looked at. */
  readonly wideCalls: number;
};

type Building = {
  readonly units: TraceUnit[];
  readonly names: Map<string, OperationName>;
  readonly operations: Map<string, ByTrace<CallsInTrace>>;
  readonly edges: Map<string, Map<string, ByTrace<EdgeInTrace>>>;
  readonly pairs: Map<string, Map<string, ByTrace<PairInTrace>>>;
  spans: number;
  wideCalls: number;
};

/** Above this many kinds of children their pairs are more than anybody would read. */
export const MOST_CHILD_KINDS = 12;

/** Counts a set of traces, in the order of their ids: the same numbers whatever order they come in. */
export function profileOf(traces: readonly TraceTree[]): Profile {
  const profile: Building = {
    units: [],
    names: new Map(),
    operations: new Map(),
    edges: new Map(),
    pairs: new Map(),
    spans: 0,
    wideCalls: 0,
  };
  const keys = keeperOfKeys(profile.names);
  for (const tree of traces.toSorted((a, b) => compareText(a.traceId, b.traceId))) addTrace(profile, tree, keys);
  return profile;
}

type KeyOf = (span: Span) => string;

function keeperOfKeys(names: Map<string, OperationName>): KeyOf {
  const known = new Map<string, string>();
  return ({ service, name, kind }) => {
    const whole = `${kind}/${service}/${name}`;
    const before = known.get(whole);
    if (before !== undefined) return before;
    const operation = operationTemplate(name);
    const key = JSON.stringify([service, operation, kind]);
    known.set(whole, key);
    names.set(key, { service, operation, kind });
    return key;
  };
}

function addTrace(profile: Building, tree: TraceTree, keyOf: KeyOf): void {
  const root = tree.roots[0];
  const weight = tree.nodes.reduce((most, { span }) => Math.max(most, weightOf(span.attributes)), 1);
  const unit = { weight, stratum: root === undefined ? "" : keyOf(root.span) };
  profile.units.push(unit);
  profile.spans += tree.nodes.length;
  for (const node of tree.nodes) {
    const key = keyOf(node.span);
    const calls = at(at(profile.operations, key, newMap<TraceUnit, CallsInTrace>), unit, newCalls);
    calls.durationsMs.push(nsToMs(node.end - node.start));
    if (node.span.status === "error") calls.errors += 1;
    if (node.children.length > 0) addChildren(profile, { unit, key, children: firstByKey(node.children, keyOf) });
  }
}

type Child = { readonly key: string; readonly first: SpanNode; count: number };
type Family = { readonly unit: TraceUnit; readonly key: string; readonly children: readonly Child[] };

/** The kinds of children with the first call of each, by key. */
function firstByKey(children: readonly SpanNode[], keyOf: KeyOf): readonly Child[] {
  const found = new Map<string, Child>();
  for (const node of children) {
    const key = keyOf(node.span);
    at(found, key, () => ({ key, first: node, count: 0 })).count += 1;
  }
  return [...found.values()].sort((a, b) => compareText(a.key, b.key));
}

function addChildren(profile: Building, { unit, key, children }: Family): void {
  const edges = at(profile.edges, key, newMap<string, ByTrace<EdgeInTrace>>);
  for (const child of children) {
    const edge = at(at(edges, child.key, newMap<TraceUnit, EdgeInTrace>), unit, newEdge);
    edge.withChild += 1;
    edge.children += child.count;
  }
  if (children.length > MOST_CHILD_KINDS) profile.wideCalls += 1;
  else if (children.length > 1) {
    addPairs(at(profile.pairs, key, newMap<string, ByTrace<PairInTrace>>), { unit, key, children });
  }
}

function addPairs(pairs: Map<string, ByTrace<PairInTrace>>, { unit, children }: Family): void {
  for (const [i, one] of children.entries()) {
    for (const two of children.slice(i + 1)) {
      const pair = at(at(pairs, pairKey(one.key, two.key), newMap<TraceUnit, PairInTrace>), unit, newPair);
      pair.both += 1;
      if (one.first.end <= two.first.start) pair.forward += 1;
      else if (two.first.end <= one.first.start) pair.backward += 1;
    }
  }
}

/** Key of two children of one parent; {@link pairOf} takes it apart. */
const pairKey = (one: string, two: string): string => `${one}\n${two}`;

/** The two children of a pair: JSON holds no line feed. */
export function pairOf(key: string): readonly [string, string] {
  const [one = "", two = ""] = key.split("\n");
  return [one, two];
}

const newMap = <K, V>(): Map<K, V> => new Map<K, V>();
const newCalls = (): CallsInTrace => ({ durationsMs: [], errors: 0 });
const newEdge = (): EdgeInTrace => ({ withChild: 0, children: 0 });
const newPair = (): PairInTrace => ({ both: 0, forward: 0, backward: 0 });

function at<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
