import type { CallSample } from "../model/call.ts";
import { Arm } from "../model/call.ts";
import { ATTR, type Span } from "../model/span.ts";
import { SCOPE } from "./exchange.ts";
import { SERVICE_INSTANCE } from "./mcp-attributes.ts";

/**
 * The tool calls that the relay measured, as samples for the judges: its CLIENT spans of `tools/call`, in order of the
 * input. An error is a span with status error or an `error.type`. Traffic without an arm counts as baseline; a span
 * without a session stands for itself (its trace id).
 */
export function callSamples(spans: readonly Span[]): CallSample[] {
  return spans.filter(isRelayedCall).map((span) => ({
    timestamp: Number(span.startNs / 1_000n) / 1_000,
    operation: textOf(span.attributes[ATTR.toolName]) ?? span.name,
    durationMs: span.durationNs / 1e6,
    error: span.status === "error" || span.attributes[ATTR.errorType] !== undefined,
    arm: Arm.safeParse(span.resource[ATTR.arm]).data ?? "baseline",
    session: textOf(span.attributes[ATTR.mcpSession]) ?? textOf(span.resource[SERVICE_INSTANCE]) ?? span.traceId,
  }));
}

function isRelayedCall(span: Span): boolean {
  return (
    span.scope.name === SCOPE.name &&
    span.kind === "client" &&
    span.attributes[ATTR.mcpMethod] === "tools/call" &&
    textOf(span.attributes[ATTR.toolName]) !== undefined
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
