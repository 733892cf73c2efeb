/** What one OTLP request may hold. Real exporters stay far below; a hostile body costs bounded time and memory. */
export const OTLP_LIMITS = {
  /** Levels of arrays and maps inside an attribute value; no exporter writes more, and they would exhaust the stack. */
  depth: 64,
  /** Attributes, events, links of one span, and members of one array or map. */
  items: 16_384,
  /** Bytes of one name, key or text value. */
  textBytes: 4 * 1024 * 1024,
  /** Spans, and groups of them, in one request; the collector's batches have 8,192. */
  parts: 100_000,
} as const;
