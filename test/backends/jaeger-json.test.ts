import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeJaeger, isJaeger } from "../../src/backends/jaeger-json.ts";
import { Span } from "../../src/model/span.ts";

type Raw = Record<string, unknown>;
const RAW: Raw = {
  traceID: "af7651916cd43dd8448eb211c80319c",
  spanID: "7ad6b7169203331",
  operationName: "GET /search",
  references: [{ refType: "CHILD_OF", traceID: "af7651916cd43dd8448eb211c80319c", spanID: "11" }],
  startTime: 1_700_000_000_000_001,
  duration: 1_500,
  processID: "p1",
  tags: [
    { key: "span.kind", type: "string", value: "server" },
    { key: "http.status_code", type: "int64", value: 200 },
    { key: "otel.scope.name", type: "string", value: "http" },
  ],
};
const processes = {
  p1: { serviceName: "web", tags: [{ key: "host.name", type: "string", value: "h1" }] },
};
const decode = (...spans: unknown[]) => decodeJaeger({ data: [{ traceID: "1", spans, processes }] });
const one = (change: Raw) => decode({ ...RAW, ...change });

describe("decodeJaeger", () => {
  test("reads ids, times, kind, resource and scope", () => {
    expect(decode(RAW)).toEqual({
      rejected: [],
      spans: [
        {
          traceId: "0af7651916cd43dd8448eb211c80319c",
          spanId: "07ad6b7169203331",
          parentSpanId: "0000000000000011",
          kind: "server",
          name: "GET /search",
          service: "web",
          startNs: 1_700_000_000_000_001_000n,
          durationNs: 1_500_000,
          status: "unset",
          attributes: { "http.status_code": 200 },
          events: [],
          links: [],
          resource: { "host.name": "h1", "service.name": "web" },
          scope: { name: "http" },
        },
      ],
    });
  });

  test("a 64-bit trace id is padded to the full length", () => {
    expect(one({ traceID: "1f", references: [] }).spans[0]?.traceId).toBe(`${"0".repeat(30)}1f`);
  });

  test.each([
    [[{ key: "error", type: "bool", value: true }], "error"],
    [[{ key: "error", type: "string", value: "true" }], "error"],
    [[{ key: "error", type: "bool", value: false }], "unset"],
    [[{ key: "otel.status_code", type: "string", value: "OK" }], "ok"],
    [[{ key: "otel.status_code", type: "string", value: "ERROR" }], "error"],
    [[], "unset"],
  ])("tags %j: status %s", (tags, status) => {
    expect(one({ tags }).spans[0]?.status).toBe(status);
  });

  test("the status description is the message, not an attribute", () => {
    const tags = [{ key: "otel.status_description", type: "string", value: "no disk" }];
    expect(one({ tags }).spans[0]).toMatchObject({ statusMessage: "no disk", attributes: {} });
  });

  test("references beside the parent are links; FOLLOWS_FROM is the parent when there is no CHILD_OF", () => {
    const ref = (refType: string, spanID: string, traceID = RAW["traceID"]) => ({ refType, traceID, spanID });
    const { spans } = one({ references: [ref("FOLLOWS_FROM", "1"), ref("CHILD_OF", "2"), ref("CHILD_OF", "3", "9")] });
    expect(spans[0]).toMatchObject({
      parentSpanId: "0000000000000002",
      links: [{ spanId: "0000000000000001" }, { spanId: "0000000000000003", traceId: `${"0".repeat(31)}9` }],
    });
    expect(one({ references: [ref("FOLLOWS_FROM", "1")] }).spans[0]).toMatchObject({
      parentSpanId: "0000000000000001",
      links: [],
    });
    expect(one({ references: [], parentSpanID: "5" }).spans[0]?.parentSpanId).toBe("0000000000000005");
  });

  test("logs become events named by their event or message", () => {
    const log = (...fields: [string, string][]) => ({
      timestamp: 1_700_000_000_000_002,
      fields: fields.map(([key, value]) => ({ key, type: "string", value })),
    });
    const { spans } = one({
      logs: [log(["event", "exception"], ["message", "bad"]), log(["message", "hi"]), log(["a", "b"])],
    });
    expect(spans[0]?.events).toEqual([
      { name: "exception", timeNs: 1_700_000_000_000_002_000n, attributes: { message: "bad" } },
      { name: "hi", timeNs: 1_700_000_000_000_002_000n, attributes: {} },
      { name: "log", timeNs: 1_700_000_000_000_002_000n, attributes: { a: "b" } },
    ]);
  });

  test("tag values of every type", () => {
    const tags = [
      { key: "i", type: "int64", value: "9223372036854775807" },
      { key: "f", type: "float64", value: "1.5" },
      { key: "b", type: "bool", value: "true" },
      { key: "x", type: "binary", value: "AQI=" },
    ];
    expect(one({ tags }).spans[0]?.attributes).toEqual({ i: "9223372036854775807", f: 1.5, b: true, x: "AQI=" });
  });

  test("a process may stand in the span; without one the service is unknown", () => {
    expect(one({ processID: undefined, process: { serviceName: "inline" } }).spans[0]?.service).toBe("inline");
    expect(one({ processID: "p9" }).spans[0]).toMatchObject({ service: "unknown_service", resource: {} });
  });

  test.each<[string, Raw]>([
    ["trace id is malformed", { traceID: "xyz" }],
    ["span id is missing", { spanID: undefined }],
    ["start time is missing", { startTime: undefined }],
    ["start time is malformed", { startTime: 1.5 }],
    ["start time is out of range", { startTime: "9999999999999999" }],
    ["duration is missing", { duration: undefined }],
    ["duration is negative", { duration: -1 }],
    ["duration is malformed", { duration: "soon" }],
    ["reference's span id is missing", { references: [{ traceID: "1" }] }],
    ["tag without a key", { tags: [{}] }],
    ["tag value is no scalar", { tags: [{ key: "a", value: {} }] }],
    ["integer attribute is no integer", { tags: [{ key: "a", type: "int64", value: "x" }] }],
    ["a log is no object", { logs: [1] }],
  ])("%s: rejected, its neighbours kept", (reason, change) => {
    const { spans, rejected } = decode(RAW, { ...RAW, ...change }, RAW);
    expect(spans).toHaveLength(2);
    expect(rejected).toEqual([{ reason, count: 1 }]);
  });

  test("any JSON never throws, and what comes out is valid", () => {
    const junk = fc.oneof(fc.jsonValue(), fc.constantFrom([{}], [{ key: "k", value: 1 }], "1", 1));
    const change = fc.dictionary(fc.constantFrom(...Object.keys(RAW), "logs", "process", "parentSpanID"), junk, {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), junk, (changes, other) => {
        const { spans, rejected } = decode(...changes.map((given) => ({ ...RAW, ...given })));
        for (const span of spans) expect(Span.safeParse(span).success).toBe(true);
        expect(spans.length + rejected.reduce((sum, { count }) => sum + count, 0)).toBe(changes.length);
        expect(decodeJaeger({ data: [other] }).spans).toEqual([]);
      }),
    );
  });

  test("tells its own format", () => {
    expect([{ data: [] }, { data: [{ spans: [] }] }].map(isJaeger)).toEqual([true, true]);
    expect([{ data: 1 }, { data: [1] }, [], null].map(isJaeger)).toEqual(Array(4).fill(false));
  });
});
