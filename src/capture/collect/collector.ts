import { once as nextEvent } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { LogRecord } from "../../model/log.ts";
import type { MetricPoint } from "../../model/metric.ts";
import type { Span } from "../../model/span.ts";
import type { Clock } from "../../model/time.ts";
import { captureDoor, type CaptureDoor } from "../../protect/capture-door.ts";
import type { AppendResult } from "../../store/port.ts";
import type { Signal } from "../otlp/signal.ts";
import type { GrpcParts } from "./grpc.ts";
import { createCounters, type Counters } from "./counters.ts";
import { groupCommit, type GroupCommitOptions } from "./group-commit.ts";
import { handleHttp, type HttpParts } from "./http.ts";
import { signalIntake, TRACES, type Intake } from "./ingest.ts";
import { authority, listen, type Address, type Stoppable } from "./listen.ts";
import { tokenCheck } from "./token.ts";

/** What a collector may hold at once. */
export type CollectorLimits = {
  /** Largest body, as sent and as inflated, bytes. */
  readonly bodyBytes: number;
  /** Bodies that are being read, all together, bytes. */
  readonly readingBytes: number;
  /** Items of a signal (spans, data points, log records) that wait for their commit. */
  readonly queueItems: number;
  /** How long a commit waits for requests that are on their way, ms. */
  readonly lingerMs: number;
  /** How long a stop waits for requests under way, ms. */
  readonly patienceMs: number;
};

const COLLECTOR_LIMITS: CollectorLimits = {
  bodyBytes: 20 * 1024 * 1024,
  readingBytes: 128 * 1024 * 1024,
  queueItems: 20_000,
  lingerMs: 20,
  patienceMs: 25_000,
};

export type CollectorOptions = {
  readonly host: string;
  /** HTTP; 0 takes any free port. */
  readonly port: number;
  /** gRPC; none when absent, any free one when 0. */
  readonly grpcPort?: number | undefined;
  /** Asked for in every OTLP request when given. */
  readonly token?: string | undefined;
  readonly limits?: Partial<CollectorLimits> | undefined;
  /** Makes spans durable; requests are answered as taken only after it resolved. */
  readonly onSpans: (spans: readonly Span[]) => Promise<AppendResult>;
  /** What all telemetry passes before it is kept; default: without content, secrets redacted. */
  readonly door?: CaptureDoor | undefined;
  /** Make metrics and logs durable; without them such requests are answered with everything rejected. */
  readonly onMetrics?: ((points: readonly MetricPoint[]) => Promise<AppendResult>) | undefined;
  readonly onLogs?: ((records: readonly LogRecord[]) => Promise<AppendResult>) | undefined;
  /** `now`: when log records that name no time were observed; the system's time unless given. */
  readonly clock: Pick<Clock, "monotonicMs"> & Partial<Pick<Clock, "now">>;
};

/** What a collector did. Every item received is stored, a duplicate, rejected or dropped once its answer is out. */
export type CollectorTotals = Readonly<
  Record<
    "requests" | "received" | "stored" | "duplicates" | "rejected" | "dropped" | "contentDropped" | "redacted",
    number
  >
>;

/** A running collector. Disposing it stops it. */
export type Collector = AsyncDisposable & {
  /** Base URL for `OTEL_EXPORTER_OTLP_ENDPOINT` with OTLP/HTTP. */
  readonly url: string;
  readonly port: number;
  /** The same for OTLP/gRPC. */
  readonly grpcUrl?: string;
  readonly grpcPort?: number;
  readonly totals: () => CollectorTotals;
  /** Takes no more connections, answers what is under way; says how many requests had to be cut off. */
  readonly stop: () => Promise<number>;
};

/** Starts the gRPC side of a collector on the parts that both sides share. */
export type StartGrpc = (parts: GrpcParts) => Promise<Stoppable>;

/** How the items of a signal wait and are counted. */
export type SignalSettings = (signal: Signal) => Omit<GroupCommitOptions<never>, "append">;

/** What a collector may have beside traces over HTTP; handed in, so that it can be bundled without. */
export type CollectorExtras = {
  readonly startGrpc?: StartGrpc;
  /** Signals beside traces. */
  readonly signals?: (settings: SignalSettings) => Intake["signals"];
};

/**
 * Receives OTLP traces, metrics and logs over HTTP (`POST /v1/traces|metrics|logs`, protobuf and JSON); shows
 * `GET /healthz` and `GET /metrics`. Success is answered only when the items are durable. What `start.ts` does not hand in
 * is rejected.
 * @throws WhetstoneError `usage`: host and port cannot be listened on
 */
export async function startHttpCollector(
  options: Omit<CollectorOptions, "grpcPort" | "onMetrics" | "onLogs">,
  { startGrpc, signals: others }: CollectorExtras = {},
): Promise<Collector> {
  const limits = { ...COLLECTOR_LIMITS, ...options.limits };
  const counters = createCounters();
  const settings = settingsOf(limits, counters);
  const traces = signalIntake(groupCommit({ append: options.onSpans, ...settings("traces") }), TRACES);
  const signals = { ...others?.(settings), traces };
  const door = options.door ?? captureDoor();
  const intake: Intake = { signals, counters, door, now: options.clock.now ?? systemTime };
  const shared = { intake, isAllowed: tokenCheck(options.token), monotonicMs: options.clock.monotonicMs };
  const http = await startHttp(options, limits, {
    ...shared,
    limitBytes: limits.bodyBytes,
    budget: { limitBytes: limits.readingBytes, heldBytes: 0 },
    metrics: () => metricsText(counters, signals),
  });
  const grpcParts = { ...shared, limitBytes: limits.bodyBytes, patienceMs: limits.patienceMs };
  const grpc = await startGrpc?.(grpcParts).catch(async (error: unknown) => {
    await http.stop();
    throw error;
  });
  const stop = once(async () => {
    const left = await Promise.all([http.stop(), grpc?.stop() ?? 0]);
    for (const { drained } of Object.values(signals)) await drained();
    return left.reduce((sum, count) => sum + count, 0);
  });
  return {
    url: `http://${authority({ host: options.host, port: http.port })}`,
    port: http.port,
    ...(grpc && { grpcUrl: `http://${authority({ host: options.host, port: grpc.port })}`, grpcPort: grpc.port }),
    totals: () => totalsOf(counters),
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

async function startHttp(address: Address, { patienceMs }: CollectorLimits, parts: HttpParts): Promise<Stoppable> {
  const underWay = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    underWay.add(response);
    response.once("close", () => underWay.delete(response));
    void handleHttp({ request, response }, parts, () => !server.listening);
  });
  const port = await listen(server, address);
  return { port, stop: () => stopHttp(server, underWay, patienceMs) };
}

async function stopHttp(server: Server, underWay: ReadonlySet<unknown>, patienceMs: number): Promise<number> {
  const closed = nextEvent(server, "close");
  server.close();
  let left = 0;
  const patience = setTimeout(() => {
    left = underWay.size;
    server.closeAllConnections();
  }, patienceMs);
  await closed;
  clearTimeout(patience);
  return left;
}

const systemTime = (): bigint => BigInt(Date.now()) * 1_000_000n;

const settingsOf =
  ({ queueItems, lingerMs }: CollectorLimits, counters: Counters): SignalSettings =>
  (signal) => ({
    queueItems,
    lingerMs,
    onStored: ({ stored, duplicates }) => {
      counters.add("stored", { signal }, stored);
      counters.add("duplicates", { signal }, duplicates);
    },
  });

function metricsText(counters: Counters, signals: Intake["signals"]): string {
  const help = "Items (spans, data points, log records) that wait to be stored.";
  const value = Object.values(signals).reduce((sum, { queued }) => sum + queued(), 0);
  return counters.text({ queue_length: { help, value } });
}

function totalsOf({ total }: Counters): CollectorTotals {
  return {
    requests: total("requests"),
    received: total("received"),
    stored: total("stored"),
    duplicates: total("duplicates"),
    rejected: total("rejected"),
    dropped: total("dropped"),
    contentDropped: total("content_dropped"),
    redacted: total("redacted"),
  };
}

/** The work is done at the first call; later ones get the same result. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= work());
}
