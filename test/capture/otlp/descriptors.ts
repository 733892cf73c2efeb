import protobuf from "protobufjs";

/** A message as protobufjs describes it: field name to number and type; `*` marks a repeated field. */
function message(fields: Readonly<Record<string, readonly [number, string]>>, oneof?: string): protobuf.IType {
  return {
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, [id, type]]) => [
        name,
        type.startsWith("*") ? { id, type: type.slice(1), rule: "repeated" } : { id, type },
      ]),
    ),
    ...(oneof !== undefined && { oneofs: { [oneof]: { oneof: Object.keys(fields) } } }),
  };
}

/** The metric messages of opentelemetry-proto 1.x. */
function metricMessages() {
  const times = { startTimeUnixNano: [2, "fixed64"], timeUnixNano: [3, "fixed64"] } as const;
  const scopes = { metrics: [2, "*Metric"], schemaUrl: [3, "string"] } as const;
  return {
    ExportMetricsServiceRequest: message({ resourceMetrics: [1, "*ResourceMetrics"] }),
    ResourceMetrics: message({
      resource: [1, "Resource"],
      scopeMetrics: [2, "*ScopeMetrics"],
      schemaUrl: [3, "string"],
    }),
    ScopeMetrics: message({ scope: [1, "InstrumentationScope"], ...scopes }),
    Metric: {
      ...message({
        name: [1, "string"],
        description: [2, "string"],
        unit: [3, "string"],
        gauge: [5, "Gauge"],
        sum: [7, "Sum"],
        histogram: [9, "Histogram"],
        exponentialHistogram: [10, "ExponentialHistogram"],
        summary: [11, "Summary"],
        metadata: [12, "*KeyValue"],
      }),
      oneofs: { data: { oneof: ["gauge", "sum", "histogram", "exponentialHistogram", "summary"] } },
    },
    Gauge: message({ dataPoints: [1, "*NumberDataPoint"] }),
    Sum: message({
      dataPoints: [1, "*NumberDataPoint"],
      aggregationTemporality: [2, "int32"],
      isMonotonic: [3, "bool"],
    }),
    Histogram: message({ dataPoints: [1, "*HistogramDataPoint"], aggregationTemporality: [2, "int32"] }),
    ExponentialHistogram: message({
      dataPoints: [1, "*ExponentialHistogramDataPoint"],
      aggregationTemporality: [2, "int32"],
    }),
    Summary: message({ dataPoints: [1, "*SummaryDataPoint"] }),
    NumberDataPoint: {
      ...message({
        ...times,
        attributes: [7, "*KeyValue"],
        asDouble: [4, "double"],
        asInt: [6, "sfixed64"],
        exemplars: [5, "*Exemplar"],
        flags: [8, "uint32"],
      }),
      oneofs: { value: { oneof: ["asDouble", "asInt"] } },
    },
    HistogramDataPoint: optional(
      {
        ...times,
        attributes: [9, "*KeyValue"],
        count: [4, "fixed64"],
        sum: [5, "double"],
        bucketCounts: [6, "*fixed64"],
        explicitBounds: [7, "*double"],
        exemplars: [8, "*Exemplar"],
        flags: [10, "uint32"],
        min: [11, "double"],
        max: [12, "double"],
      },
      ["sum", "min", "max"],
    ),
    ExponentialHistogramDataPoint: optional(
      {
        ...times,
        attributes: [1, "*KeyValue"],
        count: [4, "fixed64"],
        sum: [5, "double"],
        scale: [6, "sint32"],
        zeroCount: [7, "fixed64"],
        positive: [8, "Buckets"],
        negative: [9, "Buckets"],
        flags: [10, "uint32"],
        exemplars: [11, "*Exemplar"],
        min: [12, "double"],
        max: [13, "double"],
        zeroThreshold: [14, "double"],
      },
      ["sum", "min", "max"],
    ),
    Buckets: message({ offset: [1, "sint32"], bucketCounts: [2, "*uint64"] }),
    SummaryDataPoint: message({
      ...times,
      attributes: [7, "*KeyValue"],
      count: [4, "fixed64"],
      sum: [5, "double"],
      quantileValues: [6, "*ValueAtQuantile"],
      flags: [8, "uint32"],
    }),
    ValueAtQuantile: message({ quantile: [1, "double"], value: [2, "double"] }),
    Exemplar: {
      ...message({
        filteredAttributes: [7, "*KeyValue"],
        timeUnixNano: [2, "fixed64"],
        asDouble: [3, "double"],
        asInt: [6, "sfixed64"],
        spanId: [4, "bytes"],
        traceId: [5, "bytes"],
      }),
      oneofs: { value: { oneof: ["asDouble", "asInt"] } },
    },
  };
}

/** The log messages of opentelemetry-proto 1.x. */
function logMessages() {
  return {
    ExportLogsServiceRequest: message({ resourceLogs: [1, "*ResourceLogs"] }),
    ResourceLogs: message({ resource: [1, "Resource"], scopeLogs: [2, "*ScopeLogs"], schemaUrl: [3, "string"] }),
    ScopeLogs: message({
      scope: [1, "InstrumentationScope"],
      logRecords: [2, "*LogRecord"],
      schemaUrl: [3, "string"],
    }),
    LogRecord: message({
      timeUnixNano: [1, "fixed64"],
      severityNumber: [2, "int32"],
      severityText: [3, "string"],
      body: [5, "AnyValue"],
      attributes: [6, "*KeyValue"],
      droppedAttributesCount: [7, "uint32"],
      flags: [8, "fixed32"],
      traceId: [9, "bytes"],
      spanId: [10, "bytes"],
      observedTimeUnixNano: [11, "fixed64"],
      eventName: [12, "string"],
    }),
  };
}

/** A message some of whose fields are `optional`: a zero is written, and told from nothing. */
function optional(fields: Parameters<typeof message>[0], names: readonly string[]): protobuf.IType {
  const oneofs = Object.fromEntries(names.map((name) => [`_${name}`, { oneof: [name] }]));
  return { ...message(fields), oneofs };
}

/** The trace messages of opentelemetry-proto 1.x, fields and numbers in full: the oracle beside the decoder. */
const root = protobuf.Root.fromJSON({
  nested: {
    ExportTraceServiceRequest: message({ resourceSpans: [1, "*ResourceSpans"] }),
    ResourceSpans: message({ resource: [1, "Resource"], scopeSpans: [2, "*ScopeSpans"], schemaUrl: [3, "string"] }),
    Resource: message({ attributes: [1, "*KeyValue"], droppedAttributesCount: [2, "uint32"] }),
    ScopeSpans: message({ scope: [1, "InstrumentationScope"], spans: [2, "*Span"], schemaUrl: [3, "string"] }),
    InstrumentationScope: message({
      name: [1, "string"],
      version: [2, "string"],
      attributes: [3, "*KeyValue"],
      droppedAttributesCount: [4, "uint32"],
    }),
    Span: message({
      traceId: [1, "bytes"],
      spanId: [2, "bytes"],
      traceState: [3, "string"],
      parentSpanId: [4, "bytes"],
      name: [5, "string"],
      kind: [6, "int32"],
      startTimeUnixNano: [7, "fixed64"],
      endTimeUnixNano: [8, "fixed64"],
      attributes: [9, "*KeyValue"],
      droppedAttributesCount: [10, "uint32"],
      events: [11, "*Event"],
      droppedEventsCount: [12, "uint32"],
      links: [13, "*Link"],
      droppedLinksCount: [14, "uint32"],
      status: [15, "Status"],
      flags: [16, "fixed32"],
    }),
    Event: message({
      timeUnixNano: [1, "fixed64"],
      name: [2, "string"],
      attributes: [3, "*KeyValue"],
      droppedAttributesCount: [4, "uint32"],
    }),
    Link: message({
      traceId: [1, "bytes"],
      spanId: [2, "bytes"],
      traceState: [3, "string"],
      attributes: [4, "*KeyValue"],
      droppedAttributesCount: [5, "uint32"],
      flags: [6, "fixed32"],
    }),
    Status: message({ message: [2, "string"], code: [3, "int32"] }),
    KeyValue: message({ key: [1, "string"], value: [2, "AnyValue"] }),
    AnyValue: message(
      {
        stringValue: [1, "string"],
        boolValue: [2, "bool"],
        intValue: [3, "int64"],
        doubleValue: [4, "double"],
        arrayValue: [5, "ArrayValue"],
        kvlistValue: [6, "KeyValueList"],
        bytesValue: [7, "bytes"],
      },
      "value",
    ),
    ArrayValue: message({ values: [1, "*AnyValue"] }),
    KeyValueList: message({ values: [1, "*KeyValue"] }),
    ...metricMessages(),
    ...logMessages(),
    PartialSuccess: message({ rejected: [1, "int64"], errorMessage: [2, "string"] }),
    ExportServiceResponse: message({ partialSuccess: [1, "PartialSuccess"] }),
    Any: message({ typeUrl: [1, "string"], value: [2, "bytes"] }),
    RpcStatus: message({ code: [1, "int32"], message: [2, "string"], details: [3, "*Any"] }),
    RetryInfo: message({ retryDelay: [1, "Duration"] }),
    Duration: message({ seconds: [1, "int64"], nanos: [2, "int32"] }),
  },
});

/** Bytes of a message given as a plain object (64-bit integers as decimal text, bytes as base64 or bytes). */
export function encode(name: string, value: object): Uint8Array {
  const type = root.lookupType(name);
  return type.encode(type.fromObject(value as Record<string, unknown>)).finish();
}

/** A message's bytes as the protobuf JSON mapping: 64-bit integers as text, bytes as base64. */
export function decode(name: string, bytes: Uint8Array): Record<string, unknown> {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: String, bytes: String, oneofs: false });
}

/** Bytes of an OTLP request in JSON form, whose ids are hexadecimal. */
export function encodeRequest(document: object, request = "ExportTraceServiceRequest"): Uint8Array {
  return encode(request, JSON.parse(JSON.stringify(document), idToBytes) as object);
}

function idToBytes(key: string, value: unknown): unknown {
  const isId = key === "traceId" || key === "spanId" || key === "parentSpanId";
  return isId && typeof value === "string" ? Buffer.from(value, "hex") : value;
}

/** A request's bytes as OTLP JSON, decoded by protobufjs: ids in hexadecimal. */
export function decodeRequest(bytes: Uint8Array, request = "ExportTraceServiceRequest"): Record<string, unknown> {
  return JSON.parse(JSON.stringify(decode(request, bytes), nameNumbers), idToHex) as Record<string, unknown>;
}

/** JSON has no numbers for these; the protobuf mapping has names. */
function nameNumbers(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

function idToHex(key: string, value: unknown): unknown {
  const isId = key === "traceId" || key === "spanId" || key === "parentSpanId";
  return isId && typeof value === "string" ? Buffer.from(value, "base64").toString("hex") : value;
}
