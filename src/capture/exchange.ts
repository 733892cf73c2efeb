import { ATTR, type Attributes, type Span } from "../model/span.ts";
import {
  callAttributes,
  outcomeAttributes,
  SERVICE_INSTANCE,
  sessionAttributes,
  spanName,
  type Call,
} from "./mcp-attributes.ts";
import { sideStatus, type Outcome } from "./mcp-status.ts";
import type { TraceContext } from "./trace-context.ts";

/** Instrumentation scope of every span that the relay makes. */
export const SCOPE = { name: "whetstone.capture" } as const;

/** Who the traffic belongs to. */
export type SpanIdentity = {
  /** `service.name`: the target's name. */
  readonly service: string;
  /** `service.version`, for example a commit. */
  readonly version?: string | undefined;
  readonly arm?: "baseline" | "canary" | undefined;
  readonly run?: string | undefined;
  /** Client session; also `service.instance.id`, since one relay serves one session. */
  readonly session?: string | undefined;
};

/** One request or notification on its way through the relay. Times are monotonic ms; `startNs` is ns since the epoch. */
export type Exchange = {
  readonly call: Call;
  readonly parent: TraceContext | undefined;
  /** The SERVER span: from the sender's message until the answer was passed on. */
  readonly server: TraceContext;
  /** The CLIENT span below it: from passing the message on until the answer came. */
  readonly client: TraceContext;
  readonly startNs: bigint;
  readonly receivedMs: number;
  readonly sentMs: number;
};

/** How and when an exchange ended, monotonic ms. */
export type Ending = {
  readonly outcome: Outcome;
  readonly answeredMs: number;
  readonly passedMs: number;
  readonly protocolVersion: string | undefined;
};

/** Resource attributes of all spans of one relay. */
export function resourceOf(identity: SpanIdentity): Attributes {
  return {
    [ATTR.serviceName]: identity.service,
    ...(identity.version !== undefined && { [ATTR.serviceVersion]: identity.version }),
    ...(identity.session !== undefined && { [SERVICE_INSTANCE]: identity.session }),
    ...(identity.arm !== undefined && { [ATTR.arm]: identity.arm }),
    ...(identity.run !== undefined && { [ATTR.run]: identity.run }),
  };
}

/** The CLIENT and the SERVER span of a finished exchange. */
export function exchangeSpans(
  exchange: Exchange,
  ending: Ending,
  options: { readonly identity: SpanIdentity; readonly captureContent: boolean },
): readonly [client: Span, server: Span] {
  const { call, server, client } = exchange;
  const common = {
    name: spanName(call),
    service: options.identity.service,
    events: [],
    links: [],
    resource: resourceOf(options.identity),
    scope: SCOPE,
  };
  const attributes = {
    ...callAttributes(call, options.captureContent),
    ...sessionAttributes(ending.protocolVersion, options.identity.session),
    ...outcomeAttributes(call, ending.outcome, options.captureContent),
  };
  const side = (kind: "client" | "server", from: number, to: number) => {
    const start = offsetNs(exchange, from);
    return {
      ...common,
      ...statusFields(ending, kind, attributes),
      kind,
      startNs: exchange.startNs + BigInt(start),
      durationNs: Math.max(0, offsetNs(exchange, to) - start),
    };
  };
  return [
    {
      ...side("client", exchange.sentMs, ending.answeredMs),
      traceId: client.traceId,
      spanId: client.spanId,
      parentSpanId: server.spanId,
    },
    {
      ...side("server", exchange.receivedMs, ending.passedMs),
      traceId: server.traceId,
      spanId: server.spanId,
      ...(exchange.parent !== undefined && { parentSpanId: exchange.parent.spanId }),
    },
  ];
}

function statusFields(ending: Ending, side: "client" | "server", attributes: Attributes) {
  const { errorType, message } = sideStatus(ending.outcome, side, ending.protocolVersion);
  if (errorType === undefined) return { status: "unset" as const, attributes };
  return {
    status: "error" as const,
    ...(message !== undefined && { statusMessage: message }),
    attributes: { ...attributes, [ATTR.errorType]: errorType },
  };
}

function offsetNs(exchange: Exchange, ms: number): number {
  return Math.round((ms - exchange.receivedMs) * 1e6);
}
