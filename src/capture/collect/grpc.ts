import { Metadata, Server, ServerCredentials, ServerInterceptingCall, status } from "@grpc/grpc-js";
import type { sendUnaryData, ServerInterceptor, ServerUnaryCall, ServiceDefinition } from "@grpc/grpc-js";
import { messageOf } from "../../model/error.ts";
import { retryDetails, successAnswer } from "../otlp/answer.ts";
import { SIGNALS, type Signal } from "../otlp/signal.ts";
import { RETRY_AFTER_SECONDS, type HttpParts } from "./http.ts";
import { ingest, type Outcome } from "./ingest.ts";
import { authority, cannotListen, type Address, type Stoppable } from "./listen.ts";

/** What the gRPC side of a collector works with. */
export type GrpcParts = Pick<HttpParts, "intake" | "isAllowed" | "limitBytes" | "monotonicMs"> & {
  readonly patienceMs: number;
};

type Call = ServerUnaryCall<Buffer, Uint8Array>;

/** Services of opentelemetry-proto's collector packages. */
const SERVICES: Readonly<Record<Signal, string>> = {
  traces: "opentelemetry.proto.collector.trace.v1.TraceService",
  metrics: "opentelemetry.proto.collector.metrics.v1.MetricsService",
  logs: "opentelemetry.proto.collector.logs.v1.LogsService",
};

/**
 * Serves OTLP/gRPC (`Export` of the three services, gzip and deflate by the library): OK, INVALID_ARGUMENT malformed,
 * UNAUTHENTICATED, RESOURCE_EXHAUSTED queue full and UNAVAILABLE store failed, both with `RetryInfo`.
 * @throws WhetstoneError `usage`: host and port cannot be listened on
 */
export async function startGrpcServer(address: Address, parts: GrpcParts): Promise<Stoppable> {
  const underWay = new Set<object>();
  const server = new Server({
    "grpc.max_receive_message_length": parts.limitBytes,
    interceptors: [authentication(parts)],
  });
  const serve = async (call: Call, signal: Signal, send: sendUnaryData<Uint8Array>): Promise<void> => {
    underWay.add(call);
    const reply = await answer(call, signal, parts);
    underWay.delete(call);
    if ("body" in reply) send(null, reply.body);
    else send(reply);
  };
  for (const signal of SIGNALS) {
    const Export = (call: Call, send: sendUnaryData<Uint8Array>): void => void serve(call, signal, send);
    server.addService(serviceOf(signal), { Export });
  }
  const port = await bind(server, address);
  return { port, stop: () => stop(server, underWay, parts.patienceMs) };
}

/** Bytes in, bytes out: decoding is the collector's own. */
function serviceOf(signal: Signal): ServiceDefinition {
  const bytes = (value: Uint8Array): Buffer => Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return {
    Export: {
      path: `/${SERVICES[signal]}/Export`,
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  };
}

/** Refuses a call by its metadata, before its message is read. */
function authentication({ isAllowed }: GrpcParts): ServerInterceptor {
  const details = "Send the collector's token as the metadata authorization: Bearer TOKEN.";
  return (_method, call) =>
    new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, forward) => {
            const [authorization] = metadata.get("authorization");
            if (isAllowed(authorization?.toString())) forward(metadata);
            else call.sendStatus({ code: status.UNAUTHENTICATED, details });
          },
        }),
    });
}

type Refusal = { readonly code: status; readonly details: string; readonly metadata?: Metadata };

async function answer(call: Call, signal: Signal, parts: GrpcParts): Promise<{ body: Uint8Array } | Refusal> {
  const started = parts.monotonicMs();
  const reply = await replyTo(call.request, signal, parts);
  const { counters } = parts.intake;
  const code = "body" in reply ? status.OK : reply.code;
  counters.add("requests", { signal, transport: "grpc", status: status[code] }, 1);
  counters.observe({ signal, transport: "grpc" }, (parts.monotonicMs() - started) / 1_000);
  return reply;
}

async function replyTo(body: Buffer, signal: Signal, { intake }: GrpcParts): Promise<{ body: Uint8Array } | Refusal> {
  try {
    const outcome = await ingest({ signal, encoding: "protobuf", body }, intake);
    return outcome.kind === "accepted" ? { body: successAnswer(signal, "protobuf", outcome) } : refusal(outcome);
  } catch (error) {
    return { code: status.INTERNAL, details: `A fault of the collector: ${messageOf(error)}` };
  }
}

function refusal({ kind, message }: Exclude<Outcome, { kind: "accepted" }>): Refusal {
  switch (kind) {
    case "malformed":
      return { code: status.INVALID_ARGUMENT, details: message };
    case "busy":
      return again(status.RESOURCE_EXHAUSTED, message);
    case "unavailable":
      return again(status.UNAVAILABLE, message);
  }
}

function again(code: status, details: string): Refusal {
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(retryDetails(code, details, RETRY_AFTER_SECONDS)));
  return { code, details, metadata };
}

function bind(server: Server, address: Address): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(authority(address), ServerCredentials.createInsecure(), (error, port) => {
    if (error === null) return resolve(port);
    // The library says it in words only.
    server.forceShutdown();
    return reject(cannotListen(address, error.message.includes("EADDRINUSE"), error));
  });
  return promise;
}

async function stop(server: Server, underWay: ReadonlySet<object>, patienceMs: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = 0;
  const patience = setTimeout(() => {
    left = underWay.size;
    server.forceShutdown();
    resolve();
  }, patienceMs);
  server.tryShutdown(() => resolve());
  await promise;
  clearTimeout(patience);
  return left;
}
