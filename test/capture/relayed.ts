import { SCOPE } from "../../src/capture/exchange.ts";
import { ATTR, type Span } from "../../src/model/span.ts";
import { plainSpan } from "./fixtures/spans.ts";

/** Trace id number `n`. */
export const traceId = (n: number): string => n.toString(16).padStart(32, "0");

/** The span of one tool call as the relay records it; every number gives another trace. */
export function relayedCall(n: number, change: Partial<Span> = {}): Span {
  return {
    ...plainSpan,
    traceId: traceId(n),
    kind: "client",
    scope: SCOPE,
    attributes: { [ATTR.mcpMethod]: "tools/call", [ATTR.toolName]: "search", [ATTR.mcpSession]: "s-1" },
    resource: { [ATTR.serviceName]: "notes", [ATTR.arm]: "canary" },
    ...change,
  };
}
