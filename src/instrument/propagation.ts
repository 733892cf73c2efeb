import { trace, type Context, type TextMapGetter } from "@opentelemetry/api";
import { isObject, type JsonObject } from "../capture/jsonrpc.ts";
import type { Telemetry } from "./telemetry.ts";

/** Longest propagation value that is read: twice what W3C Baggage lets a sender write. */
const LONGEST_VALUE = 16_384;

/** Reads strings only: `_meta` comes from the peer and may hold anything under any key. */
const META: TextMapGetter<unknown> = {
  keys: (carrier) => (isObject(carrier) ? Object.keys(carrier) : []),
  get: (carrier, key) => (isObject(carrier) && Object.hasOwn(carrier, key) ? value(carrier[key]) : undefined),
};

/** Reads a `Headers` object or a plain object with lower-case names. */
const HEADERS: TextMapGetter<unknown> = {
  keys: (carrier) => (carrier instanceof Headers ? [...carrier.keys()] : META.keys(carrier)),
  get: (carrier, key) => (carrier instanceof Headers ? value(carrier.get(key)) : META.get(carrier, key)),
};

/** A header of the HTTP request that carried a message, as the SDKs hand it to `onmessage`. */
export function headerOf(extra: unknown, name: string): string | undefined {
  const found = HEADERS.get(headersOf(extra), name);
  return typeof found === "string" ? found : undefined;
}

/**
 * The context in which a received message is handled: its `_meta` first, then the HTTP headers, then none. The ambient
 * span is never the parent (it belongs to the transport); everything else of the ambient context stays.
 */
export function remoteContext(
  telemetry: Pick<Telemetry, "extract">,
  ambient: Context,
  from: { readonly params: JsonObject; readonly extra: unknown },
): Context {
  const base = trace.deleteSpan(ambient);
  const stated = telemetry.extract(base, from.params["_meta"], META);
  if (trace.getSpanContext(stated) !== undefined) return stated;
  const headers = headersOf(from.extra);
  return headers === undefined ? stated : telemetry.extract(stated, headers, HEADERS);
}

/**
 * The parent of a message that is sent: the active span; without one, what the host itself put into `_meta`.
 */
export function senderContext(telemetry: Pick<Telemetry, "extract">, active: Context, params: JsonObject): Context {
  if (trace.getSpanContext(active) !== undefined) return active;
  return telemetry.extract(active, params["_meta"], META);
}

/**
 * The message with the context in `params._meta` (MCP `basic`, SEP-414: unprefixed keys), as a copy: the host's object
 * stays as it is. All other keys of `_meta` are kept; a stale `tracestate` is not. The message itself when there is
 * nothing to say or when `params` or `_meta` is not an object.
 */
export function withContext(telemetry: Pick<Telemetry, "inject">, message: JsonObject, from: Context): JsonObject {
  const { params } = message;
  if (params !== undefined && !isObject(params)) return message;
  const meta = params?.["_meta"];
  if (meta !== undefined && !isObject(meta)) return message;
  const carrier: Record<string, unknown> = {};
  telemetry.inject(from, carrier);
  if (Object.keys(carrier).length === 0) return message;
  const kept = { ...meta };
  if ("traceparent" in carrier) delete kept["tracestate"];
  return { ...message, params: { ...params, _meta: { ...kept, ...carrier } } };
}

/** Aborted when the peer closed the HTTP request of a message; SDK 2.x only. */
export function requestSignal(extra: unknown): AbortSignal | undefined {
  const request = isObject(extra) ? extra["request"] : undefined;
  return request instanceof Request ? request.signal : undefined;
}

/** SDK 1.x gives `requestInfo.headers`, SDK 2.x the `Request`. */
function headersOf(extra: unknown): unknown {
  if (!isObject(extra)) return undefined;
  const request = extra["requestInfo"] ?? extra["request"];
  return isObject(request) ? request["headers"] : undefined;
}

function value(found: unknown): string | undefined {
  const first: unknown = Array.isArray(found) ? found[0] : found;
  return typeof first === "string" && first.length <= LONGEST_VALUE ? first : undefined;
}
