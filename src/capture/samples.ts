import type { CallSample } from "../model/call.ts";
import { Arm } from "../model/call.ts";
import { weightOf } from "../model/sample-weight.ts";
import { ATTR, type Span } from "../model/span.ts";
import { SCOPE } from "./exchange.ts";
import { MULTI_ROUND, SERVICE_INSTANCE, UNIT } from "./mcp-attributes.ts";

/**
 * The tool calls that the relay measured, as samples for the judges: its CLIENT spans of `tools/call`, in order of the
 * input. An error is a span with status error or an `error.type`. Traffic without an arm counts as baseline; a span
 * without a session stands for its client, its process or itself (its trace id). Rounds of an operation that asks a
 * person are left out: their number and times are the person's, not the server's.
 */
export function callSamples(spans: readonly Span[]): CallSample[] {
  return spans.filter(isRelayedCall).map((span) => ({
    timestamp: Number(span.startNs / 1_000n) / 1_000,
    operation: textOf(span.attributes[ATTR.toolName]) ?? span.name,
    durationMs: span.durationNs / 1e6,
    error: span.status === "error" || span.attributes[ATTR.errorType] !== undefined,
    arm: Arm.safeParse(span.resource[ATTR.arm]).data ?? "baseline",
    session: sessionOf(span),
    ...(weightOf(span.attributes) > 1 && { weight: weightOf(span.attributes) }),
  }));
}

function sessionOf({ attributes, resource, traceId }: Span): string {
  const named = textOf(attributes[ATTR.mcpSession]) ?? textOf(attributes[UNIT]);
  return named ?? textOf(resource[SERVICE_INSTANCE]) ?? traceId;
}

function isRelayedCall(span: Span): boolean {
  return (
    span.scope.name === SCOPE.name &&
    span.kind === "client" &&
    span.attributes[ATTR.mcpMethod] === "tools/call" &&
    span.attributes[MULTI_ROUND] !== true &&
    textOf(span.attributes[ATTR.toolName]) !== undefined
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
