import type { Collector, CollectorOptions } from "../../../src/capture/collect/collector.ts";
import { startCollector } from "../../../src/capture/collect/start.ts";
import { encodeOtlp } from "../../../src/capture/otlp/encode.ts";
import type { Span } from "../../../src/model/span.ts";
import { plainSpan } from "../fixtures/spans.ts";
import { encodeRequest } from "../otlp/descriptors.ts";

/** A collector on free ports that keeps what it gets. */
export type Running = Collector & {
  readonly spans: Span[];
  readonly post: (path: string, body: string | Uint8Array, headers: Record<string, string>) => Promise<Response>;
  readonly page: (path: string) => Promise<string>;
};

export async function runCollector(options: Partial<CollectorOptions> = {}): Promise<Running> {
  const spans: Span[] = [];
  const collector = await startCollector({
    host: "127.0.0.1",
    port: 0,
    onSpans: async (batch) => {
      spans.push(...batch);
      return { stored: batch.length, duplicates: 0 };
    },
    clock: { monotonicMs: () => performance.now() },
    ...options,
  });
  return {
    ...collector,
    spans,
    post: (path, body, headers) => fetch(`${collector.url}${path}`, { method: "POST", body: body as string, headers }),
    page: async (path) => (await fetch(`${collector.url}${path}`)).text(),
    [Symbol.asyncDispose]: () => collector[Symbol.asyncDispose](),
  };
}

/** Spans that differ by id. */
export const numbered = (count: number): Span[] =>
  Array.from({ length: count }, (_, at) => ({ ...plainSpan, spanId: (at + 1).toString(16).padStart(16, "0") }));

/** A request in both encodings, with the type to send it under. */
export const FORMATS = [
  [
    "protobuf",
    { "content-type": "application/x-protobuf" },
    (spans: readonly Span[]) => encodeRequest(encodeOtlp(spans)),
  ],
  [
    "json",
    { "content-type": "application/json" },
    (spans: readonly Span[]): Uint8Array => Buffer.from(JSON.stringify(encodeOtlp(spans))),
  ],
] as const;
