import type { Span } from "../model/span.ts";
import { startHttpCollector } from "./collect/collector.ts";

/** A running OTLP receiver on the loopback interface. Disposing it finishes requests under way. */
export type Receiver = AsyncDisposable & {
  /** Base URL for `OTEL_EXPORTER_OTLP_ENDPOINT`; traces go to `/v1/traces` below it. */
  readonly url: string;
  /** Spans that were accepted so far. */
  readonly received: () => number;
};

/** What a receiver needs. */
export type ReceiverOptions = {
  /** Makes spans durable; a request is answered 200 only after it resolved, and 503 when it rejects. */
  readonly onSpans: (spans: readonly Span[]) => Promise<unknown>;
};

/** Longest wait for requests under way when the receiver is disposed. */
const PATIENCE_MS = 2_000;

/**
 * A collector for one run: OTLP/HTTP traces, protobuf and JSON, on an ephemeral port of the loopback interface.
 * @throws WhetstoneError `usage` when no port can be had
 */
export async function startReceiver({ onSpans }: ReceiverOptions): Promise<Receiver> {
  const collector = await startHttpCollector({
    host: "127.0.0.1",
    port: 0,
    limits: { patienceMs: PATIENCE_MS },
    onSpans: async (spans) => {
      await onSpans(spans);
      return { stored: spans.length, duplicates: 0 };
    },
    clock: { monotonicMs: () => performance.now() },
  });
  return {
    url: collector.url,
    received: () => collector.totals().stored,
    [Symbol.asyncDispose]: () => collector[Symbol.asyncDispose](),
  };
}
