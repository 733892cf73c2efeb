import { ATTR, type Attributes, type Span, type SpanLink } from "../model/span.ts";
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
  /** Client session: `mcp.session.id`, on the older wire. */
  readonly session?: string | undefined;
  /** `service.instance.id`; default: the session, since a relay on stdio serves one. */
  readonly instance?: string | undefined;
};

/** What the transport knows of one message. */
export type Wire = {
  /** On both spans: `network.transport` and the like. */
  readonly attributes: Attributes;
  /** On the SERVER span only: `client.address`, `client.port`. */
  readonly server?: Attributes | undefined;
  /** On the CLIENT span only: `server.address`, `server.port`. */
  readonly client?: Attributes | undefined;
  /** Context that came beside the message, for one that carries none. */
  readonly parent?: TraceContext | undefined;
  /** Protocol revision that came beside the message. */
  readonly protocolVersion?: string | undefined;
};

/** The stdio transport: pipes, and nothing beside the message. */
export const PIPE: Wire = { attributes: { [ATTR.networkTransport]: "pipe" } };

/** One request or notification on its way through the relay. Times are monotonic ms; `startNs` is ns since the epoch. */
export type Exchange = {
  readonly call: Call;
  readonly wire: Wire;
  /** Earlier rounds of the same operation. */
  readonly links: readonly SpanLink[];
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
  /** What the server says of its version, for when `SpanIdentity.version` is not given. */
  readonly serverVersion: string | undefined;
};

/** Resource attributes of all spans of one relay. */
export function resourceOf(identity: SpanIdentity, serverVersion?: string): Attributes {
  const version = identity.version ?? serverVersion;
  const instance = identity.instance ?? identity.session;
  return {
    [ATTR.serviceName]: identity.service,
    ...(version !== undefined && { [ATTR.serviceVersion]: version }),
    ...(instance !== undefined && { [SERVICE_INSTANCE]: instance }),
    ...(identity.arm !== undefined && { [ATTR.arm]: identity.arm }),
    ...(identity.run !== undefined && { [ATTR.run]: identity.run }),
  };
}

/** Resources by identity: those of a session are one object, which costs least to look at and to hand over. */
const known = new WeakMap<
  SpanIdentity,
  { readonly serverVersion: string | undefined; readonly resource: Attributes }
>();

function sharedResource(identity: SpanIdentity, serverVersion: string | undefined): Attributes {
  const last = known.get(identity);
  if (last !== undefined && last.serverVersion === serverVersion) return last.resource;
  const resource = resourceOf(identity, serverVersion);
  known.set(identity, { serverVersion, resource });
  return resource;
}

/** The CLIENT and the SERVER span of a finished exchange; what both have is one object. */
export function exchangeSpans(
  exchange: Exchange,
  ending: Ending,
  options: { readonly identity: SpanIdentity; readonly captureContent: boolean },
): readonly [client: Span, server: Span] {
  const { call, server, client, wire } = exchange;
  const common = {
    name: spanName(call),
    service: options.identity.service,
    events: [],
    resource: sharedResource(options.identity, ending.serverVersion),
    scope: SCOPE,
  };
  const attributes = {
    ...callAttributes(call, options.captureContent),
    ...wire.attributes,
    ...sessionAttributes(ending.protocolVersion, options.identity.session),
    ...outcomeAttributes(call, ending.outcome, options.captureContent),
  };
  const side = (kind: "client" | "server", from: number, to: number) => {
    const start = offsetNs(exchange, from);
    return {
      ...common,
      ...statusFields(ending, kind, wire[kind] === undefined ? attributes : { ...attributes, ...wire[kind] }),
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
      links: [],
    },
    {
      ...side("server", exchange.receivedMs, ending.passedMs),
      traceId: server.traceId,
      spanId: server.spanId,
      links: [...exchange.links],
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
