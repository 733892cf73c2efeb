import { describe, expect, test } from "@jest/globals";
import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace";
import { decodeOtlpProtobuf } from "../../../src/capture/otlp/decode-protobuf.ts";
import { decodeOtlp } from "../../../src/capture/otlp/decode.ts";

/** Spans as the SDK ends them: every kind, status and value, a parent, events, links. */
function sdkSpans(): ReadableSpan[] {
  const memory = new InMemorySpanExporter();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "shop", shards: 3, zones: ["a", "b"] }),
    spanProcessors: [new SimpleSpanProcessor({ exporter: memory })],
  });
  const tracer = provider.getTracer("lib", "1.2.3");
  const root = tracer.startSpan("checkout é", {
    kind: SpanKind.SERVER,
    startTime: [1_763_635_500, 123_456_789],
    attributes: { text: "€", int: 2 ** 40, negative: -7, double: 0.1, yes: true, list: [1.5, 2.5], empty: "" },
  });
  const below = trace.setSpan(context.active(), root);
  for (const kind of [SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER]) {
    tracer
      .startSpan(`step ${kind}`, { kind, links: [{ context: root.spanContext(), attributes: { n: 1 } }] }, below)
      .end();
  }
  root.addEvent("retry", { attempt: 2 }, [1_763_635_500, 200_000_001]);
  root.setStatus({ code: SpanStatusCode.ERROR, message: "declined" });
  root.end([1_763_635_501, 5]);
  return memory.getFinishedSpans();
}

describe("the encoders of the OpenTelemetry SDK", () => {
  const spans = sdkSpans();
  const bytes = ProtobufTraceSerializer.serializeRequest(spans) ?? new Uint8Array();
  const json: unknown = JSON.parse(new TextDecoder().decode(JsonTraceSerializer.serializeRequest(spans)));

  test("protobuf and JSON decode to the same spans", () => {
    const decoded = decodeOtlpProtobuf(bytes);
    expect(decoded.spans).toHaveLength(5);
    expect(decoded).toEqual(decodeOtlp(json));
  });

  test("every field arrives", () => {
    const root = decodeOtlpProtobuf(bytes).spans.find(({ kind }) => kind === "server");
    const ended = spans.find(({ kind }) => kind === SpanKind.SERVER)?.spanContext();
    expect(root).toEqual({
      traceId: ended?.traceId,
      spanId: ended?.spanId,
      name: "checkout é",
      kind: "server",
      service: "shop",
      startNs: 1_763_635_500_123_456_789n,
      durationNs: 876_543_216,
      status: "error",
      statusMessage: "declined",
      attributes: { text: "€", int: 2 ** 40, negative: -7, double: 0.1, yes: true, list: [1.5, 2.5], empty: "" },
      events: [{ name: "retry", timeNs: 1_763_635_500_200_000_001n, attributes: { attempt: 2 } }],
      links: [],
      resource: { "service.name": "shop", shards: 3, zones: ["a", "b"] },
      scope: { name: "lib", version: "1.2.3" },
    });
  });
});
