import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import nock from "nock";
import { encodeOtlp } from "../../../src/capture/otlp/encode.ts";
import { SIGNALS, type Signal } from "../../../src/capture/otlp/signal.ts";
import { plainSpan } from "../fixtures/spans.ts";
import { decode, encodeRequest } from "../otlp/descriptors.ts";
import { requestOf, spanFields } from "../otlp/wire-writer.ts";
import { SIGNAL_BODIES, SIGNAL_ITEMS, SIGNAL_REASONS } from "./signal-requests.ts";
import { numbered, runCollector, type Running } from "./running.ts";

// The patched sockets do not carry HTTP/2; these tests only use loopback.
nock.restore();

const PACKAGES: Record<Signal, string> = {
  traces: "trace.v1.TraceService",
  metrics: "metrics.v1.MetricsService",
  logs: "logs.v1.LogsService",
};
const GZIP = 2;

type Answer = { readonly code: status; readonly body?: Buffer; readonly error?: ServiceError };

/** A client of one collector; closed with it. */
function clientOf(c: Running, options: { compression?: number } = {}) {
  const client = new Client(`127.0.0.1:${c.grpcPort}`, credentials.createInsecure(), {
    "grpc.default_compression_algorithm": options.compression ?? 0,
  });
  const send = (body: Uint8Array, signal: Signal = "traces", headers: Record<string, string> = {}): Promise<Answer> => {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const path = `/opentelemetry.proto.collector.${PACKAGES[signal]}/Export`;
    const bytes = (value: Buffer): Buffer => value;
    return new Promise((resolve) => {
      client.makeUnaryRequest(path, bytes, bytes, Buffer.from(body), metadata, (error, answer) => {
        resolve(error ? { code: error.code, error } : { code: status.OK, ...(answer && { body: answer }) });
      });
    });
  };
  return { send, [Symbol.dispose]: () => client.close() };
}

const BODY = encodeRequest(encodeOtlp([plainSpan]));

/** The seconds of the `RetryInfo` that a refusal carries. */
function retrySeconds({ error }: Answer): unknown {
  const [details] = error?.metadata.get("grpc-status-details-bin") ?? [];
  const rpc = decode("RpcStatus", details as Buffer) as { code: number; details: [{ value: string }] };
  const info = decode("RetryInfo", Buffer.from(rpc.details[0].value, "base64"));
  return [rpc.code, info["retryDelay"]];
}

describe("OTLP/gRPC", () => {
  test("takes spans, also gzipped, and answers with an empty response", async () => {
    await using c = await runCollector({ grpcPort: 0 });
    using plain = clientOf(c);
    using gzip = clientOf(c, { compression: GZIP });
    for (const { send } of [plain, gzip]) expect(await send(BODY)).toEqual({ code: status.OK, body: Buffer.alloc(0) });
    expect(c.spans).toEqual([plainSpan, plainSpan]);
    expect(await c.page("/metrics")).toContain(
      'whetstone_collect_requests_total{signal="traces",transport="grpc",status="OK"} 2\n',
    );
  });

  test("says which spans it rejected", async () => {
    await using c = await runCollector({ grpcPort: 0 });
    using client = clientOf(c);
    const { body } = await client.send(requestOf([spanFields(), []]));
    expect(decode("ExportServiceResponse", body ?? Buffer.alloc(0))).toEqual({
      partialSuccess: { rejected: "1", errorMessage: "start time is missing (1)" },
    });
    expect(c.spans).toHaveLength(1);
  });

  test("all three services are there; what has no place is rejected in words", async () => {
    await using c = await runCollector({ grpcPort: 0 });
    using client = clientOf(c);
    const answers = await Promise.all(SIGNALS.map((signal) => client.send(Buffer.alloc(0), signal)));
    expect(answers.map(({ code }) => code)).toEqual([status.OK, status.OK, status.OK]);
    const { body } = await client.send(SIGNAL_BODIES.logs.protobuf, "logs");
    expect(decode("ExportServiceResponse", body ?? Buffer.alloc(0))).toEqual({
      partialSuccess: { rejected: "2", errorMessage: "no logs are kept here (2 log records)" },
    });
  });

  test.each(["metrics", "logs"] as const)("%s are kept, and bad ones told", async (signal) => {
    const kept: unknown[] = [];
    const keep = async (batch: readonly unknown[]) => {
      kept.push(...batch);
      return { stored: batch.length, duplicates: 0 };
    };
    await using c = await runCollector({ grpcPort: 0, onMetrics: keep, onLogs: keep });
    using client = clientOf(c);
    expect(await client.send(SIGNAL_BODIES[signal].protobuf, signal)).toMatchObject({ code: status.OK });
    expect(kept).toEqual(SIGNAL_ITEMS[signal]);
    const { body } = await client.send(SIGNAL_BODIES[signal]["bad protobuf"], signal);
    expect(decode("ExportServiceResponse", body ?? Buffer.alloc(0))).toEqual({
      partialSuccess: { rejected: "1", errorMessage: `${SIGNAL_REASONS[signal]} (1)` },
    });
  });

  test("malformed bytes are INVALID_ARGUMENT, too large ones RESOURCE_EXHAUSTED, inflated ones too", async () => {
    await using c = await runCollector({ grpcPort: 0, limits: { bodyBytes: 10_000 } });
    using plain = clientOf(c);
    using gzip = clientOf(c, { compression: GZIP });
    const malformed = await plain.send(BODY.subarray(0, -1));
    expect([malformed.code, malformed.error?.details]).toEqual([
      status.INVALID_ARGUMENT,
      "The body is no OTLP protobuf of traces: protobuf ends within a field.",
    ]);
    const large = encodeRequest(encodeOtlp([{ ...plainSpan, name: "x".repeat(1_000_000) }]));
    expect((await plain.send(large)).code).toBe(status.RESOURCE_EXHAUSTED);
    expect((await gzip.send(large)).code).toBe(status.RESOURCE_EXHAUSTED);
    expect(c.spans).toEqual([]);
    expect((await gzip.send(BODY)).code).toBe(status.OK);
  });

  test("a token is asked for", async () => {
    await using c = await runCollector({ grpcPort: 0, token: "s3cret" });
    using client = clientOf(c);
    expect((await client.send(BODY)).code).toBe(status.UNAUTHENTICATED);
    expect((await client.send(BODY, "traces", { authorization: "Bearer wrong" })).code).toBe(status.UNAUTHENTICATED);
    expect(c.spans).toEqual([]);
    expect((await client.send(BODY, "traces", { authorization: "Bearer s3cret" })).code).toBe(status.OK);
  });

  test("a store that fails is UNAVAILABLE, a full queue RESOURCE_EXHAUSTED, both with RetryInfo", async () => {
    const entered = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    await using c = await runCollector({
      grpcPort: 0,
      limits: { queueItems: 4 },
      onSpans: async () => {
        entered.resolve();
        await gate.promise;
        throw new Error("disk full");
      },
    });
    using client = clientOf(c);
    const first = client.send(encodeRequest(encodeOtlp(numbered(4))));
    await entered.promise;
    const full = await client.send(BODY);
    expect([full.code, retrySeconds(full)]).toEqual([status.RESOURCE_EXHAUSTED, [8, { seconds: "1" }]]);
    gate.resolve();
    const failed = await first;
    expect([failed.code, failed.error?.details, retrySeconds(failed)]).toEqual([
      status.UNAVAILABLE,
      "The spans could not be kept: disk full",
      [14, { seconds: "1" }],
    ]);
    expect(c.totals()).toMatchObject({ received: 5, dropped: 5 });
  });

  test("stopping answers what is under way", async () => {
    const entered = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const c = await runCollector({
      grpcPort: 0,
      onSpans: async (batch) => {
        entered.resolve();
        await gate.promise;
        return { stored: batch.length, duplicates: 0 };
      },
    });
    using client = clientOf(c);
    const answered = client.send(BODY);
    await entered.promise;
    const stopped = c.stop();
    gate.resolve();
    expect([(await answered).code, await stopped]).toEqual([status.OK, 0]);
  });

  test("requests that outlast the patience are cut off and counted", async () => {
    const entered = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<{ stored: number; duplicates: number }>();
    const c = await runCollector({
      grpcPort: 0,
      limits: { patienceMs: 1 },
      onSpans: () => {
        entered.resolve();
        return gate.promise;
      },
    });
    using client = clientOf(c);
    const cut = client.send(BODY);
    await entered.promise;
    const stopped = c.stop();
    expect((await cut).code).not.toBe(status.OK);
    gate.resolve({ stored: 1, duplicates: 0 });
    expect(await stopped).toBe(1);
  });

  test("a port that is taken is said, and the HTTP port is free again", async () => {
    const taken = createServer();
    taken.listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port: grpcPort } = taken.address() as AddressInfo;
    const free = await runCollector();
    const { port } = free;
    await free.stop();
    await expect(runCollector({ port, grpcPort })).rejects.toMatchObject({
      code: "usage",
      message: `127.0.0.1:${grpcPort} cannot be listened on: another process has this port.`,
    });
    taken.close();
    await using again = await runCollector({ port });
    expect(again.port).toBe(port);
  });
});
