import type { Span } from "../../src/model/span.ts";
import { createRandom } from "../../src/stats/random.ts";

const BASE = 1_763_596_800_000_000_000n;
const TOOLS = ["search_notes", "list_notes", "read_note", "write_note", "tag_note", "export_note"];
const SERVICES = ["notes", "index", "mail", "calendar"];

/** Spans per trace: a call of a client, the server's side of it, and two spans inside. */
export const SPANS_PER_TRACE = 4;

/** How a load looks: how many traces, and over how long their starts are spread, in ns. */
export type Load = { readonly traces: number; readonly spreadNs: bigint };

/**
 * Spans of trace `n` of a load: the same for the same arguments. Ten attributes each, one in fifty traces with an error, durations
 * log-normal, four services with six tools each.
 */
export function loadTrace(n: number, { traces, spreadNs }: Load): Span[] {
  const random = createRandom(n).uniform;
  const service = SERVICES[Math.floor(random() * SERVICES.length)] ?? "";
  const tool = TOOLS[Math.floor(random() * TOOLS.length)] ?? "";
  const failed = random() < 0.02;
  const traceId = hex(random, 4);
  const start = BASE + (BigInt(n) * spreadNs) / BigInt(traces);
  const length = Math.round(4e6 * Math.exp(random() + random() + random()));
  const spans: Span[] = [];
  for (let depth = 0; depth < SPANS_PER_TRACE; depth += 1) {
    const parent = spans.at(-1)?.spanId;
    const name = depth < 2 ? `tools/call ${tool}` : `${tool} step ${depth}`;
    spans.push({
      traceId,
      spanId: hex(random, 2),
      ...(parent === undefined ? {} : { parentSpanId: parent }),
      kind: depth === 0 ? "client" : depth === 1 ? "server" : "internal",
      name,
      service,
      startNs: start + BigInt(depth * 10_000),
      durationNs: Math.max(1, length - depth * 40_000),
      status: failed && depth > 0 ? "error" : "unset",
      attributes: attributes(n, { tool, failed: failed && depth > 0, random }),
      events: [],
      links: [],
      resource: resource(service),
      scope: { name: "load", version: "1.0.0" },
    });
  }
  return spans;
}

function attributes(n: number, call: { tool: string; failed: boolean; random: () => number }): Span["attributes"] {
  return {
    "mcp.method.name": "tools/call",
    "gen_ai.tool.name": call.tool,
    "gen_ai.operation.name": "execute_tool",
    "mcp.session.id": `session-${n % 500}`,
    "mcp.protocol.version": "2025-11-25",
    "jsonrpc.request.id": String(n),
    "network.transport": "pipe",
    "whetstone.arm": "baseline",
    ...(call.failed ? { "error.type": call.random() < 0.7 ? "tool_error" : "timeout" } : { "user.tier": n % 3 }),
    "request.bytes": Math.floor(call.random() * 10_000),
  };
}

const resource = (service: string): Span["resource"] => ({ "service.name": service, "service.version": "1.4.2" });

function hex(random: () => number, words: number): string {
  return Array.from({ length: words }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0"),
  ).join("");
}
