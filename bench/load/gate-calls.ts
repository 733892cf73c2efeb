import { SCOPE } from "../../src/capture/exchange.ts";
import type { Span } from "../../src/model/span.ts";
import { createRandom, randomNormal } from "../../src/stats/random.ts";

/** When the calls begin, ms since the Unix epoch; they last a day. */
export const GATE_DAY_MS = 1_763_596_800_000;
const TOOLS = ["search_notes", "list_notes", "read_note", "write_note", "tag_note", "export_note"];
/** Calls of a session. */
const SESSION = 20;

/**
 * Calls of a canary over a day as its proxy records them, batch by batch in order of time: six tools, a tenth of the calls on
 * the canary, one in fifty with an error in both arms, durations log-normal.
 */
export function* gateDay(calls: number, size: number): Generator<Span[]> {
  const random = createRandom("gate");
  let batch: Span[] = [];
  for (let n = 0; n < calls; n += 1) {
    batch.push(callOf(n, { calls, random }));
    if (batch.length < size && n < calls - 1) continue;
    yield batch;
    batch = [];
  }
}

type Day = { readonly calls: number; readonly random: ReturnType<typeof createRandom> };

function callOf(n: number, { calls, random }: Day): Span {
  const failed = random.uniform() < 0.02;
  return {
    traceId: hex(random.uniform, 4),
    spanId: hex(random.uniform, 2),
    kind: "client",
    name: "tools/call",
    service: "notes",
    startNs: BigInt(GATE_DAY_MS) * 1_000_000n + BigInt(Math.floor(n * (86_400_000_000 / calls))) * 1_000n,
    durationNs: Math.round(20e6 * Math.exp(0.5 * randomNormal(random))),
    status: failed ? "error" : "unset",
    attributes: {
      "mcp.method.name": "tools/call",
      "gen_ai.tool.name": TOOLS[n % TOOLS.length] ?? "",
      "gen_ai.operation.name": "execute_tool",
      "mcp.session.id": `session-${Math.floor(n / SESSION)}`,
      "mcp.protocol.version": "2025-11-25",
      "jsonrpc.request.id": String(n),
      ...(failed && { "error.type": "tool_error" }),
    },
    events: [],
    links: [],
    resource: {
      "service.name": "notes",
      "service.version": "1.4.2",
      "whetstone.arm": random.uniform() < 0.1 ? "canary" : "baseline",
    },
    scope: { name: SCOPE.name, version: "1.0.0" },
  };
}

function hex(random: () => number, words: number): string {
  return Array.from({ length: words }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0"),
  ).join("");
}
