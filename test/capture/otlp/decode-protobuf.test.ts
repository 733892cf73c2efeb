import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeOtlpProtobuf } from "../../../src/capture/otlp/decode-protobuf.ts";
import { decodeOtlp } from "../../../src/capture/otlp/decode.ts";
import { encodeOtlp } from "../../../src/capture/otlp/encode.ts";
import { OTLP_LIMITS } from "../../../src/capture/otlp/limits.ts";
import type { Rejected } from "../../../src/capture/otlp/rejection.ts";
import { anySpan, plainSpan } from "../fixtures/spans.ts";
import { decodeRequest, encode, encodeRequest } from "./descriptors.ts";
import * as wire from "./wire-writer.ts";

const one = (...fields: readonly Uint8Array[]) =>
  decodeOtlpProtobuf(wire.requestOf([[...wire.spanFields(), ...fields]]));
const reasons = (...fields: readonly Uint8Array[]) => one(...fields).rejected.map(({ reason }) => reason);
const valueOf = (...value: readonly Uint8Array[]) =>
  one(wire.bytesField(9, wire.keyValue("k", ...value))).spans[0]?.attributes["k"];
/** Bytes that are no UTF-8, and one of them inside a longer text. */
const NO_UTF8 = [Buffer.from([0xff]), Buffer.from([0x61, 0xc3, 0x28]), Buffer.from([0xed, 0xa0, 0x80])];

describe("against protobufjs", () => {
  test("what protobufjs encodes from spans decodes to the spans", () => {
    fc.assert(
      fc.property(fc.array(anySpan, { maxLength: 6 }), (spans) => {
        expect(decodeOtlpProtobuf(encodeRequest(encodeOtlp(spans)))).toEqual({ spans, rejected: [] });
      }),
      { numRuns: 500 },
    );
  });

  test("any request decodes as the JSON decoder decodes what protobufjs makes of it", () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        const bytes = encode("ExportTraceServiceRequest", request);
        const decoded = decodeOtlpProtobuf(bytes);
        const expected = decodeOtlp(decodeRequest(bytes));
        expect(decoded.spans).toEqual(expected.spans);
        // A span with two faults is rejected for the one that is met first, which may be either.
        expect(total(decoded.rejected)).toBe(total(expected.rejected));
      }),
      { numRuns: 2_000 },
    );
  });
});

const total = (rejected: readonly Rejected[]): number => rejected.reduce((sum, { count }) => sum + count, 0);

const int64 = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, 2n ** 53n, 2n ** 53n - 1n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);
const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((list) => Buffer.from(list));
const id = (length: number) =>
  fc.oneof(
    { weight: 8, arbitrary: fc.uint8Array({ minLength: length, maxLength: length }).map((list) => Buffer.from(list)) },
    { weight: 1, arbitrary: bytes(20) },
  );
const { anyValue } = fc.letrec<{ anyValue: object; keyValue: object }>((tie) => ({
  anyValue: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.record({ stringValue: fc.string({ unit: "grapheme" }) }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: int64.map(String) }),
    fc.record({ doubleValue: fc.double() }),
    fc.record({ bytesValue: bytes(5) }),
    fc.constant({}),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie("anyValue"), { maxLength: 3 }) }) }),
    fc.record({ kvlistValue: fc.record({ values: fc.array(tie("keyValue"), { maxLength: 3 }) }) }),
  ),
  keyValue: fc.record({ key: fc.oneof(fc.string(), fc.constant("__proto__")), value: tie("anyValue") }),
}));
const attributes = fc.array(
  fc.record({ key: fc.oneof(fc.string(), fc.constantFrom("__proto__", "service.name", "é")), value: anyValue }),
  { maxLength: 4 },
);
const time = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: 1n, max: 2n ** 53n }).map(String) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String) },
);
const span = fc.record(
  {
    traceId: id(16),
    spanId: id(8),
    startTimeUnixNano: time,
    endTimeUnixNano: time,
    parentSpanId: fc.oneof(id(8), fc.constant(Buffer.alloc(8))),
    traceState: fc.string(),
    name: fc.string({ unit: "grapheme" }),
    kind: fc.oneof(fc.nat(6), fc.integer()),
    attributes,
    events: fc.array(fc.record({ timeUnixNano: time, name: fc.string(), attributes }), { maxLength: 2 }),
    links: fc.array(fc.record({ traceId: id(16), spanId: id(8), attributes }), { maxLength: 2 }),
    status: fc.record({ code: fc.oneof(fc.nat(3), fc.integer()), message: fc.string() }),
    flags: fc.nat(),
  },
  { requiredKeys: ["traceId", "spanId", "startTimeUnixNano", "endTimeUnixNano"] },
);
const scopeSpans = fc.record(
  {
    scope: fc.record({ name: fc.string(), version: fc.string(), attributes }),
    spans: fc.array(span, { maxLength: 3 }),
  },
  { requiredKeys: ["spans"] },
);
const anyRequest = fc.record({
  resourceSpans: fc.array(
    fc.record(
      { resource: fc.record({ attributes }), scopeSpans: fc.array(scopeSpans, { maxLength: 2 }) },
      { requiredKeys: ["scopeSpans"] },
    ),
    { maxLength: 2 },
  ),
});

describe("exactness", () => {
  test("64-bit times keep every nanosecond", () => {
    const startNs = 2n ** 62n + 1n;
    const request = wire.requestOf([
      [...wire.spanFields().slice(0, 2), wire.fixed64Field(7, startNs), wire.fixed64Field(8, startNs + 1n)],
    ]);
    expect(decodeOtlpProtobuf(request).spans[0]).toMatchObject({ startNs, durationNs: 1 });
  });

  test.each<[bigint, number | string]>([
    [0n, 0],
    [1n, 1],
    [2n ** 42n - 1n, 2 ** 42 - 1],
    [2n ** 42n, 2 ** 42],
    [2n ** 53n - 1n, 2 ** 53 - 1],
    [2n ** 53n, "9007199254740992"],
    [2n ** 63n - 1n, "9223372036854775807"],
    [2n ** 64n - 1n, -1],
    [2n ** 64n - 2n ** 53n + 1n, -(2 ** 53 - 1)],
    [2n ** 63n, "-9223372036854775808"],
  ])("int64 of the varint %d is %p", (varint, value) => {
    expect(valueOf(wire.varintField(3, varint))).toBe(value);
  });

  test("doubles that JSON cannot hold become their names", () => {
    const double = (value: number) => {
      const bits = Buffer.alloc(8);
      bits.writeDoubleLE(value);
      return valueOf(wire.fixed64Field(4, bits.readBigUInt64LE()));
    };
    expect([Number.NaN, Infinity, -Infinity, 0.1].map(double)).toEqual(["NaN", "Infinity", "-Infinity", 0.1]);
  });

  test("a bool is any varint but zero; of several members of the oneof the last holds", () => {
    expect(valueOf(wire.varintField(2, 2n ** 40n))).toBe(true);
    expect(valueOf(wire.varintField(2, 0))).toBe(false);
    expect(valueOf(wire.textField(1, "first"), wire.varintField(3, 7))).toBe(7);
    expect(valueOf()).toBeNull();
  });

  test("a name is never taken for another one", () => {
    // The bytes of é, read one by one, spell Ã©; the first two names share a slot of the names that are remembered.
    const names = ["abcd~ Ã©z", "abcd~ éz", "Ã©", "é", "ab", "aa", "ab", "", "Ã©", "service.name", "service.nane"];
    const spans = names.map((name) => [...wire.spanFields(), wire.textField(5, name)]);
    expect(decodeOtlpProtobuf(wire.requestOf(spans)).spans.map(({ name }) => name)).toEqual(names);
  });
});

describe("tolerance", () => {
  test("unknown fields and groups are passed over in every message", () => {
    const attribute = Buffer.concat([wire.keyValue("k", wire.UNKNOWN, wire.varintField(3, 1)), wire.UNKNOWN]);
    const list = wire.bytesField(5, Buffer.concat([wire.UNKNOWN, wire.bytesField(1, wire.varintField(3, 1))]));
    const map = wire.bytesField(6, Buffer.concat([wire.UNKNOWN, wire.bytesField(1, attribute)]));
    const event = [wire.UNKNOWN, wire.fixed64Field(1, 5n), wire.textField(2, "e"), wire.bytesField(3, attribute)];
    const link = [wire.UNKNOWN, ...wire.spanFields().slice(0, 2), wire.bytesField(4, attribute)];
    const fields = [
      wire.UNKNOWN,
      ...wire.spanFields(),
      wire.bytesField(9, attribute),
      wire.bytesField(9, wire.keyValue("list", list)),
      wire.bytesField(9, wire.keyValue("map", map)),
      wire.bytesField(11, Buffer.concat(event)),
      wire.bytesField(13, Buffer.concat(link)),
      wire.bytesField(15, Buffer.concat([wire.UNKNOWN, wire.varintField(3, 2), wire.textField(2, "broke")])),
    ];
    const resource = [wire.UNKNOWN, wire.bytesField(1, wire.keyValue("service.name", wire.textField(1, "s")))];
    const scope = [wire.UNKNOWN, wire.textField(1, "lib"), wire.textField(2, "1"), wire.bytesField(3, attribute)];
    const { spans, rejected } = decodeOtlpProtobuf(
      Buffer.concat([wire.UNKNOWN, wire.requestOf([fields], { resource, scope }), wire.UNKNOWN]),
    );
    expect(rejected).toEqual([]);
    const { traceId, spanId } = plainSpan;
    expect(spans).toEqual([
      {
        traceId,
        spanId,
        kind: "internal",
        name: "",
        service: "s",
        startNs: 10n,
        durationNs: 20,
        status: "error",
        statusMessage: "broke",
        attributes: { k: 1, list: [1], map: { k: 1 } },
        events: [{ name: "e", timeNs: 5n, attributes: { k: 1 } }],
        links: [{ traceId, spanId, attributes: { k: 1 } }],
        resource: { "service.name": "s" },
        scope: { name: "lib", version: "1", attributes: { k: 1 } },
      },
    ]);
  });

  test("a known field of another wire type counts as unknown", () => {
    const odd = [wire.varintField(5, 3), wire.fixed32Field(9), wire.textField(6, "x"), wire.varintField(11, 1)];
    expect(one(...odd)).toMatchObject({ spans: [{ name: "", kind: "internal", events: [] }], rejected: [] });
  });

  test("a resource and a scope that come behind their spans hold for them; parts of a resource are merged", () => {
    const spans = wire.bytesField(2, Buffer.concat(wire.spanFields()));
    const scoped = Buffer.concat([spans, wire.bytesField(1, wire.textField(1, "late"))]);
    const part = (key: string) => wire.bytesField(1, wire.bytesField(1, wire.keyValue(key, wire.textField(1, "v"))));
    const body = wire.bytesField(1, Buffer.concat([wire.bytesField(2, scoped), part("service.name"), part("b")]));
    expect(decodeOtlpProtobuf(body).spans).toMatchObject([
      { service: "v", resource: { "service.name": "v", b: "v" }, scope: { name: "late" } },
    ]);
  });

  test("the last of equal keys wins, and no key reaches the prototype", () => {
    const attribute = (key: string, value: string) => wire.bytesField(9, wire.keyValue(key, wire.textField(1, value)));
    const [span] = one(attribute("a", "1"), attribute("__proto__", "x"), attribute("a", "2")).spans;
    expect(Object.entries(span?.attributes ?? {})).toEqual([
      ["a", "2"],
      ["__proto__", "x"],
    ]);
  });

  test("nothing at all is an empty request", () => {
    expect(decodeOtlpProtobuf(new Uint8Array())).toEqual({ spans: [], rejected: [] });
    expect(decodeOtlpProtobuf(wire.bytesField(1, new Uint8Array()))).toEqual({ spans: [], rejected: [] });
  });
});

describe("a bad span is rejected and costs no neighbour", () => {
  const [traceId, spanId, start, end] = wire.spanFields() as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const badValue = (...value: readonly Uint8Array[]) => [
    ...wire.spanFields(),
    wire.bytesField(9, wire.keyValue("k", ...value)),
  ];
  test.each<[string, readonly Uint8Array[]]>([
    ["trace id is missing", [spanId, start, end]],
    ["trace id is malformed", [wire.bytesField(1, Buffer.alloc(15, 1)), spanId, start, end]],
    ["trace id is all zero", [wire.bytesField(1, Buffer.alloc(16)), spanId, start, end]],
    ["span id is missing", [traceId, start, end]],
    ["span id is malformed", [traceId, wire.bytesField(2, Buffer.alloc(16, 1)), start, end]],
    ["parent span id is malformed", [...wire.spanFields(), wire.bytesField(4, Buffer.alloc(3, 1))]],
    ["start time is missing", [traceId, spanId, end]],
    ["end time is missing", [traceId, spanId, start]],
    ["end is before start", [...wire.spanFields(), wire.fixed64Field(8, 9n)]],
    ["end time is out of range", [...wire.spanFields(), wire.fixed64Field(8, 2n ** 63n - 1n)]],
    ["duration exceeds 104 days", [...wire.spanFields(), wire.fixed64Field(8, 2n ** 60n)]],
    ["span kind is unknown", [...wire.spanFields(), wire.varintField(6, 9)]],
    ["status code is unknown", [...wire.spanFields(), wire.bytesField(15, wire.varintField(3, 3))]],
    ["status code is unknown", [...wire.spanFields(), wire.bytesField(15, wire.varintField(3, 2n ** 64n - 1n))]],
    ["event time is missing", [...wire.spanFields(), wire.bytesField(11, wire.textField(2, "e"))]],
    ["link's trace id is missing", [...wire.spanFields(), wire.bytesField(13, new Uint8Array())]],
    ["a text is not UTF-8", [...wire.spanFields(), wire.bytesField(5, Buffer.from([0x80]))]],
    ["protobuf ends within a field", [...wire.spanFields(), Buffer.from([0x2a, 5, 1])]],
    ["protobuf ends within a field", badValue(Buffer.from([0x21, 1, 2]))],
    ["protobuf varint is longer than 10 bytes", badValue(Buffer.from([0x18, ...Array<number>(11).fill(0x80), 1]))],
    ["protobuf field has the number 0", badValue(Buffer.from([0x02, 0]))],
    ["protobuf field has an unknown wire type", badValue(Buffer.from([0x0e]))],
    ["protobuf group is closed that was not open", badValue(Buffer.from([0x0c]))],
    ["protobuf group is closed that was not open", badValue(Buffer.from([0x0b, 0x14]))],
    ["protobuf ends within a field", badValue(Buffer.from([0x0b]))],
  ])("%s", (reason, bad) => {
    const { spans, rejected } = decodeOtlpProtobuf(wire.requestOf([wire.spanFields(), bad, bad, wire.spanFields()]));
    expect(spans).toHaveLength(2);
    expect(rejected).toEqual([{ reason, count: 2 }]);
  });

  test.each(NO_UTF8)("text that is no UTF-8 (%p) is refused wherever it stands", (bad) => {
    const key = Buffer.concat([wire.bytesField(1, bad), wire.bytesField(2, wire.varintField(3, 1))]);
    const value = wire.keyValue("k", wire.bytesField(1, bad));
    const refused = [reasons(wire.bytesField(9, key)), reasons(wire.bytesField(9, value))];
    expect(refused).toEqual([["a text is not UTF-8"], ["a text is not UTF-8"]]);
    expect(valueOf(wire.textField(1, "\ufffd in earnest"))).toBe("\ufffd in earnest");
  });

  test("a resource or scope that cannot be read costs all spans below it, and only those", () => {
    const two = [wire.spanFields(), wire.spanFields()];
    const bad = [wire.bytesField(1, Buffer.from([0x0a, 0x01, 0xff]))];
    const body = Buffer.concat([
      wire.requestOf(two, { resource: bad }),
      wire.requestOf(two, { scope: [wire.bytesField(1, Buffer.from([0xff]))] }),
      wire.requestOf(two),
    ]);
    const { spans, rejected } = decodeOtlpProtobuf(body);
    expect(spans).toHaveLength(2);
    expect(rejected).toEqual([{ reason: "a text is not UTF-8", count: 4 }]);
  });
});

describe("limits", () => {
  const nested = (levels: number): Uint8Array => {
    let value: Uint8Array = wire.varintField(3, 1);
    for (let level = 0; level < levels; level += 1) value = wire.bytesField(5, wire.bytesField(1, value));
    return wire.bytesField(9, wire.keyValue("k", value));
  };

  test("values nest to the limit and no deeper; groups likewise", () => {
    expect(reasons(nested(OTLP_LIMITS.depth))).toEqual([]);
    expect(reasons(nested(OTLP_LIMITS.depth + 1))).toEqual(["attribute value nested too deeply"]);
    expect(reasons(nested(20_000))).toEqual(["attribute value nested too deeply"]);
    expect(reasons(Buffer.alloc(100_000, 0x0b))).toEqual(["protobuf groups are nested too deeply"]);
  });

  test.each<[string, (count: number) => Uint8Array]>([
    ["attributes", (n) => repeated(n, wire.bytesField(9, wire.textField(1, "k")))],
    ["events", (n) => repeated(n, wire.bytesField(11, wire.fixed64Field(1, 1n)))],
    ["links", (n) => repeated(n, wire.bytesField(13, Buffer.concat(wire.spanFields().slice(0, 2))))],
    ["values in an array", (n) => valueField(wire.bytesField(5, repeated(n, wire.bytesField(1, new Uint8Array()))))],
    ["values in a map", (n) => valueField(wire.bytesField(6, repeated(n, wire.bytesField(1, new Uint8Array()))))],
    ["attributes", (n) => wire.bytesField(11, Buffer.concat([wire.fixed64Field(1, 1n), attributesOf(3, n)]))],
    ["attributes", (n) => wire.bytesField(13, Buffer.concat([...wire.spanFields().slice(0, 2), attributesOf(4, n)]))],
  ])("as many %s as the limit says", (what, make) => {
    expect(reasons(make(OTLP_LIMITS.items))).toEqual([]);
    expect(reasons(make(OTLP_LIMITS.items + 1))).toEqual([`more than ${OTLP_LIMITS.items} ${what}`]);
  });

  test("texts and byte strings as long as the limit says", () => {
    const text = (length: number) => valueField(wire.bytesField(1, Buffer.alloc(length, 0x61)));
    expect(reasons(text(OTLP_LIMITS.textBytes))).toEqual([]);
    expect(reasons(text(OTLP_LIMITS.textBytes + 1))).toEqual([`a text is longer than ${OTLP_LIMITS.textBytes} bytes`]);
    const bytes = valueField(wire.bytesField(7, Buffer.alloc(OTLP_LIMITS.textBytes + 1)));
    expect(reasons(bytes)).toEqual([`a byte string is longer than ${OTLP_LIMITS.textBytes} bytes`]);
  });

  test("the JSON decoder has the same limits", () => {
    const json = (change: object) => {
      const base = encodeOtlp([plainSpan]).resourceSpans[0]?.scopeSpans[0]?.spans[0];
      return decodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans: [{ ...base, ...change }] }] }] }).rejected;
    };
    const items = Array.from({ length: OTLP_LIMITS.items + 1 }, () => ({ key: "k" }));
    const tooMany = (what: string) => [{ reason: `more than ${OTLP_LIMITS.items} ${what}`, count: 1 }];
    expect(json({ attributes: items })).toEqual(tooMany("attributes"));
    expect(json({ events: items })).toEqual(tooMany("events"));
    expect(json({ links: items })).toEqual(tooMany("links"));
    expect(json({ attributes: [{ key: "k", value: { arrayValue: { values: items } } }] })).toEqual(
      tooMany("values in an array"),
    );
    // Three bytes each in UTF-8.
    expect(json({ name: "€".repeat(OTLP_LIMITS.textBytes / 3 + 1) })).toEqual([
      { reason: `a text is longer than ${OTLP_LIMITS.textBytes} bytes`, count: 1 },
    ]);
    expect(json({ name: "€".repeat(Math.floor(OTLP_LIMITS.textBytes / 3)) })).toEqual([]);
  });

  test.each([
    ["spans", 1, (n: number) => wire.requestOf(Array.from({ length: n }, () => []))],
    ["groups", 0, (n: number) => repeated(n, wire.bytesField(1, new Uint8Array()))],
  ])("more %s in one request than the limit end it", (_, extra, make) => {
    const code = "input_unreadable";
    expect(() => decodeOtlpProtobuf(make(OTLP_LIMITS.parts + 1 - extra))).toThrow(expect.objectContaining({ code }));
    expect(() => decodeOtlpProtobuf(make(OTLP_LIMITS.parts - 2))).not.toThrow();
  });
});

const repeated = (count: number, bytes: Uint8Array): Uint8Array =>
  Buffer.concat(Array.from({ length: count }, () => bytes));
const attributesOf = (field: number, count: number) => repeated(count, wire.bytesField(field, wire.textField(1, "k")));
const valueField = (value: Uint8Array): Uint8Array => wire.bytesField(9, wire.keyValue("k", value));
