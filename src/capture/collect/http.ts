import type { IncomingMessage, ServerResponse } from "node:http";
import { messageOf } from "../../model/error.ts";
import { statusAnswer, successAnswer } from "../otlp/answer.ts";
import { SIGNALS, type Encoding, type Signal } from "../otlp/signal.ts";
import { CONTENT_ENCODINGS, inflateBody, readBody, type Body, type ContentEncoding, type ReadBudget } from "./body.ts";
import { ingest, type Intake, type Outcome } from "./ingest.ts";

/** What the HTTP side of a collector works with. */
export type HttpParts = {
  readonly intake: Intake;
  readonly isAllowed: (authorization: string | undefined) => boolean;
  readonly limitBytes: number;
  readonly budget: ReadBudget;
  readonly monotonicMs: () => number;
  /** Prometheus text of the moment. */
  readonly metrics: () => string;
};

/** An answer. */
type Reply = {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
};

const TYPES: Readonly<Record<Encoding, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

/** Seconds after which a refused request may come again. */
export const RETRY_AFTER_SECONDS = 1;

/**
 * Answers one HTTP request after the OTLP specification: 200 (with `partial_success`), 400 malformed, 401, 404, 405,
 * 413 too large, 415 other content types or encodings, 429 queue full, 503 store failed; the last two with
 * `Retry-After`. `isClosing` asks the client not to keep the connection. Never throws.
 */
export async function handleHttp(exchange: Exchange, parts: HttpParts, isClosing: () => boolean): Promise<void> {
  const started = parts.monotonicMs();
  const { request, response } = exchange;
  const path = request.url?.split("?")[0] ?? "";
  const signal = SIGNALS.find((name) => path === `/v1/${name}`);
  const reply = await (signal ? answerOtlp(request, signal, parts) : Promise.resolve(answerPage(request, path, parts)));
  const closing = isClosing() ? { Connection: "close" } : {};
  response.writeHead(reply.status, { "Content-Type": reply.type, ...reply.headers, ...closing });
  response.end(reply.body);
  if (signal === undefined) return;
  const { counters } = parts.intake;
  counters.add("requests", { signal, transport: "http", status: String(reply.status) }, 1);
  counters.observe({ signal, transport: "http" }, (parts.monotonicMs() - started) / 1_000);
}

/** A request with the response that it gets. */
export type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };

function answerPage(request: IncomingMessage, path: string, { metrics }: HttpParts): Reply {
  const page = { "/healthz": () => "ok\n", "/metrics": metrics }[path];
  if (page === undefined) return failure(404, "json", "OTLP goes to /v1/traces, /v1/metrics and /v1/logs.");
  if (request.method !== "GET" && request.method !== "HEAD") return wrongMethod("GET, HEAD");
  const version = path === "/metrics" ? "; version=0.0.4" : "";
  return { status: 200, type: `text/plain${version}; charset=utf-8`, body: request.method === "HEAD" ? "" : page() };
}

const wrongMethod = (allowed: string): Reply => ({
  ...failure(405, "json", `Use ${allowed}.`),
  headers: { Allow: allowed },
});

async function answerOtlp(request: IncomingMessage, signal: Signal, parts: HttpParts): Promise<Reply> {
  const encoding = encodingOf(request);
  const refused = refusal(request, encoding, parts);
  if (refused || encoding === undefined) return refused ?? failure(415, "json", "");
  const arrived = parts.intake.signals[signal]?.arriving() ?? (() => undefined);
  try {
    const body = await readBody(request, parts.limitBytes, parts.budget);
    const plain = body.kind === "read" ? inflateBody(body.bytes, contentEncodingOf(request), parts.limitBytes) : body;
    if (plain.kind !== "read") return refusedBody(plain, encoding, parts.limitBytes);
    const outcome = ingest({ signal, encoding, body: plain.bytes }, parts.intake);
    arrived();
    return replyTo(await outcome, signal, encoding);
  } catch (error) {
    return failure(500, encoding, `A fault of the collector: ${messageOf(error)}`);
  } finally {
    arrived();
  }
}

/** Why a request is answered without reading its body. */
function refusal(request: IncomingMessage, encoding: Encoding | undefined, parts: HttpParts): Reply | undefined {
  const answerIn = encoding ?? "json";
  if (request.method !== "POST") return wrongMethod("POST");
  if (!parts.isAllowed(request.headers.authorization)) {
    const headers = { "WWW-Authenticate": "Bearer" };
    return { ...failure(401, answerIn, "Send the collector's token as Authorization: Bearer TOKEN."), headers };
  }
  if (encoding === undefined) return failure(415, answerIn, "Send application/x-protobuf or application/json.");
  const content = request.headers["content-encoding"] ?? "identity";
  if (!CONTENT_ENCODINGS.some((known) => known === content)) {
    return failure(415, answerIn, "Send gzip, deflate or no content encoding.");
  }
  if (Number(request.headers["content-length"] ?? 0) <= parts.limitBytes) return undefined;
  return refusedBody({ kind: "too_large" }, answerIn, parts.limitBytes);
}

function encodingOf(request: IncomingMessage): Encoding | undefined {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type === "application/x-protobuf" || type === "application/protobuf") return "protobuf";
  return type === "application/json" ? "json" : undefined;
}

function contentEncodingOf(request: IncomingMessage): ContentEncoding {
  return CONTENT_ENCODINGS.find((known) => known === request.headers["content-encoding"]) ?? "identity";
}

function refusedBody(body: Exclude<Body, { kind: "read" }>, encoding: Encoding, limitBytes: number): Reply {
  switch (body.kind) {
    case "too_large":
      return failure(413, encoding, `The body is larger than ${limitBytes} bytes; send smaller batches.`);
    case "busy":
      return again(429, encoding, "Too many bodies at once; send the request again later.");
    case "broken":
      return failure(400, encoding, body.message);
  }
}

function replyTo(outcome: Outcome, signal: Signal, encoding: Encoding): Reply {
  switch (outcome.kind) {
    case "accepted":
      return { status: 200, type: TYPES[encoding], body: successAnswer(signal, encoding, outcome) };
    case "malformed":
      return failure(400, encoding, outcome.message);
    case "busy":
      return again(429, encoding, outcome.message);
    case "unavailable":
      return again(503, encoding, outcome.message);
  }
}

const again = (status: number, encoding: Encoding, message: string): Reply => ({
  ...failure(status, encoding, message),
  headers: { "Retry-After": String(RETRY_AFTER_SECONDS) },
});

function failure(status: number, encoding: Encoding, message: string): Reply {
  return { status, type: TYPES[encoding], body: statusAnswer(encoding, message) };
}
