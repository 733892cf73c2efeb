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
export function encodeRequest(document: object): Uint8Array {
  return encode("ExportTraceServiceRequest", JSON.parse(JSON.stringify(document), idToBytes) as object);
}

function idToBytes(key: string, value: unknown): unknown {
  const isId = key === "traceId" || key === "spanId" || key === "parentSpanId";
  return isId && typeof value === "string" ? Buffer.from(value, "hex") : value;
}

/** A request's bytes as OTLP JSON, decoded by protobufjs: ids in hexadecimal. */
export function decodeRequest(bytes: Uint8Array): Record<string, unknown> {
  return JSON.parse(JSON.stringify(decode("ExportTraceServiceRequest", bytes)), idToHex) as Record<string, unknown>;
}

function idToHex(key: string, value: unknown): unknown {
  const isId = key === "traceId" || key === "spanId" || key === "parentSpanId";
  return isId && typeof value === "string" ? Buffer.from(value, "base64").toString("hex") : value;
}
