import { context, metrics, propagation, SpanKind, SpanStatusCode, trace, type Span } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace";

/** A histogram or counter point, in short. */
export type Point = {
  readonly attributes: Record<string, unknown>;
  readonly count: number;
  readonly bounds?: readonly number[];
};

/** Everything that OpenTelemetry's API is given in this process, kept in memory. */
export type Recording = Disposable & {
  /** Finished spans, in the order in which they ended. */
  readonly spans: () => readonly ReadableSpan[];
  /** The one finished span of this name and kind. */
  readonly span: (name: string, kind: "client" | "server") => ReadableSpan;
  /** Forgets spans so far. */
  readonly forget: () => void;
  /** Points of a metric. */
  readonly points: (metric: string) => Promise<readonly Point[]>;
  /** Runs work inside a span that is active, and ends it. */
  readonly inside: <T>(
    name: string,
    work: (span: Span) => Promise<T>,
    attributes?: Record<string, string>,
  ) => Promise<T>;
};

const KINDS = { client: SpanKind.CLIENT, server: SpanKind.SERVER } as const;

/** Registers OpenTelemetry with exporters in memory. */
export function startRecording(): Recording {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  const manager = new AsyncLocalStorageContextManager();
  manager.enable();
  context.setGlobalContextManager(manager);
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  trace.setGlobalTracerProvider(provider);
  metrics.setGlobalMeterProvider(meters);
  const spans = (): readonly ReadableSpan[] => exporter.getFinishedSpans();
  return {
    spans,
    span: (name, kind) => {
      const found = spans().filter((span) => span.name === name && span.kind === KINDS[kind]);
      if (found.length !== 1) throw new Error(`${found.length} ${kind} spans "${name}" among: ${named(spans())}`);
      return found[0] as ReadableSpan;
    },
    forget: () => exporter.reset(),
    points: async (name) => {
      await reader.forceFlush();
      const found = metricExporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap((scope) => scope.metrics)
        .find(({ descriptor }) => descriptor.name === name);
      if (found === undefined) return [];
      if (found.dataPointType === DataPointType.HISTOGRAM) {
        return found.dataPoints.map(({ attributes, value }) => ({
          attributes,
          count: value.count,
          bounds: value.buckets.boundaries,
        }));
      }
      return found.dataPoints.map(({ attributes, value }) => ({ attributes, count: Number(value) }));
    },
    inside: (name, work, attributes = {}) =>
      trace.getTracer("test").startActiveSpan(name, { attributes }, async (span) => {
        try {
          return await work(span);
        } finally {
          span.end();
        }
      }),
    [Symbol.dispose]: () => {
      trace.disable();
      metrics.disable();
      propagation.disable();
      context.disable();
      void reader.shutdown();
    },
  };
}

/** Name, kind and error of each span, to be read in a failing test. */
export function named(spans: readonly ReadableSpan[]): string {
  return spans.map((span) => `${SpanKind[span.kind]} ${span.name} ${SpanStatusCode[span.status.code]}`).join("; ");
}
