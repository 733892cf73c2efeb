import { messageOf, WhetstoneError } from "../../model/error.ts";
import type { Span } from "../../model/span.ts";
import type { CaptureDoor } from "../../protect/capture-door.ts";
import { isObject } from "../jsonrpc.ts";
import { countJson, countProtobuf } from "../otlp/count.ts";
import { decodeOtlp } from "../otlp/decode.ts";
import { decodeOtlpProtobuf } from "../otlp/decode-protobuf.ts";
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

/** How the requests of a signal are taken in. */
export type SignalIntake = Pick<GroupCommit<never>, "arriving" | "queued" | "drained"> & {
  readonly take: (request: OtlpRequest, intake: Intake) => Promise<Outcome>;
};

/** What taking in a request needs. */
export type Intake = {
  /** The items of a signal that is not here are all rejected. */
  readonly signals: { readonly [S in Signal]?: SignalIntake };
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
  return intake.signals[request.signal]?.take(request, intake) ?? rejectAll(request, intake);
}

/** What is done with the items of a signal. */
export type Handling<Item> = {
  readonly decode: (request: OtlpRequest, intake: Intake) => DecodedItems<Item>;
  readonly clean: (door: CaptureDoor) => (item: Item) => Item;
};

/** Takes in a signal's requests by way of `commit`. */
export function signalIntake<Item>(commit: GroupCommit<Item>, { decode, clean }: Handling<Item>): SignalIntake {
  return {
    ...commit,
    take: async (request, intake) => {
      const decoded = attempt(() => decode(request, intake));
      if ("error" in decoded) return malformed(request, decoded.error);
      const { items, rejected } = decoded.value;
      const taking = { ...intake, signal: request.signal };
      return store(letIn(items, clean(intake.door), taking), rejected, { ...taking, commit });
    },
  };
}

/** Traces. */
export const TRACES: Handling<Span> = {
  decode: ({ encoding, body }) => {
    const decoded = encoding === "protobuf" ? decodeOtlpProtobuf(body) : decodeOtlp(countedJson("traces", body));
    return { items: decoded.spans, rejected: decoded.rejected };
  },
  clean: (door) => door.span,
};

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

/** A JSON request that has no more parts than the limit. */
export function countedJson(signal: Signal, body: Uint8Array): object {
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
