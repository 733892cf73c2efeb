import { weightOf } from "../model/sample-weight.ts";
import { ATTR, type Span } from "../model/span.ts";
import { criticalPath } from "./critical-path.ts";
import type { SpanNode, TraceTree } from "./tree.ts";

/**
 * One call of an operation. A proxy records the same call twice, as a SERVER span with a CLIENT span of the same
 * service and name below it; here that is one call. Times are ns from the start of the trace.
 */
export type Call = {
  readonly traceId: string;
  readonly service: string;
  readonly operation: string;
  /** Equal for calls of the same service and operation. */
  readonly key: string;
  /** The spans of the call, outermost first; at least one. */
  readonly nodes: readonly SpanNode[];
  /** The call that made this one, absent for the outermost. */
  readonly parent: Call | undefined;
  /** Calls made by this one, by start. */
  readonly children: readonly Call[];
  readonly start: number;
  readonly end: number;
  /**
   * Whether its outermost span has the status `error`: what an MCP client did wrong is an error of the proxy's CLIENT
   * span but not of the SERVER span around it, and so none of the operation.
   */
  readonly failed: boolean;
  /** How many calls it stands for, where calls were sampled: the weight of its outermost span. */
  readonly weight: number;
  /** Time in which the end of the trace waited for it or for something below it, ns: the most that mending it can save. */
  readonly pathNs: number;
  /** The part of `pathNs` in which the trace waited for its own spans, not for anything below. */
  readonly ownPathNs: number;
};

type Building = Omit<Call, "nodes" | "children" | "ownPathNs"> & {
  readonly nodes: SpanNode[];
  readonly children: Building[];
  ownPathNs: number;
};

/** Every detector asks for the calls of the same trees; they are found once and go with the tree. */
const known = new WeakMap<TraceTree, readonly Call[]>();

/** Every call of a trace, callers before what they call, siblings by start. */
export function callsOf(tree: TraceTree): readonly Call[] {
  const before = known.get(tree);
  if (before !== undefined) return before;
  const calls = findCalls(tree);
  known.set(tree, calls);
  return calls;
}

function findCalls(tree: TraceTree): readonly Call[] {
  const { own, whole } = waitedFor(tree);
  const callOfNode = new Map<SpanNode, Building>();
  const calls: Building[] = [];
  for (const node of tree.nodes) {
    const parent = node.parent && callOfNode.get(node.parent);
    if (parent !== undefined && continues(node)) {
      parent.nodes.push(node);
      parent.ownPathNs += own.get(node) ?? 0;
      callOfNode.set(node, parent);
      continue;
    }
    const call = begin(node, parent, { ownPathNs: own.get(node) ?? 0, pathNs: whole.get(node) ?? 0 });
    parent?.children.push(call);
    callOfNode.set(node, call);
    calls.push(call);
  }
  for (const { children } of calls) if (children.length > 1) children.sort((a, b) => a.start - b.start);
  return calls;
}

type Waited = ReadonlyMap<SpanNode, number>;

/** Time on the critical path of each span by itself, and with everything below it. */
function waitedFor(tree: TraceTree): { readonly own: Waited; readonly whole: Waited } {
  const own = new Map<SpanNode, number>();
  for (const { node, start, end } of criticalPath(tree)) own.set(node, (own.get(node) ?? 0) + end - start);
  const whole = new Map(own);
  for (const node of tree.nodes.toReversed()) {
    const ns = whole.get(node);
    if (ns !== undefined && node.parent !== undefined) whole.set(node.parent, (whole.get(node.parent) ?? 0) + ns);
  }
  return { own, whole };
}

function begin(node: SpanNode, parent: Building | undefined, waited: Pick<Building, "pathNs" | "ownPathNs">): Building {
  const { traceId, service, name: operation, status, attributes } = node.span;
  const key = operationKey(service, operation);
  const { start, end } = node;
  return {
    traceId,
    service,
    operation,
    key,
    nodes: [node],
    parent,
    children: [],
    start,
    end,
    failed: status === "error",
    weight: weightOf(attributes),
    ...waited,
  };
}

/** Whether a span is the other side of its parent's call; two such children are calls of their own (a retry). */
function continues(node: SpanNode): boolean {
  const parent = node.parent;
  if (parent === undefined || !isHop(parent.span, node.span)) return false;
  return parent.children.every((sibling) => sibling === node || !isHop(parent.span, sibling.span));
}

function isHop(outer: Span, inner: Span): boolean {
  const kinds = `${outer.kind}>${inner.kind}`;
  return (
    (kinds === "server>client" || kinds === "client>server") &&
    outer.service === inner.service &&
    outer.name === inner.name
  );
}

/** The key that calls of one operation of one service share. */
export function operationKey(service: string, operation: string): string {
  return `${service.length}:${service}/${operation}`;
}

const knownByOperation = new WeakMap<readonly TraceTree[], ReadonlyMap<string, readonly Call[]>>();

/** The calls of a population by operation, in the order of the traces. The array is not to change afterwards. */
export function callsByOperation(traces: readonly TraceTree[]): ReadonlyMap<string, readonly Call[]> {
  const before = knownByOperation.get(traces);
  if (before !== undefined) return before;
  const grouped = Map.groupBy(
    traces.flatMap((tree) => callsOf(tree)),
    (call) => call.key,
  );
  knownByOperation.set(traces, grouped);
  return grouped;
}

/** Whether a call enters the system from outside: a root of its trace, or an MCP request as its server saw it. */
export function isEntry(call: Call): boolean {
  return (
    call.parent === undefined || call.nodes.some(({ span }) => span.kind === "server" && mcpMethod(span) !== undefined)
  );
}

/** `mcp.method.name` of a span, for example `tools/call`. */
export function mcpMethod(span: Span): string | undefined {
  const method = span.attributes[ATTR.mcpMethod];
  return typeof method === "string" ? method : undefined;
}

/** Length of a call, ms. */
export function callMs(call: Call): number {
  return nsToMs(callNs(call));
}

/** Length of a call, ns: whole numbers, whose sum does not depend on their order. */
export function callNs({ start, end }: Call): number {
  return end - start;
}

/** Length of all calls that a call stands for, ns. */
export function weightedNs(call: Call): number {
  return call.weight * callNs(call);
}

/** Nanoseconds as milliseconds. */
export function nsToMs(ns: number): number {
  return ns / 1e6;
}
