import {
  context,
  metrics,
  propagation,
  trace,
  type Attributes,
  type Context,
  type Histogram,
  type MeterProvider,
  type Span,
  type SpanOptions,
  type TextMapGetter,
} from "@opentelemetry/api";

/** Which side of a message: CLIENT for its sender, SERVER for its receiver, whoever runs the MCP server. */
export type Side = "client" | "server";

/** Instrumentation scope of all spans and metrics made here. */
export const SCOPE = "whetstone.instrument";

/**
 * Bucket bounds of the four MCP histograms, in seconds (MCP semantic conventions, `docs/gen-ai/mcp.md`, metrics).
 */
export const DURATION_BOUNDS: readonly number[] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/** What the instrumentation needs of OpenTelemetry. Any of it may throw. */
export type Telemetry = {
  readonly startSpan: (name: string, options: SpanOptions, parent: Context) => Span;
  readonly active: () => Context;
  readonly runIn: (inside: Context, work: () => void) => void;
  readonly inject: (from: Context, carrier: Record<string, unknown>) => void;
  readonly extract: (onto: Context, carrier: unknown, getter: TextMapGetter<unknown>) => Context;
  /** `mcp.{client,server}.operation.duration`. */
  readonly operation: (side: Side, seconds: number, attributes: Attributes) => void;
  /** `mcp.{client,server}.session.duration`. */
  readonly session: (side: Side, seconds: number, attributes: Attributes) => void;
  /** `whetstone.instrument.dropped`: operations that were not recorded, by reason. */
  readonly dropped: (reason: string) => void;
  /** Monotonic clock, ms. */
  readonly nowMs: () => number;
};

/** Telemetry through the global OpenTelemetry API: does nothing until somebody registers an SDK. */
export function apiTelemetry(): Telemetry {
  const tracer = trace.getTracer(SCOPE);
  let made: { readonly provider: MeterProvider; readonly meters: Meters } | undefined;
  const meters = (): Meters => {
    // The API has no meter proxy: meters made before an SDK is registered would stay without effect.
    const provider = metrics.getMeterProvider();
    if (made?.provider !== provider) made = { provider, meters: makeMeters(provider) };
    return made.meters;
  };
  return {
    startSpan: (name, options, parent) => tracer.startSpan(name, options, parent),
    active: () => context.active(),
    runIn: (inside, work) => context.with(inside, work),
    inject: (from, carrier) => propagation.inject(from, carrier),
    extract: (onto, carrier, getter) => propagation.extract(onto, carrier, getter),
    operation: (side, seconds, attributes) => meters().operation[side].record(seconds, attributes),
    session: (side, seconds, attributes) => meters().session[side].record(seconds, attributes),
    dropped: (reason) => meters().dropped.add(1, { reason }),
    nowMs: () => performance.now(),
  };
}

type Meters = ReturnType<typeof makeMeters>;

function makeMeters(provider: MeterProvider) {
  const meter = provider.getMeter(SCOPE);
  const histogram = (name: string, description: string): Histogram =>
    meter.createHistogram(name, {
      description,
      unit: "s",
      advice: { explicitBucketBoundaries: [...DURATION_BOUNDS] },
    });
  return {
    operation: {
      client: histogram("mcp.client.operation.duration", "From sending an MCP message to its response or ack."),
      server: histogram("mcp.server.operation.duration", "From receiving an MCP message to sending its result or ack."),
    },
    session: {
      client: histogram("mcp.client.session.duration", "Length of an MCP session, seen by the client."),
      server: histogram("mcp.server.session.duration", "Length of an MCP session, seen by the server."),
    },
    dropped: meter.createCounter("whetstone.instrument.dropped", {
      description: "MCP operations that were not recorded.",
      unit: "{operation}",
    }),
  };
}
