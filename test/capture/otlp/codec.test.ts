import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeOtlp, isOtlp } from "../../../src/capture/otlp/decode.ts";
import { encodeOtlp } from "../../../src/capture/otlp/encode.ts";
import { Span } from "../../../src/model/span.ts";
import { anySpan, plainSpan } from "../fixtures/spans.ts";

type Raw = Record<string, unknown>;
const RAW: Raw = {
  traceId: plainSpan.traceId,
  spanId: plainSpan.spanId,
  name: "a",
  startTimeUnixNano: "10",
  endTimeUnixNano: "30",
};
const document = (...spans: unknown[]) => ({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
const one = (change: Raw) => decodeOtlp(document({ ...RAW, ...change }));
const reasonOf = (change: Raw) => one(change).rejected.map(({ reason }) => reason);

describe("OTLP JSON", () => {
  test("decode(encode(spans)) is the spans, through JSON text", () => {
    fc.assert(
      fc.property(fc.array(anySpan, { maxLength: 6 }), (spans) => {
        const text = JSON.stringify(encodeOtlp(spans));
        expect(decodeOtlp(JSON.parse(text))).toEqual({ spans, rejected: [] });
      }),
    );
  });

  test("the encoded form is the one of the specification", () => {
    expect(encodeOtlp([plainSpan]).resourceSpans).toEqual([
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "notes" } }] },
        scopeSpans: [
          {
            scope: { name: "lib", version: "1" },
            spans: [
              {
                traceId: "0af7651916cd43dd8448eb211c80319c",
                spanId: "b7ad6b7169203331",
                name: "tools/call search",
                kind: 2,
                startTimeUnixNano: "1700000000000000001",
                endTimeUnixNano: "1700000000002500001",
                attributes: [
                  { key: "gen_ai.tool.name", value: { stringValue: "search" } },
                  { key: "hits", value: { intValue: "3" } },
                  { key: "ratio", value: { doubleValue: 0.5 } },
                ],
                events: [],
                links: [],
                status: { code: 0 },
              },
            ],
          },
        ],
      },
    ]);
  });

  test("spans of one resource share a group", () => {
    const other = { ...plainSpan, service: "b", resource: { "service.name": "b" } };
    expect(encodeOtlp([plainSpan, plainSpan, other]).resourceSpans).toHaveLength(2);
  });

  test("neighbours share a group by what resource and scope say, be they one object or equal ones", () => {
    const equal = { ...plainSpan, resource: { ...plainSpan.resource }, scope: { ...plainSpan.scope } };
    const scope = { ...plainSpan.scope, attributes: { short: true } };
    const scoped = { ...plainSpan, scope };
    const moved = { ...scoped, service: "b", resource: { "service.name": "b" } };
    const groups = encodeOtlp([plainSpan, equal, scoped, { ...equal, scope: { ...scope } }, moved, plainSpan]);
    expect(groups.resourceSpans.map(({ scopeSpans }) => scopeSpans[0]?.spans.length)).toEqual([2, 2, 1, 1]);
    expect(decodeOtlp(groups).spans).toEqual([plainSpan, equal, scoped, scoped, moved, plainSpan]);
  });

  test("values of every kind", () => {
    const attributes = [
      { key: "big", value: { intValue: "9223372036854775807" } },
      { key: "int", value: { intValue: 5 } },
      { key: "text-int", value: { intValue: "-5" } },
      { key: "nan", value: { doubleValue: "NaN" } },
      { key: "double", value: { doubleValue: "1.5" } },
      { key: "bytes", value: { bytesValue: "AQI=" } },
      { key: "list", value: { arrayValue: { values: [{ boolValue: false }, {}] } } },
      { key: "map", value: { kvlistValue: { values: [{ key: "__proto__", value: { stringValue: "x" } }] } } },
      { key: "empty", value: { arrayValue: {} } },
    ];
    const { spans, rejected } = one({ attributes });
    expect(rejected).toEqual([]);
    expect(Object.entries(spans[0]?.attributes ?? {}).filter(([key]) => key !== "map")).toEqual([
      ["big", "9223372036854775807"],
      ["int", 5],
      ["text-int", -5],
      ["nan", "NaN"],
      ["double", 1.5],
      ["bytes", "AQI="],
      ["list", [false, null]],
      ["empty", []],
    ]);
    expect(JSON.stringify(spans[0]?.attributes["map"])).toBe('{"__proto__":"x"}');
  });

  test("what known writers write differently: enum names, base64 ids, numbers for times, upper-case ids", () => {
    const { spans } = one({
      traceId: "CvdlGRbNQ92ESOshHIAxnA==",
      spanId: "t61rcWkgMzE=",
      parentSpanId: "",
      kind: "SPAN_KIND_CLIENT",
      status: { code: "STATUS_CODE_ERROR", message: "broke" },
      startTimeUnixNano: 10,
    });
    expect(spans[0]).toMatchObject({
      traceId: plainSpan.traceId,
      spanId: plainSpan.spanId,
      kind: "client",
      status: "error",
      statusMessage: "broke",
      durationNs: 20,
      service: "unknown_service",
    });
    expect(spans[0]).not.toHaveProperty("parentSpanId");
    expect(one({ traceId: plainSpan.traceId.toUpperCase() }).spans[0]?.traceId).toBe(plainSpan.traceId);
  });

  test("Tempo's shapes: batches, trace.resourceSpans, instrumentationLibrarySpans", () => {
    const group = { instrumentationLibrarySpans: [{ instrumentationLibrary: { name: "old" }, spans: [RAW] }] };
    expect(decodeOtlp({ batches: [group] }).spans[0]?.scope).toEqual({ name: "old" });
    expect(decodeOtlp({ trace: document(RAW) }).spans).toHaveLength(1);
    expect(isOtlp({ trace: { resourceSpans: [] } })).toBe(true);
    expect([{ resourceSpans: 1 }, [], null, "x", { data: [] }].map(isOtlp)).toEqual(Array(5).fill(false));
  });

  test.each<[string, Raw]>([
    ["trace id is malformed", { traceId: "xyz" }],
    ["trace id is missing", { traceId: 7 }],
    ["span id is missing", { spanId: "" }],
    ["trace id is all zero", { traceId: "0".repeat(32) }],
    ["span id is all zero", { spanId: "0".repeat(16) }],
    ["parent span id is malformed", { parentSpanId: "zz" }],
    ["start time is missing", { startTimeUnixNano: "0" }],
    ["start time is malformed", { startTimeUnixNano: "yesterday" }],
    ["start time is out of range", { startTimeUnixNano: "18446744073709551615" }],
    ["end time is missing", { endTimeUnixNano: undefined }],
    ["end is before start", { endTimeUnixNano: "9" }],
    ["duration exceeds 104 days", { endTimeUnixNano: "9223372036854775806" }],
    // The store has no room for the largest int64.
    ["end time is out of range", { endTimeUnixNano: "9223372036854775807" }],
    ["span kind is unknown", { kind: 9 }],
    ["span kind is unknown", { kind: "SPAN_KIND_FUNNY" }],
    ["status code is unknown", { status: { code: 3 } }],
    ["attribute without a key", { attributes: [{ value: {} }] }],
    ["a repeated field is no array", { attributes: {} }],
    ["attribute value of an unknown kind", { attributes: [{ key: "a", value: { dateValue: 1 } }] }],
    ["integer attribute is no integer", { attributes: [{ key: "a", value: { intValue: "1.5" } }] }],
    ["double attribute is no number", { attributes: [{ key: "a", value: { doubleValue: "x" } }] }],
    ["an event is no object", { events: [1] }],
    ["link's span id is missing", { links: [{ traceId: plainSpan.traceId }] }],
  ])("%s: rejected, its neighbours kept", (reason, change) => {
    const { spans, rejected } = decodeOtlp(document(RAW, { ...RAW, ...change }, RAW, { ...RAW, ...change }));
    expect(spans).toHaveLength(2);
    expect(rejected).toEqual([{ reason, count: 2 }]);
  });

  test("a group or span that is no object is counted, the rest is kept", () => {
    const { spans, rejected } = decodeOtlp({ resourceSpans: [null, ...document(RAW, "x").resourceSpans] });
    expect(spans).toHaveLength(1);
    expect(rejected).toEqual([
      { reason: "a resourceSpans entry is no object", count: 1 },
      { reason: "a span is no object", count: 1 },
    ]);
  });

  test("a resource that cannot be read costs every span below it", () => {
    const [group] = document(RAW, RAW).resourceSpans;
    const bad = { ...group, resource: { attributes: {} } };
    expect(decodeOtlp({ resourceSpans: [bad, group] })).toMatchObject({
      spans: [{}, {}],
      rejected: [{ reason: "a repeated field is no array", count: 2 }],
    });
  });

  test("nesting that would exhaust the stack is rejected", () => {
    let value: unknown = {};
    for (let depth = 0; depth < 50_000; depth += 1) value = { arrayValue: { values: [value] } };
    expect(reasonOf({ attributes: [{ key: "deep", value }] })).toEqual(["attribute value nested too deeply"]);
  });

  test("any JSON at any place never throws, and what comes out is valid", () => {
    const junk = fc.oneof(fc.jsonValue(), fc.constantFrom("0", "1", [{}], [{ key: "k", value: {} }], { values: [] }));
    const span = fc.record(
      {
        traceId: junk,
        kind: junk,
        startTimeUnixNano: junk,
        endTimeUnixNano: junk,
        attributes: junk,
        events: junk,
        links: junk,
        status: junk,
        parentSpanId: junk,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(span, { maxLength: 3 }), junk, (changes, resource) => {
        const spans = changes.map((change) => ({ ...RAW, ...change }));
        const { spans: decoded, rejected } = decodeOtlp({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
        for (const item of decoded) expect(Span.safeParse(item).success).toBe(true);
        const count = rejected.reduce((sum, item) => sum + item.count, 0);
        expect(decoded.length + count).toBe(decoded.length === 0 && count === 1 ? 1 : spans.length);
        expect(decodeOtlp(resource).spans).toEqual([]);
      }),
    );
  });
});
