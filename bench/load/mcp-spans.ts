import type { Span } from "../../src/model/span.ts";

const hex = (value: number, length: number): string => (value + 1).toString(16).padStart(length, "0");

/** A trace of an MCP call with ten database spans one after the other; the nth ends n seconds before `nowNs`. */
export function spansOfTrace(n: number, nowNs: bigint): readonly Span[] {
  const startNs = nowNs - BigInt(n + 1) * 1_000_000_000n;
  const shared: Omit<Span, "spanId" | "kind" | "name" | "startNs" | "durationNs" | "attributes"> = {
    traceId: hex(n, 32),
    service: "notes",
    status: "unset",
    events: [],
    links: [],
    resource: { "service.name": "notes" },
    scope: { name: "bench" },
  };
  const root: Span = {
    ...shared,
    spanId: hex(0, 16),
    kind: "server",
    name: "tools/call search",
    startNs,
    durationNs: 42_000_000,
    attributes: { "mcp.method.name": "tools/call" },
  };
  const queries = Array.from({ length: 10 }, (_, at): Span => ({
    ...shared,
    spanId: hex(at + 1, 16),
    parentSpanId: root.spanId,
    kind: "client",
    name: "SELECT note",
    startNs: startNs + BigInt(at) * 4_000_000n,
    durationNs: 3_900_000,
    attributes: {},
  }));
  return [root, ...queries];
}
