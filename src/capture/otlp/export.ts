import { WhetstoneError, messageOf } from "../../model/error.ts";
import type { Span } from "../../model/span.ts";
import { isObject } from "../jsonrpc.ts";
import { encodeOtlp } from "./encode.ts";

/** Longest wait for an answer, ms (the default of the OTLP exporter specification). */
const TIMEOUT_MS = 10_000;

/**
 * Sends spans as OTLP/HTTP JSON. `url` is the endpoint's base (`http://host:4318`) or its full traces URL.
 * @returns resolves when the endpoint has taken all spans; rejects with `store_write_failed` when it refused, rejected
 * some, or could not be reached
 */
export function otlpExporter(options: {
  readonly url: string;
  readonly fetch: typeof fetch;
}): (spans: readonly Span[]) => Promise<void> {
  const url = options.url.endsWith("/v1/traces") ? options.url : `${options.url.replace(/\/+$/, "")}/v1/traces`;
  return async (spans) => {
    const answer = await post(url, spans, options.fetch);
    if (!answer.ok) throw refused(url, `answered ${answer.status}`);
    const rejected = rejectedSpans(await answer.json().catch(() => undefined));
    if (rejected > 0) throw refused(url, `rejected ${rejected} of ${spans.length} spans`);
  };
}

async function post(url: string, spans: readonly Span[], send: typeof fetch): Promise<Response> {
  try {
    return await send(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(encodeOtlp(spans)),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw refused(url, `could not be reached: ${messageOf(error)}`, error);
  }
}

function rejectedSpans(answer: unknown): number {
  const partial = isObject(answer) ? answer["partialSuccess"] : undefined;
  return isObject(partial) ? Number(partial["rejectedSpans"] ?? 0) : 0;
}

function refused(url: string, why: string, cause?: unknown): WhetstoneError {
  return new WhetstoneError("store_write_failed", `The OTLP endpoint ${url} ${why}.`, {
    remedy: "Check the URL, and that the endpoint takes OTLP over HTTP as JSON.",
    ...(cause !== undefined && { cause }),
  });
}
