import { createGzip, gunzipSync } from "node:zlib";
import { buffer } from "node:stream/consumers";
import { once } from "node:events";
import { decodeOtlp } from "../capture/otlp/decode.ts";
import { encodeOtlp } from "../capture/otlp/encode.ts";
import type { SpanPacker } from "../capture/stage.ts";
import type { Span } from "../model/span.ts";

/** Packs spans as gzipped OTLP JSON lines (one `TracesData` a line), the form that `whetstone import` reads. */
export function spanPacker(): SpanPacker {
  const gzip = createGzip();
  const packed = buffer(gzip);
  return {
    add: async (spans) => {
      if (!gzip.write(`${JSON.stringify(encodeOtlp(spans))}\n`)) await once(gzip, "drain");
    },
    finish: () => {
      gzip.end();
      return packed;
    },
  };
}

/** The spans that {@link spanPacker} packed. */
export function unpackSpans(packed: Uint8Array): Span[] {
  const lines = gunzipSync(packed).toString("utf8").split("\n");
  return lines.filter((line) => line !== "").flatMap((line) => decodeOtlp(JSON.parse(line)).spans);
}
