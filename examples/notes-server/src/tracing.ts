import { Console } from "node:console";
import { context, propagation, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Attributes, Context } from "@opentelemetry/api";

/** What the SDK is to do when the environment does not say: JSON, room for many searches' spans, little patience. */
const DEFAULTS = {
  OTEL_SERVICE_NAME: "notes",
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  OTEL_NODE_RESOURCE_DETECTORS: "env",
  OTEL_BSP_MAX_QUEUE_SIZE: "16384",
  OTEL_EXPORTER_OTLP_TIMEOUT: "2000",
};

/**
 * Sends spans where `OTEL_EXPORTER_OTLP_ENDPOINT` says, in the way that the other `OTEL_*` variables say; without it, does nothing.
 * Returns a function that sends what is left and stops; what cannot be sent is said on standard error, and never rejects.
 */
export async function startTracing(): Promise<() => Promise<void>> {
  if (!process.env["OTEL_EXPORTER_OTLP_ENDPOINT"]) return async () => {};
  for (const [name, value] of Object.entries(DEFAULTS)) process.env[name] ||= value;
  // Standard output belongs to the protocol; what the SDK logs goes to standard error.
  globalThis.console = new Console(process.stderr);
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  const sdk = new NodeSDK({ metricReaders: [], logRecordProcessors: [] });
  sdk.start();
  return () =>
    sdk.shutdown().catch((error: unknown) => console.error("notes: the last spans could not be sent:", error));
}

/** The trace that a request's `_meta` names (W3C `traceparent`), as the context to handle the request in. */
export function callerContext(meta: object | undefined): Context {
  return propagation.extract(context.active(), meta ?? {});
}

/** Does a piece of work in a span of its own. */
export function traced<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  return trace.getTracer("notes").startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.recordException(error as Error);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
