import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeZipkin, isZipkin } from "../../src/backends/zipkin-json.ts";
import { Span } from "../../src/model/span.ts";

type Raw = Record<string, unknown>;
const RAW: Raw = {
  traceId: "48eb211c80319c01",
  id: "7ad6b7169203331",
  parentId: "11",
  kind: "CLIENT",
  name: "get /search",
  timestamp: 1_700_000_000_000_001,
  duration: 1_500,
  localEndpoint: { serviceName: "web", ipv4: "10.0.0.1", port: 80 },
  remoteEndpoint: { serviceName: "db", ipv6: "::1", port: 5432 },
  annotations: [{ timestamp: 1_700_000_000_000_002, value: "retry" }],
  tags: { "http.path": "/search", "otel.scope.name": "http", "otel.scope.version": "2" },
};
const one = (change: Raw) => decodeZipkin([{ ...RAW, ...change }]);

describe("decodeZipkin", () => {
  test("reads ids, times, kind, endpoints, annotations and scope", () => {
    expect(decodeZipkin([RAW])).toEqual({
      rejected: [],
      spans: [
        {
          traceId: "000000000000000048eb211c80319c01",
          spanId: "07ad6b7169203331",
          parentSpanId: "0000000000000011",
          kind: "client",
          name: "get /search",
          service: "web",
          startNs: 1_700_000_000_000_001_000n,
          durationNs: 1_500_000,
          status: "unset",
          attributes: {
            "http.path": "/search",
            "net.host.ip": "10.0.0.1",
            "net.host.port": 80,
            "peer.service": "db",
            "net.peer.ip": "::1",
            "net.peer.port": 5432,
          },
          events: [{ name: "retry", timeNs: 1_700_000_000_000_002_000n, attributes: {} }],
          links: [],
          resource: { "service.name": "web" },
          scope: { name: "http", version: "2" },
        },
      ],
    });
  });

  test("client and server spans that share an id stay two spans", () => {
    const { spans } = decodeZipkin([RAW, { ...RAW, kind: "SERVER", shared: true }]);
    expect(spans.map((span) => [span.spanId, span.kind])).toEqual([
      ["07ad6b7169203331", "client"],
      ["07ad6b7169203331", "server"],
    ]);
  });

  test.each([
    [{ error: "no disk" }, "error", "no disk"],
    [{ error: "" }, "error", undefined],
    [{ error: "true" }, "error", undefined],
    [{ error: "false" }, "unset", undefined],
    [{ "otel.status_code": "ERROR", "otel.status_description": "x" }, "error", "x"],
    [{ "otel.status_code": "OK" }, "ok", undefined],
    [undefined, "unset", undefined],
  ])("tags %j: status %s, message %s", (tags, status, message) => {
    const [span] = one({ tags }).spans;
    expect([span?.status, span?.statusMessage]).toEqual([status, message]);
  });

  test("a span without kind and endpoint is internal, of an unknown service, and a root", () => {
    const { spans } = one({ kind: undefined, localEndpoint: undefined, parentId: undefined });
    expect(spans[0]).toMatchObject({ kind: "internal", service: "unknown_service", resource: {} });
    expect(spans[0]).not.toHaveProperty("parentSpanId");
  });

  test("a list of traces is read like a list of spans", () => {
    expect(decodeZipkin([[RAW], [RAW, RAW]]).spans).toHaveLength(3);
  });

  test.each<[string, Raw]>([
    ["trace id is missing", { traceId: undefined }],
    ["span id is malformed", { id: "zz" }],
    ["parent span id is malformed", { parentId: "zz" }],
    ["start time is missing", { timestamp: undefined }],
    ["duration is missing", { duration: undefined }],
    ["duration is negative", { duration: -5 }],
    ["tags are no object", { tags: [] }],
    ["tag value is no scalar", { tags: { a: {} } }],
    ["an annotation is no object", { annotations: ["x"] }],
    ["annotation time is missing", { annotations: [{ value: "x" }] }],
  ])("%s: rejected, its neighbours kept", (reason, change) => {
    const { spans, rejected } = decodeZipkin([RAW, { ...RAW, ...change }, RAW]);
    expect(spans).toHaveLength(2);
    expect(rejected).toEqual([{ reason, count: 1 }]);
  });

  test("any JSON never throws, and what comes out is valid", () => {
    const change = fc.dictionary(fc.constantFrom(...Object.keys(RAW)), fc.jsonValue(), { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), fc.jsonValue(), (changes, other) => {
        const { spans, rejected } = decodeZipkin(changes.map((given) => ({ ...RAW, ...given })));
        for (const span of spans) expect(Span.safeParse(span).success).toBe(true);
        expect(spans.length + rejected.reduce((sum, { count }) => sum + count, 0)).toBe(changes.length);
        expect(decodeZipkin(other).spans).toEqual([]);
      }),
    );
  });

  test("tells its own format", () => {
    expect([[], [RAW], [[RAW]]].map(isZipkin)).toEqual([true, true, true]);
    expect([{}, [1], [{ traceID: "1" }], null].map(isZipkin)).toEqual(Array(4).fill(false));
  });
});
