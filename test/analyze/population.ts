import type { Attributes, Span } from "../../src/model/span.ts";

/** A span to be made, with its children. Times are ms from the start of the trace; ids are given in order. */
export type Plan = {
  readonly name: string;
  readonly at: number;
  readonly ms: number;
  readonly service?: string;
  readonly kind?: Span["kind"];
  readonly error?: boolean | string;
  readonly attributes?: Attributes;
  readonly children?: readonly Plan[];
};

const EPOCH = 1_763_000_000_000_000_000n;

/** Id of the n-th trace of a test. */
export const traceIdOf = (n: number): string => (n + 1).toString(16).padStart(32, "0");
/** Id of the n-th span of a trace. */
export const spanIdOf = (n: number): string => (n + 1).toString(16).padStart(16, "0");

/** A span with defaults for everything that a test does not care about. */
export function span(given: Partial<Span> & Pick<Span, "spanId">): Span {
  return {
    traceId: traceIdOf(0),
    kind: "internal",
    name: "op",
    service: "notes",
    startNs: EPOCH,
    durationNs: 1_000_000,
    status: "unset",
    attributes: {},
    events: [],
    links: [],
    resource: {},
    scope: { name: "test" },
    ...given,
  };
}

/** The spans of one trace; trace `n` starts n seconds after the first. */
export function trace(n: number, plan: Plan): Span[] {
  const spans: Span[] = [];
  const add = (part: Plan, parentSpanId: string | undefined): void => {
    const spanId = spanIdOf(spans.length);
    const type = typeof part.error === "string" ? { "error.type": part.error } : {};
    spans.push(
      span({
        traceId: traceIdOf(n),
        spanId,
        name: part.name,
        kind: part.kind ?? "internal",
        service: part.service ?? "notes",
        startNs: EPOCH + BigInt(n) * 1_000_000_000n + BigInt(Math.round(part.at * 1e6)),
        durationNs: Math.round(part.ms * 1e6),
        status: part.error ? "error" : "unset",
        attributes: { ...part.attributes, ...type },
        ...(parentSpanId !== undefined && { parentSpanId }),
      }),
    );
    for (const child of part.children ?? []) add(child, spanId);
  };
  add(plan, undefined);
  return spans;
}

/** A tool call as the proxy records it: SERVER span, CLIENT span of the same name, the server's own spans below. */
export function toolCall(tool: string, ms: number, inside: Partial<Plan> = {}): Plan {
  const attributes = { "mcp.method.name": "tools/call", "gen_ai.tool.name": tool };
  const { error } = inside;
  const shared = { name: `tools/call ${tool}`, attributes, ...(error !== undefined && { error }) };
  return {
    ...shared,
    kind: "server",
    at: 0,
    ms,
    children: [{ ...shared, kind: "client", at: 0.01, ms: ms - 0.02, children: inside.children ?? [] }],
  };
}

/** `count` children of one name, one after the other from `from`, each `ms` long. */
export function inSequence(name: string, count: number, { from = 0.1, ms = 1 } = {}): Plan[] {
  return Array.from({ length: count }, (_, i) => ({ name, at: from + i * ms, ms }));
}

/** The spans of `count` traces of the same shape, numbered from `from`. */
export function repeat(count: number, plan: (i: number) => Plan, from = 0): Span[] {
  return Array.from({ length: count }, (_, i) => trace(from + i, plan(i))).flat();
}
