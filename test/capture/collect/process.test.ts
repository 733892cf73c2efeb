import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SpanKind } from "@opentelemetry/api";
import { ExportResultCode, type ExportResult } from "@opentelemetry/core";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace";
import nock from "nock";
import { encodeOtlp } from "../../../src/capture/otlp/encode.ts";
import type { Span } from "../../../src/model/span.ts";
import { openSqliteStore } from "../../../src/store/sqlite.ts";
import { whetstone } from "../../support/whetstone.ts";
import { plainSpan } from "../fixtures/spans.ts";
import { encodeRequest } from "../otlp/descriptors.ts";
import { startCollect, type CollectProcess } from "./process.ts";

nock.restore();

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-collect-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function storedSpans(db: string): Promise<Span[]> {
  await using store = await openSqliteStore({ path: db, readOnly: true });
  const spans: Span[] = [];
  for await (const batch of store.spans({})) spans.push(...batch);
  return spans;
}

/** Ended spans of the SDK. */
function sdkSpans(count: number): ReadableSpan[] {
  const memory = new InMemorySpanExporter();
  const tracer = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "shop" }),
    spanProcessors: [new SimpleSpanProcessor({ exporter: memory })],
  }).getTracer("lib", "1");
  for (let at = 0; at < count; at += 1) {
    tracer.startSpan(`call ${at}`, { kind: SpanKind.CLIENT, attributes: { at, text: "é" } }).end();
  }
  return memory.getFinishedSpans();
}

describe("the exporters of the OpenTelemetry SDK", () => {
  const gzip = CompressionAlgorithm.GZIP;
  const make = {
    "http/protobuf": (c: CollectProcess) => new ProtobufExporter({ url: `${c.url}/v1/traces` }),
    "http/protobuf gzip": (c: CollectProcess) => new ProtobufExporter({ url: `${c.url}/v1/traces`, compression: gzip }),
    "http/json": (c: CollectProcess) => new JsonExporter({ url: `${c.url}/v1/traces` }),
    "http/json gzip": (c: CollectProcess) => new JsonExporter({ url: `${c.url}/v1/traces`, compression: gzip }),
    grpc: (c: CollectProcess) => new GrpcExporter({ url: c.grpcUrl }),
    "grpc gzip": (c: CollectProcess) => new GrpcExporter({ url: c.grpcUrl, compression: gzip }),
  };

  test("every protocol, one process: all spans are in the store, and the totals say so", async () => {
    const db = join(folder, "exporters.db");
    const collect = await startCollect(db);
    const sent: ReadableSpan[] = [];
    for (const exporterFor of Object.values(make)) {
      const exporter = exporterFor(collect);
      const spans = sdkSpans(20);
      const result = await new Promise<ExportResult>((resolve) => exporter.export(spans, resolve));
      expect(result).toEqual({ code: ExportResultCode.SUCCESS });
      await exporter.shutdown();
      sent.push(...spans);
    }
    collect.signal("SIGTERM");
    const { code, last } = await collect.ended;
    expect(code).toBe(0);
    expect(JSON.parse(last)).toEqual({
      requests: 6,
      received: 120,
      stored: 120,
      duplicates: 0,
      rejected: 0,
      dropped: 0,
      contentDropped: 0,
      redacted: 0,
      left: 0,
    });
    expect(collect.errors.at(-1)).toBe(
      "6 requests with 120 items: 120 stored, 0 stored before, 0 rejected, 0 sent back.",
    );
    const stored = await storedSpans(db);
    const byId = new Map(stored.map((span) => [span.spanId, span]));
    for (const span of sent) {
      const startNs = BigInt(span.startTime[0]) * 1_000_000_000n + BigInt(span.startTime[1]);
      expect(byId.get(span.spanContext().spanId)).toMatchObject({
        traceId: span.spanContext().traceId,
        name: span.name,
        service: "shop",
        kind: "client",
        startNs,
        attributes: span.attributes,
      });
    }
    expect(stored).toHaveLength(sent.length);
  });

  test("a token goes as a header of the exporter; without it the export fails", async () => {
    const collect = await startCollect(join(folder, "token.db"), { args: ["--token", "s3cret"] });
    const headers = { authorization: "Bearer s3cret" };
    const send = async (exporter: ProtobufExporter) => {
      const { code } = await new Promise<ExportResult>((resolve) => exporter.export(sdkSpans(1), resolve));
      await exporter.shutdown();
      return code;
    };
    expect(await send(new ProtobufExporter({ url: `${collect.url}/v1/traces`, headers }))).toBe(
      ExportResultCode.SUCCESS,
    );
    expect(await send(new ProtobufExporter({ url: `${collect.url}/v1/traces` }))).toBe(ExportResultCode.FAILED);
    expect(await send(new GrpcExporter({ url: collect.grpcUrl }))).toBe(ExportResultCode.FAILED);
    collect.signal("SIGINT");
    expect(JSON.parse((await collect.ended).last)).toMatchObject({ stored: 1 });
  });
});

/** Posts numbered spans, many requests at once, until one fails; returns the ids that were acknowledged. */
function ingest(url: string, first: number, onAcknowledged: (count: number) => void) {
  const acknowledged: string[] = [];
  let next = first;
  const send = async (): Promise<number | undefined> => {
    for (;;) {
      const spans = Array.from({ length: 25 }, () => ({
        ...plainSpan,
        spanId: (next++).toString(16).padStart(16, "0"),
      }));
      const body = encodeRequest(encodeOtlp(spans.map((span) => ({ ...span, attributes: { pad: "x".repeat(200) } }))));
      const headers = { "content-type": "application/x-protobuf" };
      const response = await fetch(`${url}/v1/traces`, {
        method: "POST",
        headers,
        body: body as unknown as string,
      }).catch(() => undefined);
      if (response?.status !== 200) return response?.status;
      await response.arrayBuffer();
      acknowledged.push(...spans.map(({ spanId }) => spanId));
      onAcknowledged(acknowledged.length);
    }
  };
  return { acknowledged, finished: Promise.all(Array.from({ length: 6 }, send)), next: () => next };
}

describe("nothing acknowledged is lost", () => {
  test("kill -9 while spans come in, again and again", async () => {
    const db = join(folder, "killed.db");
    const acknowledged: string[] = [];
    let first = 1;
    for (let round = 0; round < 3; round += 1) {
      const collect = await startCollect(db);
      const load = ingest(collect.url, first, (count) => count >= 1_000 * (round + 1) && collect.signal("SIGKILL"));
      expect(await load.finished).toEqual(Array(6).fill(undefined));
      await collect.ended;
      acknowledged.push(...load.acknowledged);
      first = load.next();
    }
    const stored = new Set((await storedSpans(db)).map(({ spanId }) => spanId));
    expect(acknowledged.length).toBeGreaterThanOrEqual(6_000);
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  }, 180_000);

  test("a full disk is answered 503, and what was answered 200 stays", async () => {
    const db = join(folder, "full.db");
    const collect = await startCollect(db, { fileBlocks: 4_000 });
    const load = ingest(collect.url, 1, () => undefined);
    expect(await load.finished).toEqual(Array(6).fill(503));
    // It lives on and says why.
    expect(await (await fetch(`${collect.url}/healthz`)).text()).toBe("ok\n");
    const page = await (await fetch(`${collect.url}/metrics`)).text();
    expect(page).toMatch(/whetstone_collect_dropped_total\{signal="traces",reason="store_failed"\} [1-9]/);
    collect.signal("SIGTERM");
    expect((await collect.ended).code).toBe(0);
    const stored = new Set((await storedSpans(db)).map(({ spanId }) => spanId));
    expect(load.acknowledged.length).toBeGreaterThan(100);
    expect(load.acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  }, 180_000);
});

describe("the command", () => {
  test("a port that is taken, a bad port and an empty token are said", async () => {
    const db = join(folder, "first.db");
    const collect = await startCollect(db);
    const port = new URL(collect.url).port;
    const refusals = [
      [["--port", port], `127.0.0.1:${port} cannot be listened on: another process has this port.`],
      [["--grpc-port", port], `127.0.0.1:${port} cannot be listened on: another process has this port.`],
      [["--port", "99999"], '"99999" is not a port.'],
      [["--token", ""], "The token is empty."],
    ] as const;
    for (const [args, message] of refusals) {
      const ended = await whetstone(["collect", "--port", "0", "--db", db, ...args], { cwd: folder });
      expect([ended.code, ended.err]).toEqual([2, expect.stringContaining(message)]);
    }
    collect.signal("SIGTERM");
    expect((await collect.ended).code).toBe(0);
  });

  test("an address that others reach without a token is pointed out", async () => {
    const errors = async (...args: readonly string[]) => {
      const collect = await startCollect(join(folder, "open.db"), { args: ["--host", "0.0.0.0", ...args] });
      collect.signal("SIGTERM");
      await collect.ended;
      return collect.errors.join("\n");
    };
    expect(await errors()).toContain("Anyone who reaches 0.0.0.0 may send telemetry; --token asks for one.");
    expect(await errors("--token", "s3cret")).not.toContain("Anyone");
  });
});
