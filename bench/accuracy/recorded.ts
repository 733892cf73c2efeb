import type { Span } from "../../src/model/span.ts";
import { findProblems } from "../../src/analyze/findings.ts";
import { groupTraces } from "../../src/analyze/tree.ts";
import { createRandom, randomInteger } from "../../src/stats/random.ts";
import type { Expected, Fault, Injected } from "./faults.ts";

/** Traces of a real server, recorded when the bench runs. */
export type Recording = { readonly name: string; readonly spans: readonly Span[] };

/**
 * Faults put into recorded traces by changing their spans. What the detectors find in the traces as recorded is the server's
 * own and counts neither way.
 */
export function recordedFaults({ name, spans }: Recording): Fault[] {
  const known = findProblems(groupTraces(spans)).map(({ id }) => id);
  const traces = [...Map.groupBy(spans, ({ traceId }) => traceId).values()];
  const tools = toolsOf(traces);
  return KINDS.map(({ kind, change, also }) => ({
    name: `${kind} in ${name}`,
    inject: (seed): Injected => {
      const random = createRandom(`${name}/${kind}/${seed}`);
      const tool = tools[randomInteger(random, tools.length)];
      if (tool === undefined) throw new Error(`${name} has no tool that was called often enough.`);
      const { service, operation } = tool;
      const changed = traces.flatMap((trace, i) => {
        const root = trace.find(
          (span) => span.service === service && span.name === operation && span.kind === "server",
        );
        return root === undefined ? trace : change({ trace, root, i, random: random.uniform() });
      });
      const expect: Expected = { kind, service, operation };
      return { spans: changed, expect, also, known: known.filter((id) => id !== `${kind}:${service}:${operation}`) };
    },
  }));
}

/** Tools that were called often enough for every detector, and in which nothing is wrong as yet. */
function toolsOf(traces: readonly (readonly Span[])[]): { readonly service: string; readonly operation: string }[] {
  const roots = traces.flatMap((trace) =>
    trace.filter((span) => span.kind === "server" && span.name.startsWith("tools/call ")),
  );
  return [...Map.groupBy(roots, ({ name }) => name).values()]
    .filter((same) => same.length >= 12)
    .flatMap(([first]) => (first === undefined ? [] : [{ service: first.service, operation: first.name }]))
    .sort((a, b) => (a.operation < b.operation ? -1 : 1));
}

type Change = { readonly trace: readonly Span[]; readonly root: Span; readonly i: number; readonly random: number };
type Kind = Pick<Expected, "kind"> & { readonly also: Injected["also"]; readonly change: (change: Change) => Span[] };

const idOf = (i: number): string => (0xf000_0000_0000_0000n + BigInt(i)).toString(16);

/** The trace with `added` ns at the end of every span that encloses it, so that new children have room. */
function longer(trace: readonly Span[], root: Span, added: number): Span[] {
  const end = (span: Span): bigint => span.startNs + BigInt(span.durationNs);
  const client = trace.find((span) => span.parentSpanId === root.spanId && span.name === root.name);
  return trace.map((span) => {
    const around = span === root || span === client || (end(span) > end(root) && span.startNs <= root.startNs);
    return around ? { ...span, durationNs: span.durationNs + added } : span;
  });
}

/** New children of the tool's own span, one after the other at its end. */
function withChildren(
  { trace, root }: Change,
  children: readonly Pick<Span, "name" | "durationNs" | "status">[],
): Span[] {
  const total = children.reduce((sum, { durationNs }) => sum + durationNs, 0);
  const parent = trace.find((span) => span.parentSpanId === root.spanId && span.name === root.name) ?? root;
  let at = parent.startNs + BigInt(parent.durationNs);
  const added = children.map((child, i): Span => {
    const startNs = at;
    at += BigInt(child.durationNs);
    return {
      ...root,
      ...child,
      kind: "internal",
      spanId: idOf(i),
      parentSpanId: parent.spanId,
      startNs,
      attributes: {},
      events: [],
      links: [],
    };
  });
  return [...longer(trace, root, total + 1000), ...added];
}

const KINDS: readonly Kind[] = [
  {
    kind: "n_plus_one",
    also: ["slow_operation"],
    change: (change) =>
      withChildren(
        change,
        Array.from({ length: 30 }, () => ({ name: "row.load", durationNs: 700_001, status: "unset" })),
      ),
  },
  {
    kind: "errors",
    also: ["slow_operation"],
    change: ({ trace, root, random }) =>
      trace.map((span) =>
        random < 0.4 && span.name === root.name
          ? { ...span, status: "error", attributes: { ...span.attributes, "error.type": "tool_error" } }
          : span,
      ),
  },
  {
    kind: "retry_storm",
    also: ["errors", "slow_operation", "sequential_calls"],
    change: (change) =>
      withChildren(
        change,
        Array.from({ length: 6 }, () => ({ name: "fetch remote", durationNs: 2_000_001, status: "error" })),
      ),
  },
  {
    kind: "payload_growth",
    also: [],
    change: ({ trace, root, i }) =>
      trace.map((span) =>
        span === root ? { ...span, attributes: { ...span.attributes, "mcp.response.size": 1000 + 200 * i } } : span,
      ),
  },
];
