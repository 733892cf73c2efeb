import { messageOf, WhetstoneError } from "../../model/error.ts";
import type { Span } from "../../model/span.ts";
import type { CaptureDoor } from "../../protect/capture-door.ts";
import { isObject } from "../jsonrpc.ts";
import { countJson, countProtobuf } from "../otlp/count.ts";
import { decodeOtlp } from "../otlp/decode.ts";
import { decodeOtlpProtobuf } from "../otlp/decode-protobuf.ts";
import { attempt, type Decoded, type Rejected } from "../otlp/rejection.ts";
import { ITEMS, type Encoding, type Signal } from "../otlp/signal.ts";
import type { Counters, Labels } from "./counters.ts";
import type { GroupCommit } from "./group-commit.ts";

/** One OTLP request, uncompressed, whatever it came over. */
export type OtlpRequest = { readonly signal: Signal; readonly encoding: Encoding; readonly body: Uint8Array };

/** How a request is answered; HTTP and gRPC have their own words for each. */
export type Outcome =
  | { readonly kind: "accepted"; readonly rejected: number; readonly message: string }
  | { readonly kind: "malformed" | "busy" | "unavailable"; readonly message: string };

/** Makes a metrics or logs request durable. `count`: data points or log records. */
export type KeepBody = (request: Omit<OtlpRequest, "signal"> & { readonly count: number }) => Promise<unknown>;

/** What taking in a request needs. */
export type Intake = {
  readonly commits: GroupCommit;
  readonly counters: Counters;
  readonly door: CaptureDoor;
  readonly keepers: Readonly<Partial<Record<Signal, KeepBody>>>;
};

/**
 * Decodes a request and makes its items durable; resolves only then. Every item is counted as received and as one of
 * stored, duplicate, rejected or dropped.
 */
export async function ingest(request: OtlpRequest, intake: Intake): Promise<Outcome> {
  if (request.signal !== "traces") return keep(request, intake);
  const decoded = attempt(() => decodeTraces(request));
  if ("error" in decoded) return malformed(request, decoded.error);
  const { spans, rejected } = decoded.value;
  return store(letIn(spans, intake), rejected, intake);
}

/** Before anything is kept: content and secrets are taken out. */
function letIn(spans: readonly Span[], { door, counters }: Intake): readonly Span[] {
  const before = door.counts();
  const kept = spans.map(door.span);
  const { contentDropped, faults, redacted } = door.counts();
  const count = (name: "content_dropped" | "redacted", labels: Labels, value: number): void => {
    if (value > 0) counters.add(name, { signal: "traces", ...labels }, value);
  };
  count("content_dropped", { reason: "not_captured" }, contentDropped - before.contentDropped);
  count("content_dropped", { reason: "fault" }, faults - before.faults);
  count("redacted", {}, redacted - before.redacted);
  return kept;
}

async function store(spans: readonly Span[], rejected: readonly Rejected[], intake: Intake): Promise<Outcome> {
  const { counters, commits } = intake;
  const left = rejected.reduce((sum, { count }) => sum + count, 0);
  counters.add("received", { signal: "traces" }, spans.length + left);
  const committed = await commits.submit(spans);
  switch (committed.kind) {
    case "stored":
      for (const { reason, count } of rejected) counters.add("rejected", { signal: "traces", reason }, count);
      return { kind: "accepted", rejected: left, message: reasonsOf(rejected) };
    case "full":
      counters.add("dropped", { signal: "traces", reason: "queue_full" }, spans.length + left);
      return { kind: "busy", message: "The queue is full; send the request again later." };
    case "failed":
      counters.add("dropped", { signal: "traces", reason: "store_failed" }, committed.lost + left);
      return { kind: "unavailable", message: `The spans could not be kept: ${messageOf(committed.error)}` };
  }
}

async function keep(request: OtlpRequest, { keepers, counters }: Intake): Promise<Outcome> {
  const { signal, encoding, body } = request;
  const counted = attempt(() => count(request));
  if ("error" in counted) return malformed(request, counted.error);
  counters.add("received", { signal }, counted.value);
  const keeper = keepers[signal];
  if (keeper === undefined) {
    const reason = `this version keeps traces only, no ${signal}`;
    counters.add("rejected", { signal, reason }, counted.value);
    return { kind: "accepted", rejected: counted.value, message: `${reason} (${counted.value} ${ITEMS[signal]})` };
  }
  try {
    await keeper({ encoding, body, count: counted.value });
    counters.add("stored", { signal }, counted.value);
    return { kind: "accepted", rejected: 0, message: "" };
  } catch (error) {
    counters.add("dropped", { signal, reason: "store_failed" }, counted.value);
    return { kind: "unavailable", message: `The ${signal} could not be kept: ${messageOf(error)}` };
  }
}

function decodeTraces({ encoding, body }: OtlpRequest): Decoded {
  if (encoding === "protobuf") return decodeOtlpProtobuf(body);
  const document = parseJson("traces", body);
  countJson("traces", document);
  return decodeOtlp(document);
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
