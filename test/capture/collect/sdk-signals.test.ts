import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SeverityNumber, trace, TraceFlags, context } from "@opentelemetry/api";
import { ExportResultCode, type ExportResult } from "@opentelemetry/core";
import { OTLPLogExporter as GrpcLogs } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter as JsonLogs } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtobufLogs } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter as GrpcMetrics } from "@opentelemetry/exporter-metrics-otlp-grpc";
import {
  AggregationTemporalityPreference,
  OTLPMetricExporter as JsonMetrics,
} from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufMetrics } from "@opentelemetry/exporter-metrics-otlp-proto";
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import {
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import nock from "nock";
import { openSqliteStore } from "../../../src/store/sqlite.ts";
import { allLogs } from "../../store/log-contract.ts";
import { allPoints } from "../../store/metric-contract.ts";
import { startCollect, type CollectProcess } from "./process.ts";

nock.restore();

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-signals-"));
});
afterAll(() => rm(folder, { recursive: true }));

const compression = CompressionAlgorithm.GZIP;
const { CUMULATIVE, DELTA } = AggregationTemporalityPreference;

const METRIC_EXPORTERS: Readonly<Record<string, (c: CollectProcess) => PushMetricExporter>> = {
  protobuf: (c) => new ProtobufMetrics({ url: `${c.url}/v1/metrics`, temporalityPreference: CUMULATIVE }),
  "protobuf-gzip": (c) =>
    new ProtobufMetrics({ url: `${c.url}/v1/metrics`, temporalityPreference: DELTA, compression }),
  json: (c) => new JsonMetrics({ url: `${c.url}/v1/metrics`, temporalityPreference: DELTA }),
  grpc: (c) => new GrpcMetrics({ url: c.grpcUrl, temporalityPreference: CUMULATIVE }),
  "grpc-gzip": (c) => new GrpcMetrics({ url: c.grpcUrl, temporalityPreference: DELTA, compression }),
};

/** Uses every instrument of the SDK once, and lets the exporter send what came of it. */
async function measure(service: string, exporter: PushMetricExporter): Promise<void> {
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    readers: [reader],
    views: [{ instrumentName: "size", aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  });
  const meter = provider.getMeter("lib", "1");
  meter.createCounter("calls", { unit: "{call}", description: "Calls" }).add(3, { tool: "search" });
  meter.createUpDownCounter("open").add(-2);
  meter.createGauge("heat", { unit: "Cel" }).record(21.5);
  const advice = { explicitBucketBoundaries: [1, 2, 5] };
  const duration = meter.createHistogram("duration", { unit: "s", advice });
  for (const value of [0.5, 1, 1.5, 9]) duration.record(value, { tool: "search" });
  for (const value of [1, 2, 4, 1_000, 0]) meter.createHistogram("size").record(value);
  await provider.shutdown();
}

describe("the metric exporters of the OpenTelemetry SDK", () => {
  test("every protocol, both temporalities, every instrument: all points are in the store", async () => {
    const db = join(folder, "metrics.db");
    const collect = await startCollect(db);
    for (const [service, make] of Object.entries(METRIC_EXPORTERS)) await measure(service, make(collect));
    collect.signal("SIGTERM");
    const { code, last } = await collect.ended;
    expect(code).toBe(0);
    const services = Object.keys(METRIC_EXPORTERS);
    const all = 5 * services.length;
    expect(JSON.parse(last)).toMatchObject({
      requests: services.length,
      received: all,
      stored: all,
      rejected: 0,
      dropped: 0,
    });
    await using store = await openSqliteStore({ path: db, readOnly: true });
    for (const service of services) {
      const points = await allPoints(store.metrics, { service });
      const named = new Map(points.map((point) => [point.series.name, point]));
      expect(named.get("calls")).toMatchObject({
        series: { unit: "{call}", description: "Calls", type: "sum", monotonic: true, attributes: { tool: "search" } },
        value: { kind: "number", value: 3 },
      });
      expect(named.get("open")).toMatchObject({
        series: { type: "sum", monotonic: false, temporality: "cumulative", scope: { name: "lib", version: "1" } },
        value: { value: -2 },
      });
      expect(named.get("heat")).toMatchObject({ series: { type: "gauge", unit: "Cel" }, value: { value: 21.5 } });
      expect(named.get("duration")).toMatchObject({
        series: { type: "histogram", bounds: [1, 2, 5] },
        value: { kind: "histogram", count: 4, sum: 12, min: 0.5, max: 9, counts: [2, 1, 0, 1] },
      });
      expect(named.get("size")).toMatchObject({
        series: { type: "exponential_histogram" },
        value: { count: 5, sum: 1_007, min: 0, max: 1_000, zeroCount: 1 },
      });
      const { temporality } = named.get("duration")?.series ?? {};
      expect(temporality).toBe(["protobuf", "grpc"].includes(service) ? "cumulative" : "delta");
    }
  });
});

const LOG_EXPORTERS = {
  protobuf: (c: CollectProcess) => new ProtobufLogs({ url: `${c.url}/v1/logs` }),
  "protobuf-gzip": (c: CollectProcess) => new ProtobufLogs({ url: `${c.url}/v1/logs`, compression }),
  json: (c: CollectProcess) => new JsonLogs({ url: `${c.url}/v1/logs` }),
  grpc: (c: CollectProcess) => new GrpcLogs({ url: c.grpcUrl }),
  "grpc-gzip": (c: CollectProcess) => new GrpcLogs({ url: c.grpcUrl, compression }),
};

const IDS = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };

function sdkRecords(service: string) {
  const memory = new InMemoryLogRecordExporter();
  const logger = new LoggerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    processors: [new SimpleLogRecordProcessor({ exporter: memory })],
  }).getLogger("lib", "1");
  logger.emit({
    timestamp: [1_763_635_500, 123_456_789],
    severityNumber: SeverityNumber.WARN,
    severityText: "WARN",
    body: "slow: é",
    attributes: { n: 5, list: ["a", "b"] },
    context: trace.setSpanContext(context.active(), IDS),
  });
  logger.emit({ eventName: "tool.listed", body: { tools: [{ name: "search" }], raw: new Uint8Array([1, 2]) } });
  return memory.getFinishedLogRecords();
}

describe("the log exporters of the OpenTelemetry SDK", () => {
  test("every protocol: all records are in the store, as they were; sent again they are known", async () => {
    const db = join(folder, "logs.db");
    const collect = await startCollect(db);
    for (const [service, make] of Object.entries(LOG_EXPORTERS)) {
      const exporter = make(collect);
      const records = sdkRecords(service);
      for (const _again of [0, 1]) {
        const result = await new Promise<ExportResult>((resolve) => exporter.export(records, resolve));
        expect(result).toEqual({ code: ExportResultCode.SUCCESS });
      }
      await exporter.shutdown();
    }
    collect.signal("SIGTERM");
    expect(JSON.parse((await collect.ended).last)).toMatchObject({
      received: 20,
      stored: 10,
      duplicates: 10,
      rejected: 0,
    });
    await using store = await openSqliteStore({ path: db, readOnly: true });
    for (const service of Object.keys(LOG_EXPORTERS)) {
      const { records } = await allLogs(store.logs, { service });
      expect(records).toHaveLength(2);
      expect(records.find(({ body }) => body === "slow: é")).toMatchObject({
        timeNs: 1_763_635_500_123_456_789n,
        severity: 13,
        severityText: "WARN",
        attributes: { n: 5, list: ["a", "b"] },
        traceId: IDS.traceId,
        spanId: IDS.spanId,
        service,
        scope: { name: "lib", version: "1" },
      });
      expect(records.find(({ eventName }) => eventName === "tool.listed")?.body).toEqual({
        tools: [{ name: "search" }],
        raw: "AQI=",
      });
    }
  });
});
