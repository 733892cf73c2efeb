import type { Attributes, Counter, Meter, MeterProvider, MetricOptions } from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor, type SpanExporter, type SpanProcessor } from "@opentelemetry/sdk-trace";
import type { OtlpProtocol, Settings } from "./settings.ts";
import { MonitoringSpanProcessor } from "./monitoring-processor.ts";
import { tailSampler } from "./tail-sampler.ts";

/** What became of the spans that were to be exported. */
export type ExportCounts = {
  readonly exported: number;
  /** Left out because the queue was full. */
  readonly dropped: number;
  /** Lost because an export failed. */
  readonly failed: number;
  /** Still queued, or in an export under way. */
  readonly waiting: number;
};

/** OpenTelemetry's own counter of what a span processor did with its spans. */
const PROCESSED = "otel.sdk.processor.span.processed";

/** The way of finished spans: metrics from all of them, then the tail rule, a bounded queue, the exporter. */
export type Pipeline = { readonly processors: readonly SpanProcessor[]; readonly counts: () => ExportCounts };

/**
 * Builds the pipeline. Dropped and failed spans are counted twice: here, and on OpenTelemetry's own
 * `otel.sdk.processor.span.processed`.
 * @param meters where the metrics go
 * @param exporter instead of the one that the settings name
 */
export function buildPipeline(settings: Settings, meters: MeterProvider, exporter?: SpanExporter): Pipeline {
  const tally = { ended: 0, exported: 0, dropped: 0, failed: 0 };
  const onProcessed = (value: number, attributes: Attributes | undefined): void => {
    const error = attributes?.["error.type"];
    tally[error === undefined ? "exported" : error === "queue_full" ? "dropped" : "failed"] += value;
  };
  const monitoring = new MonitoringSpanProcessor(() => meters);
  const counts = (): ExportCounts => {
    const { ended, ...done } = tally;
    return { ...done, waiting: Math.max(0, ended - done.exported - done.dropped - done.failed) };
  };
  if (!settings.exportTraces) return { processors: [monitoring], counts };
  const queue = new BatchSpanProcessor({
    exporter: exporter ?? makeExporter(settings.protocol),
    selfObsMeterProvider: observed(meters, onProcessed),
    ...defined(settings.queue),
  });
  const counted = countingEnds(queue, () => (tally.ended += 1));
  const nowMs = (): number => performance.now();
  const tail = settings.tail === undefined ? counted : tailSampler(counted, { ...settings.tail, nowMs });
  return { processors: [monitoring, tail], counts };
}

function makeExporter(protocol: OtlpProtocol): SpanExporter {
  switch (protocol) {
    case "grpc":
      return new GrpcExporter();
    case "http/json":
      return new JsonExporter();
    case "http/protobuf":
      return new ProtobufExporter();
  }
}

function countingEnds(next: SpanProcessor, onSpan: () => void): SpanProcessor {
  return {
    onStart: (span, parentContext) => next.onStart(span, parentContext),
    onEnd: (span) => {
      // The queue takes no others.
      if ((span.spanContext().traceFlags & 1) !== 0) onSpan();
      next.onEnd(span);
    },
    forceFlush: () => next.forceFlush(),
    shutdown: () => next.shutdown(),
  };
}

type OnCount = (value: number, attributes: Attributes | undefined) => void;

/** The meter provider, telling beside what the queue counts. */
function observed(meters: MeterProvider, onProcessed: OnCount): MeterProvider {
  return { getMeter: (...args) => observedMeter(meters.getMeter(...args), onProcessed) };
}

function observedMeter(meter: Meter, onProcessed: OnCount): Meter {
  const createCounter = (name: string, options?: MetricOptions): Counter => {
    const counter = meter.createCounter(name, options);
    if (name !== PROCESSED) return counter;
    return {
      add: (value, attributes, context) => {
        onProcessed(value, attributes);
        counter.add(value, attributes, context);
      },
    };
  };
  return new Proxy(meter, {
    get: (target, key) => {
      if (key === "createCounter") return createCounter;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

function defined<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
