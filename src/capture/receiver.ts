import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { messageOf } from "../model/error.ts";
import type { Span } from "../model/span.ts";
import { concat } from "./framing.ts";
import { decodeOtlp, isOtlp } from "./otlp/decode.ts";
import type { Rejected } from "./otlp/rejection.ts";

/** A running OTLP receiver on the loopback interface. Disposing it finishes requests under way. */
export type Receiver = AsyncDisposable & {
  /** Base URL for `OTEL_EXPORTER_OTLP_ENDPOINT`; traces go to `/v1/traces` below it. */
  readonly url: string;
  /** Spans that were accepted so far. */
  readonly received: () => number;
};

/** What a receiver needs. */
export type ReceiverOptions = {
  /** Makes spans durable; a request is answered 200 only after it resolved, and 503 when it rejects. */
  readonly onSpans: (spans: readonly Span[]) => Promise<unknown>;
  /** Largest body, as sent and as decompressed, bytes; default 32 MiB. */
  readonly limitBytes?: number | undefined;
};

const DEFAULT_LIMIT_BYTES = 32 * 1024 * 1024;
/** Longest wait for requests under way when the receiver is disposed. */
const CLOSE_LIMIT_MS = 2_000;
const gunzipBody = promisify(gunzip);

/** An answer of the receiver. */
type Reply = { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> };

/**
 * Receives OTLP/HTTP JSON (`POST /v1/traces`, gzip too) on an ephemeral port. Answers after the OTLP specification:
 * 200 with `partialSuccess` for rejected spans, 400 malformed, 404, 405, 413 too large, 415 other content types or
 * encodings, 503 with `Retry-After` when the spans could not be kept.
 */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  let received = 0;
  const server = createServer((request, response) => {
    const answered = answer(request, options, (count) => (received += count));
    const replied = answered.catch((error: unknown) => failure(500, `A fault of the receiver: ${messageOf(error)}`));
    void replied.then((reply) => {
      // A body that nobody read would hold up the connection's next request; a kept connection would hold up closing.
      request.resume();
      send(response, server.listening ? reply : { ...reply, headers: { ...reply.headers, Connection: "close" } });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received: () => received,
    [Symbol.asyncDispose]: () => close(server),
  };
}

async function answer(
  request: IncomingMessage,
  options: ReceiverOptions,
  count: (spans: number) => void,
): Promise<Reply> {
  const refused = refusal(request);
  if (refused) return refused;
  const limit = options.limitBytes ?? DEFAULT_LIMIT_BYTES;
  const body = await readBody(request, limit).catch((error: unknown) => failure(400, messageOf(error)));
  if (!(body instanceof Uint8Array)) return body;
  const document = parse(body);
  if (!isOtlp(document)) return failure(400, "The body is no OTLP JSON: an object with resourceSpans is expected.");
  const { spans, rejected } = decodeOtlp(document);
  try {
    if (spans.length > 0) await options.onSpans(spans);
  } catch (error) {
    return { ...failure(503, `The spans could not be kept: ${messageOf(error)}`), headers: { "Retry-After": "1" } };
  }
  count(spans.length);
  return { status: 200, body: partialSuccess(rejected) };
}

function refusal(request: IncomingMessage): Reply | undefined {
  if (request.url?.split("?")[0] !== "/v1/traces") return failure(404, "Traces go to /v1/traces.");
  if (request.method !== "POST") return { ...failure(405, "Use POST."), headers: { Allow: "POST" } };
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json")
    return failure(415, "Send application/json (OTEL_EXPORTER_OTLP_PROTOCOL=http/json).");
  const encoding = request.headers["content-encoding"] ?? "identity";
  return encoding === "identity" || encoding === "gzip" ? undefined : failure(415, "Send gzip or no encoding.");
}

async function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | Reply> {
  const tooLarge = failure(413, `The body is larger than ${limit} bytes; send smaller batches.`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    // The rest is read and let go, so that the client sees the answer instead of a reset.
    if (length <= limit) chunks.push(chunk);
  }
  if (length > limit) return tooLarge;
  const body = concat(chunks, length);
  if (request.headers["content-encoding"] !== "gzip") return body;
  try {
    return await gunzipBody(body, { maxOutputLength: limit });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? tooLarge : failure(400, messageOf(error));
  }
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    // Not JSON is not OTLP either; the caller answers for both.
    return undefined;
  }
}

/** OTLP `ExportTraceServiceResponse`: empty for full success. */
function partialSuccess(rejected: readonly Rejected[]): unknown {
  if (rejected.length === 0) return {};
  const total = rejected.reduce((sum, { count }) => sum + count, 0);
  const reasons = rejected.map(({ reason, count }) => `${reason} (${count})`).join(", ");
  return { partialSuccess: { rejectedSpans: String(total), errorMessage: reasons } };
}

/** An error answer with a `google.rpc.Status` body, as OTLP/HTTP asks for. */
function failure(status: number, message: string): Reply {
  return { status, body: { message } };
}

function send(response: ServerResponse, { status, body, headers }: Reply): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  const limit = setTimeout(() => server.closeAllConnections(), CLOSE_LIMIT_MS);
  await closed;
  clearTimeout(limit);
}
