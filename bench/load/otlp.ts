import { encodeOtlp } from "../../src/capture/otlp/encode.ts";
import { encodeRequest } from "../../test/capture/otlp/descriptors.ts";
import { loadTrace, SPANS_PER_TRACE } from "./spans.ts";

/** Spans per request: the default batch of the SDK's span processor. */
export const REQUEST_SPANS = 512;
const DAY_NS = 86_400_000_000_000n;

/** OTLP protobuf requests with `spans` spans in all; those of another `part` have other ids. */
export function otlpRequests(spans: number, part: number): Uint8Array[] {
  const traces = Math.ceil(spans / SPANS_PER_TRACE);
  const perRequest = REQUEST_SPANS / SPANS_PER_TRACE;
  const bodies: Uint8Array[] = [];
  for (let from = 0; from < traces; from += perRequest) {
    const numbers = Array.from({ length: Math.min(perRequest, traces - from) }, (_, at) => part * traces + from + at);
    const batch = numbers.flatMap((n) => loadTrace(n, { traces: traces * 64, spreadNs: DAY_NS }));
    // An exporter sends the spans of one process, so those of one resource stand together.
    bodies.push(encodeRequest(encodeOtlp(batch.toSorted((a, b) => (a.service < b.service ? -1 : 1)))));
  }
  return bodies;
}
