import { messageOf, WhetstoneError } from "../../model/error.ts";
import type { LogRecord } from "../../model/log.ts";
import type { MetricPoint } from "../../model/metric.ts";
import type { Span } from "../../model/span.ts";
import type { CaptureDoor } from "../../protect/capture-door.ts";
import { isObject } from "../jsonrpc.ts";
import { countJson, countProtobuf } from "../otlp/count.ts";
import { decodeOtlp } from "../otlp/decode.ts";
import { decodeOtlpProtobuf } from "../otlp/decode-protobuf.ts";
import { decodeLogsJson, decodeLogsProtobuf, type LogContext } from "../otlp/decode-logs.ts";
import { decodeMetricsJson, decodeMetricsProtobuf } from "../otlp/decode-metrics.ts";
import { attempt, type DecodedItems, type Rejected } from "../otlp/rejection.ts";
import { ITEMS, type Encoding, type Signal } from "../otlp/signal.ts";
import type { Counters, Labels } from "./counters.ts";
import type { GroupCommit } from "./group-commit.ts";

/** One OTLP request, uncompressed, whatever it came over. */
export type OtlpRequest = { readonly signal: Signal; readonly encoding: Encoding; readonly body: Uint8Array };

/** How a request is answered; HTTP and gRPC have their own words for each. */
export type Outcome =
  | { readonly kind: "accepted"; readonly rejected: number; readonly message: string }
  | { readonly kind: "malformed" | "busy" | "unavailable"; readonly message: string };

/** What each signal is made of. */
export type Items = { readonly traces: Span; readonly metrics: MetricPoint; readonly logs: LogRecord };

/** What taking in a request needs. */
export type Intake = {
  /** What makes the items of a signal durable; without it they are all rejected. */
  readonly commits: { readonly [S in Signal]?: GroupCommit<Items[S]> };
  readonly counters: Counters;
  readonly door: CaptureDoor;
  /** Wall time, ns since the Unix epoch. */
  readonly now: () => bigint;
};

/**
 * Decodes a request and makes its items durable; resolves only then. Every item is counted as received and as one of
 * stored, duplicate, rejected or dropped.
 */
export async function ingest(request: OtlpRequest, intake: Intake): Promise<Outcome> {
  const { door, commits } = intake;
  switch (request.signal) {
    case "traces":
      return take(request, intake, { decode: decodeTraces, clean: door.span, commit: commits.traces });
    case "metrics":
      return take(request, intake, { decode: decodeMetrics, clean: door.point, commit: commits.metrics });
    case "logs":
      return take(request, intake, {
        decode: (one) => decodeLogs(one, { nowNs: intake.now() }),
        clean: door.log,
        commit: commits.logs,
      });
  }
}

/** How the items of a signal are taken in. */
type Handling<Item> = {
  readonly decode: (request: OtlpRequest) => DecodedItems<Item>;
  readonly clean: (item: Item) => Item;
  readonly commit: GroupCommit<Item> | undefined;
};

async function take<Item>(request: OtlpRequest, intake: Intake, handling: Handling<Item>): Promise<Outcome> {
  const { commit } = handling;
  if (commit === undefined) return rejectAll(request, intake);
  const decoded = attempt(() => handling.decode(request));
  if ("error" in decoded) return malformed(request, decoded.error);
  const { items, rejected } = decoded.value;
  const kept = letIn(items, handling.clean, { ...intake, signal: request.signal });
  return store(kept, rejected, { ...intake, commit, signal: request.signal });
}

type Taking = Intake & { readonly signal: Signal };

/** Before anything is kept: content and secrets are taken out. */
function letIn<Item>(items: readonly Item[], clean: (item: Item) => Item, taking: Taking): readonly Item[] {
  const { door, counters, signal } = taking;
  const before = door.counts();
  const kept = items.map(clean);
  const { contentDropped, faults, redacted } = door.counts();
  const count = (name: "content_dropped" | "redacted", labels: Labels, value: number): void => {
    if (value > 0) counters.add(name, { signal, ...labels }, value);
  };
  count("content_dropped", { reason: "not_captured" }, contentDropped - before.contentDropped);
  count("content_dropped", { reason: "fault" }, faults - before.faults);
  count("redacted", {}, redacted - before.redacted);
  return kept;
}

async function store<Item>(
  items: readonly Item[],
  rejected: readonly Rejected[],
  { counters, commit, signal }: Taking & { readonly commit: GroupCommit<Item> },
): Promise<Outcome> {
  const left = rejected.reduce((sum, { count }) => sum + count, 0);
  counters.add("received", { signal }, items.length + left);
  const committed = await commit.submit(items);
  switch (committed.kind) {
    case "stored":
      for (const { reason, count } of rejected) counters.add("rejected", { signal, reason }, count);
      return { kind: "accepted", rejected: left, message: reasonsOf(rejected) };
    case "full":
      counters.add("dropped", { signal, reason: "queue_full" }, items.length + left);
      return { kind: "busy", message: "The queue is full; send the request again later." };
    case "failed":
      counters.add("dropped", { signal, reason: "store_failed" }, committed.lost + left);
      return {
        kind: "unavailable",
        message: `The ${ITEMS[signal]} could not be kept: ${messageOf(committed.error)}`,
      };
  }
}

/** A collector that keeps other signals only. */
function rejectAll(request: OtlpRequest, { counters }: Intake): Outcome {
  const { signal } = request;
  const counted = attempt(() => count(request));
  if ("error" in counted) return malformed(request, counted.error);
  const reason = `no ${signal} are kept here`;
  counters.add("received", { signal }, counted.value);
  counters.add("rejected", { signal, reason }, counted.value);
  return { kind: "accepted", rejected: counted.value, message: `${reason} (${counted.value} ${ITEMS[signal]})` };
}

function decodeTraces({ encoding, body }: OtlpRequest): DecodedItems<Span> {
  const decoded = encoding === "protobuf" ? decodeOtlpProtobuf(body) : decodeOtlp(countedJson("traces", body));
  return { items: decoded.spans, rejected: decoded.rejected };
}

const decodeMetrics = ({ encoding, body }: OtlpRequest): DecodedItems<MetricPoint> =>
  encoding === "protobuf" ? decodeMetricsProtobuf(body) : decodeMetricsJson(countedJson("metrics", body));

const decodeLogs = ({ encoding, body }: OtlpRequest, context: LogContext): DecodedItems<LogRecord> =>
  encoding === "protobuf" ? decodeLogsProtobuf(body, context) : decodeLogsJson(countedJson("logs", body), context);

/** A JSON request that has no more parts than the limit. */
function countedJson(signal: Signal, body: Uint8Array): object {
  const document = parseJson(signal, body);
  countJson(signal, document);
  return document;
}

function count({ signal, encoding, body }: OtlpRequest): number {
  return encoding === "protobuf" ? countProtobuf(signal, body) : countJson(signal, parseJson(signal, body));
}

const GROUPS: Readonly<Record<Signal, string>> = {
  traces: "resourceSpans",
  metrics: "resourceMetrics",
  logs: "resourceLogs",
};

/** The request's own field and nothing else: dialects that trace files are written in are no requests. */
function parseJson(signal: Signal, body: Uint8Array): object {
  const document = parse(body);
  const name = GROUPS[signal];
  const groups = isObject(document) ? document[name] : undefined;
  const isEmpty = isObject(document) && Object.keys(document).length === 0;
  if (Array.isArray(groups) || isEmpty) return { [name]: groups ?? [] };
  throw new WhetstoneError("input_unreadable", `an object with ${name} is expected`);
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    // Not JSON is not OTLP either; the caller answers for both.
    return undefined;
  }
}

function malformed({ signal, encoding }: OtlpRequest, error: WhetstoneError): Outcome {
  const format = encoding === "json" ? "JSON" : "protobuf";
  return { kind: "malformed", message: `The body is no OTLP ${format} of ${signal}: ${messageOf(error)}.` };
}

const reasonsOf = (rejected: readonly Rejected[]): string =>
  rejected.map(({ reason, count }) => `${reason} (${count})`).join(", ");
