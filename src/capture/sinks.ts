import { messageOf } from "../model/error.ts";
import type { Span } from "../model/span.ts";
import type { SpanStore } from "../store/port.ts";
import { spanQueue, type QueueSummary, type SpanQueue } from "./span-queue.ts";

/** A place that spans go to, behind a queue that the traffic never waits for. */
export type Sink = { readonly name: string; readonly queue: SpanQueue };

/** Where a proxy sends its spans; at least one of `store` and `exporter` is expected. */
export type SinkOptions = {
  readonly store?: SpanStore | undefined;
  /** Sends spans elsewhere, see `otlpExporter`. */
  readonly exporter?: ((spans: readonly Span[]) => Promise<void>) | undefined;
  /** What `exporter` is called when spans did not reach it; default `the OTLP endpoint`. */
  readonly exporterName?: string | undefined;
  /** Calls of `exporter` that may be under way at once; default 1. */
  readonly exporterInFlight?: number | undefined;
  /** Most spans that wait for each of them; more are dropped and counted. Default 50,000. */
  readonly queueLimit?: number | undefined;
};

const DEFAULT_QUEUE_LIMIT = 50_000;

/** Small and often: handing a large batch over holds the traffic up for milliseconds. */
const HANDING = { lingerMs: 50, batch: 250 } as const;

/** Opens a queue for each. */
export function openSinks({ store, exporter, queueLimit, ...named }: SinkOptions): readonly Sink[] {
  const options = { limit: queueLimit ?? DEFAULT_QUEUE_LIMIT, ...HANDING };
  return [
    ...(store ? [{ name: "the store", queue: spanQueue({ write: store.append, ...options }) }] : []),
    ...(exporter
      ? [
          {
            name: named.exporterName ?? "the OTLP endpoint",
            queue: spanQueue({ write: exporter, inFlight: named.exporterInFlight, ...options }),
          },
        ]
      : []),
  ];
}

/** Writes what waits; a line for each place that did not get everything. */
export async function closeSinks(sinks: readonly Sink[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { name, queue } of sinks) lines.push(...lossLine(name, await queue.close()));
  return lines;
}

/** What to say of the spans that did not arrive: one line, or none. */
export function lossLine(name: string, { written, dropped, failed, error }: QueueSummary): readonly string[] {
  const lost = dropped + failed;
  if (lost === 0) return [];
  const why = [
    ...(dropped > 0 ? [`${dropped} because the queue was full`] : []),
    ...(failed > 0 ? [`${failed} because writing failed: ${messageOf(error)}`] : []),
  ];
  return [`whetstone: ${lost} of ${lost + written} spans did not reach ${name} (${why.join(", ")}).\n`];
}
