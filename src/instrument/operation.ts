import {
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
} from "@opentelemetry/api";
import { ATTR } from "../model/span.ts";
import { isObject } from "../capture/jsonrpc.ts";
import { sessionAttributes, spanName, type Call } from "../capture/mcp-attributes.ts";
import type { Rounds } from "../capture/rounds.ts";
import { sideStatus, type Outcome, type SideStatus } from "../capture/mcp-status.ts";
import { endAttributes, metricAttributes, shownText, startAttributes, type ContentPolicy } from "./attributes.ts";
import type { Guard } from "./guard.ts";
import type { Side, Telemetry } from "./telemetry.ts";

/** How an operation ended: by what the wire shows, or by a failure that only this side knows of. */
export type Ending = Outcome | { readonly kind: "failed"; readonly errorType: string };

/** One request or notification under way. */
export type Operation = {
  readonly side: Side;
  readonly call: Call;
  readonly span: Span;
  /** False when the span belongs to another instrumentation, which ends it. */
  readonly owned: boolean;
  /** The span's context: what runs in it becomes its children. */
  readonly context: Context;
  readonly startedMs: number;
  readonly attributes: Attributes;
};

/** Parts that every operation uses. */
export type Workshop = {
  readonly telemetry: Telemetry;
  readonly guard: Guard;
  readonly content: ContentPolicy | undefined;
  /** Add to an `execute_tool` span that already covers a call instead of making a second one. */
  readonly joinToolSpans: boolean;
  /** Joins the requests of one operation that a server answers in several rounds. */
  readonly rounds: Rounds;
};

/** Starts the span of a message. `parent` is its context, `ambient` the active one of the place where it came in. */
export function beginOperation(
  workshop: Workshop,
  side: Side,
  about: { call: Call; network: Attributes; parent: Context; ambient?: Context },
): Operation {
  const { telemetry, content, joinToolSpans } = workshop;
  const { call, parent } = about;
  const startedMs = telemetry.nowMs();
  const attributes = startAttributes(call, about.network, content);
  const outer = joinToolSpans && side === "client" ? outerToolSpan(call, parent) : undefined;
  if (outer !== undefined) {
    outer.setAttributes(attributes);
    return { side, call, span: outer, owned: false, context: parent, startedMs, attributes };
  }
  const kind = side === "client" ? SpanKind.CLIENT : SpanKind.SERVER;
  const links = side === "server" ? [...linkTo(about.ambient, parent), ...earlierRound(workshop, call)] : [];
  const span = telemetry.startSpan(spanName(call), { kind, attributes, links }, parent);
  return { side, call, span, owned: true, context: trace.setSpan(parent, span), startedMs, attributes };
}

/**
 * Ends an operation: attributes, status after the rules of its side and revision, span, metric. Each step stands alone,
 * so that a fault in one keeps none of the others.
 */
export function endOperation(
  { telemetry, guard, content }: Workshop,
  operation: Operation,
  end: { ending: Ending; version: string | undefined; session: string | undefined },
): void {
  const { span, side } = operation;
  const { errorType, message } = statusOf(end.ending, side, end.version);
  const measured: Attributes = {
    ...(end.ending.kind !== "failed" &&
      guard.attempt("describe", () => endAttributes(operation, end.ending as Outcome, content), {})),
    ...sessionAttributes(end.version, end.session),
    ...(errorType !== undefined && { [ATTR.errorType]: errorType }),
  };
  const step = (name: string, work: () => unknown): void => guard.attempt<unknown>(name, work, undefined) as void;
  const seconds = guard.attempt("clock", () => (telemetry.nowMs() - operation.startedMs) / 1000, undefined);
  if (operation.owned || span.isRecording()) {
    step("attributes", () => span.setAttributes(measured));
    if (errorType !== undefined) {
      const shown = guard.attempt("redact", () => message && shownText(message), undefined);
      step("status", () =>
        span.setStatus({ code: SpanStatusCode.ERROR, ...(shown !== undefined && { message: shown }) }),
      );
    }
    if (operation.owned) step("end", () => span.end());
  }
  if (seconds === undefined) return;
  const metric = metricAttributes({ ...operation.attributes, ...measured });
  step("metric", () => telemetry.operation(side, seconds, metric));
}

function statusOf(ending: Ending, side: Side, version: string | undefined): SideStatus {
  return ending.kind === "failed" ? { errorType: ending.errorType } : sideStatus(ending, side, version);
}

/** A recording `execute_tool` span of the same tool that is the parent (GenAI semantic conventions). */
function outerToolSpan(call: Call, parent: Context): Span | undefined {
  const span = call.method === "tools/call" ? trace.getSpan(parent) : undefined;
  if (span === undefined || !span.isRecording() || !("attributes" in span)) return undefined;
  const { attributes } = span;
  if (!isObject(attributes) || attributes[ATTR.operationName] !== "execute_tool") return undefined;
  // A span that already carries a method is one of ours: a call made inside another tool's handler.
  if (attributes[ATTR.mcpMethod] !== undefined) return undefined;
  const name = attributes[ATTR.toolName];
  return name === undefined || name === call.params["name"] ? span : undefined;
}

/** A link to the ambient span (that of the HTTP request, for example), unless it is the parent itself. */
function linkTo(ambient: Context | undefined, parent: Context): Link[] {
  const found = ambient === undefined ? undefined : trace.getSpanContext(ambient);
  if (found === undefined || !trace.isSpanContextValid(found)) return [];
  return found.spanId === trace.getSpanContext(parent)?.spanId ? [] : [{ context: found }];
}

function earlierRound({ rounds }: Workshop, call: Call): Link[] {
  const earlier = rounds.earlier(call);
  if (earlier === undefined) return [];
  const { traceId, spanId, flags } = earlier;
  return [{ context: { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: false } }];
}
