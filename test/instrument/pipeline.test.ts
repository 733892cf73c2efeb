import { createNoopMeter, metrics, SpanStatusCode } from "@opentelemetry/api";
import { ExportResultCode } from "@opentelemetry/core";
import { InMemorySpanExporter, TracerProvider, type SpanExporter } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { buildPipeline } from "../../src/instrument/pipeline.ts";
import { readSettings } from "../../src/instrument/settings.ts";
import { startRecording, type Recording } from "./recording.ts";

let recording: Recording;
beforeEach(() => {
  recording = startRecording();
});
afterEach(() => recording[Symbol.dispose]());

function tracerOver(exporter: SpanExporter, env: Record<string, string> = {}) {
  const pipeline = buildPipeline(
    readSettings({ OTEL_BSP_SCHEDULE_DELAY: "60000", ...env }),
    metrics.getMeterProvider(),
    exporter,
  );
  const provider = new TracerProvider({ spanProcessors: [...pipeline.processors] });
  return { tracer: provider.getTracer("test"), provider, counts: pipeline.counts };
}

describe("the pipeline", () => {
  test("counts what is exported, dropped and waiting, and exports those counts as a metric", async () => {
    const exporter = new InMemorySpanExporter();
    const env = { OTEL_BSP_MAX_QUEUE_SIZE: "4", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "4" };
    const held: (() => void)[] = [];
    const slow: SpanExporter = {
      export: (spans, done) => void held.push(() => exporter.export(spans, done)),
      shutdown: () => exporter.shutdown(),
    };
    const { tracer, counts } = tracerOver(slow, env);
    for (let i = 0; i < 10; i += 1) tracer.startSpan("mcp.x").end();
    // Four are being exported, four wait, the last two found the queue full.
    expect(counts()).toEqual({ exported: 0, dropped: 2, failed: 0, waiting: 8 });
    while (counts().waiting > 0) {
      held.shift()?.();
      await new Promise((done) => setImmediate(done));
    }
    expect(counts()).toEqual({ exported: 8, dropped: 2, failed: 0, waiting: 0 });
    const points = await recording.points("otel.sdk.processor.span.processed");
    expect(points.map(({ attributes, count }) => [attributes["error.type"], count])).toEqual([
      ["queue_full", 2],
      [undefined, 8],
    ]);
    expect((await recording.points("whetstone.mcp.calls"))[0]?.count).toBe(10);
  });

  test("counts what a failed export loses", async () => {
    const failing: SpanExporter = {
      export: (_spans, done) => done({ code: ExportResultCode.FAILED, error: new TypeError("refused") }),
      shutdown: () => Promise.resolve(),
    };
    const { tracer, provider, counts } = tracerOver(failing);
    tracer.startSpan("a").end();
    await expect(provider.forceFlush()).rejects.toBeDefined();
    expect(counts()).toEqual({ exported: 0, dropped: 0, failed: 1, waiting: 0 });
  });

  test("applies the tail rule after the metrics were derived", async () => {
    const exporter = new InMemorySpanExporter();
    const { tracer, provider } = tracerOver(exporter, { WHETSTONE_TAIL_PROBABILITY: "0" });
    tracer.startSpan("mcp.fine").end();
    tracer.startSpan("mcp.bad").setStatus({ code: SpanStatusCode.ERROR }).end();
    await provider.forceFlush();
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(["mcp.bad"]);
    expect(await recording.points("whetstone.mcp.calls")).toHaveLength(2);
  });

  test("without an exporter only metrics are derived", () => {
    const pipeline = buildPipeline(readSettings({ OTEL_TRACES_EXPORTER: "none" }), {
      getMeter: () => createNoopMeter(),
    });
    expect(pipeline.processors).toHaveLength(1);
    expect(pipeline.counts()).toEqual({ exported: 0, dropped: 0, failed: 0, waiting: 0 });
  });

  test.each(["grpc", "http/json", "http/protobuf"])("an exporter for %s", (protocol) => {
    const pipeline = buildPipeline(readSettings({ OTEL_EXPORTER_OTLP_PROTOCOL: protocol }), {
      getMeter: () => createNoopMeter(),
    });
    expect(pipeline.processors).toHaveLength(2);
  });
});
