import { isObject } from "../capture/jsonrpc.ts";
import { decodeOtlp, isOtlp } from "../capture/otlp/decode.ts";
import type { Decoded } from "../capture/otlp/rejection.ts";
import { decodeJaeger, isJaeger } from "./jaeger-json.ts";
import { decodeZipkin, isZipkin } from "./zipkin-json.ts";

/** File formats that can be imported. */
export const TRACE_FORMATS = ["otlp", "jaeger", "zipkin", "tempo"] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** How a parsed document of a format is told and read. */
type Codec = { readonly accepts: (document: unknown) => boolean; readonly decode: (document: unknown) => Decoded };

const CODECS: Readonly<Record<TraceFormat, Codec>> = {
  otlp: { accepts: isOtlp, decode: decodeOtlp },
  tempo: { accepts: isOtlp, decode: decodeOtlp },
  jaeger: { accepts: isJaeger, decode: decodeJaeger },
  zipkin: { accepts: isZipkin, decode: decodeZipkin },
};

/** The codec of a format. */
export function codecOf(format: TraceFormat): Codec {
  return CODECS[format];
}

/** Which format a parsed document is in; undefined when it is none. Tempo's API wraps OTLP in `batches` or `trace`. */
export function sniffFormat(document: unknown): TraceFormat | undefined {
  if (isZipkin(document)) return "zipkin";
  if (isJaeger(document)) return "jaeger";
  if (!isOtlp(document)) return undefined;
  return isObject(document) && ("batches" in document || "trace" in document) ? "tempo" : "otlp";
}
