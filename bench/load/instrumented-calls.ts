import { context, metrics, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { ExportResultCode, W3CTraceContextPropagator } from "@opentelemetry/core";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { CallToolRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { AlwaysOffSampler, TracerProvider, type SpanExporter } from "@opentelemetry/sdk-trace";
import { createInstrumentation } from "../../src/instrument/core.ts";
import { buildPipeline } from "../../src/instrument/pipeline.ts";
import { readSettings } from "../../src/instrument/settings.ts";

/**
 * Calls a tool over a pair of transports in memory and prints the median µs per call over rounds.
 * Arguments: what is set up (`none`, `api`, `off`, `full`) and which side is watched (`client`, `server`, `both`).
 */
const [mode = "none", side = "both"] = process.argv.slice(2);
const ROUNDS = 40;
const CALLS = 1_000;

const nowhere: SpanExporter = {
  export: (_spans, done) => done({ code: ExportResultCode.SUCCESS }),
  shutdown: () => Promise.resolve(),
};

if (mode === "off" || mode === "full") {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  const meters = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  });
  metrics.setGlobalMeterProvider(meters);
  const settings = readSettings({ OTEL_BSP_MAX_QUEUE_SIZE: "100000" });
  const { processors } = buildPipeline(settings, meters, nowhere);
  const sampler = mode === "off" ? { sampler: new AlwaysOffSampler() } : {};
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [...processors], ...sampler }));
}

const server = new Server({ name: "bench", version: "1" }, { capabilities: { tools: {} } });
server.setRequestHandler(CallToolRequestSchema, () => ({ content: [{ type: "text", text: "ok" }] }));
const client = new Client({ name: "bench", version: "1" });
const [near, far] = InMemoryTransport.createLinkedPair();
if (mode !== "none") {
  const { watch } = createInstrumentation();
  if (side !== "server") watch(near);
  if (side !== "client") watch(far);
}
await server.connect(far);
await client.connect(near);

const rounds: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const begun = performance.now();
  for (let call = 0; call < CALLS; call += 1) await client.callTool({ name: "tool", arguments: { a: 1, b: "two" } });
  rounds.push(((performance.now() - begun) * 1e3) / CALLS);
}
// The first half warms the code up.
const settled = rounds.slice(ROUNDS / 2).sort((a, b) => a - b);
process.stdout.write(String(settled[settled.length / 2]));
process.exit(0);
