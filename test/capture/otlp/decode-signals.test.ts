import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { countJson, countProtobuf } from "../../../src/capture/otlp/count.ts";
import { decodeLogsJson, decodeLogsProtobuf } from "../../../src/capture/otlp/decode-logs.ts";
import { decodeMetricsJson, decodeMetricsProtobuf } from "../../../src/capture/otlp/decode-metrics.ts";
import { pointFault } from "../../../src/model/metric-check.ts";
import { LogRecord } from "../../../src/model/log.ts";
import { MetricPoint } from "../../../src/model/metric.ts";
import { counts, gauge, histogram, pointAt } from "../../store/points.ts";
import { decodeRequest, encodeRequest } from "./descriptors.ts";
import { encodeLogRecords, encodeMetrics } from "./encode-signals.ts";
import { anyPoints, anyRecords } from "./signal-sets.ts";

const METRICS = "ExportMetricsServiceRequest";
const LOGS = "ExportLogsServiceRequest";
const NOW = { nowNs: 1_800_000_000_000_000_000n };

/** A sum's data point that is right, in OTLP JSON. */
const POINT = { timeUnixNano: "10", asDouble: 1 };

type Raw = Record<string, unknown>;

const sums = (point: Raw, sum: Raw = {}): object => ({
  resourceMetrics: [
    {
      scopeMetrics: [
        {
          metrics: [
            { name: "m", sum: { aggregationTemporality: 2, dataPoints: [POINT, { ...POINT, ...point }], ...sum } },
          ],
        },
      ],
    },
  ],
});

const reasonOf = (document: object): readonly string[] =>
  decodeMetricsJson(document).rejected.map(({ reason }) => reason);

describe("OTLP metrics", () => {
  test("encoded and decoded again, in JSON and in protobuf, points are what they were", () => {
    fc.assert(
      fc.property(anyPoints, (points) => {
        const document = encodeMetrics(points);
        expect(decodeMetricsJson(JSON.parse(JSON.stringify(document)))).toEqual({ items: points, rejected: [] });
        const bytes = encodeRequest(document, METRICS);
        expect(decodeMetricsProtobuf(bytes)).toEqual({ items: points, rejected: [] });
        expect([countProtobuf("metrics", bytes), countJson("metrics", document)]).toEqual([
          points.length,
          points.length,
        ]);
      }),
      { numRuns: 300 },
    );
  });

  test("what protobufjs makes of any bytes that it wrote is decoded alike", () => {
    fc.assert(
      fc.property(anyPoints, (points) => {
        const bytes = encodeRequest(encodeMetrics(points), METRICS);
        expect(decodeMetricsJson(decodeRequest(bytes, METRICS))).toEqual(decodeMetricsProtobuf(bytes));
      }),
      { numRuns: 100 },
    );
  });

  test.each<[string, Raw]>([
    ["time is missing", { timeUnixNano: "0" }],
    ["time is out of range", { timeUnixNano: `${2n ** 63n}` }],
    ["timeUnixNano is malformed", { timeUnixNano: "-5" }],
    ["start is after time", { startTimeUnixNano: "11" }],
    ["value is missing", { asDouble: undefined }],
    ["value is not finite", { asDouble: "NaN" }],
    ["value is not finite", { asDouble: "-Infinity" }],
    ["asDouble is no number", { asDouble: "many" }],
    ["asInt is malformed", { asDouble: undefined, asInt: "1.5" }],
    ["more than 16384 attributes", { attributes: Array.from({ length: 16_385 }, () => ({ key: "k" })) }],
    ["trace id is malformed", { exemplars: [{ timeUnixNano: "1", asInt: "1", traceId: "abc" }] }],
    ["a message is no object", { exemplars: [5] }],
  ])("%s: the point is rejected for that, its neighbour is not", (reason, point) => {
    const decoded = decodeMetricsJson(sums(point));
    expect(decoded.items).toHaveLength(1);
    expect(decoded.rejected.map(({ reason: said }) => said.replace("exemplar's ", ""))).toEqual([reason]);
  });

  test.each<[string, object]>([
    ["aggregation temporality is unspecified", sums({}, { aggregationTemporality: 0 })],
    ["aggregation temporality is unspecified", sums({}, { aggregationTemporality: 7 })],
    ["monotonic sum is negative", sums({ asDouble: -1 }, { isMonotonic: true })],
    ["number of buckets does not match the bounds", encodeMetrics([pointAt(histogram(), 1, counts(1, 2))])],
    [
      "bucket counts do not add up to the count",
      encodeMetrics([pointAt(histogram(), 1, { ...counts(1, 2, 3), count: 9 } as MetricPoint["value"])]),
    ],
    ["bucket bounds are not ascending", encodeMetrics([pointAt(histogram({ bounds: [2, 2] }), 1, counts(1, 2, 3))])],
    ["metric without a name", encodeMetrics([pointAt(gauge({ name: "" }), 1, 1)])],
  ])("%s is a reason", (reason, document) => {
    expect(reasonOf(document)).toEqual([reason]);
    expect(decodeMetricsProtobuf(encodeRequest(document, METRICS)).rejected).toEqual(
      decodeMetricsJson(document).rejected,
    );
  });

  test("negative counts, and counts that no number holds, are rejected", () => {
    const of = (count: unknown) => ({
      resourceMetrics: [
        {
          scopeMetrics: [
            {
              metrics: [
                { name: "m", histogram: { aggregationTemporality: 1, dataPoints: [{ timeUnixNano: 1, count }] } },
              ],
            },
          ],
        },
      ],
    });
    expect(["-1", -1, "1.5", `${2n ** 53n}`, "x"].map((count) => reasonOf(of(count)))).toEqual([
      ["count is malformed"],
      ["count is malformed"],
      ["count is malformed"],
      ["count is out of range"],
      ["count is malformed"],
    ]);
    expect(reasonOf(of("3"))).toEqual([]);
  });

  test("enums by name, 64-bit integers as numbers and unknown members are read, as the JSON mapping allows", () => {
    const sum = {
      aggregationTemporality: "AGGREGATION_TEMPORALITY_DELTA",
      isMonotonic: true,
      dataPoints: [{ timeUnixNano: 1_544_712_660_300_000_000, asInt: 7, unknown: 1, attributes: null }],
    };
    const { items } = decodeMetricsJson(sums({}, sum));
    expect(items).toMatchObject([
      { series: { temporality: "delta", monotonic: true, service: "unknown_service" }, value: { value: 7 } },
    ]);
  });

  test("a bad resource costs the points below it, and they are counted", () => {
    const resource = { attributes: [{ key: "k", value: { stringValue: 5, weird: 1 } }] };
    const [good] = (sums({}) as { resourceMetrics: object[] }).resourceMetrics;
    const decoded = decodeMetricsJson({ resourceMetrics: [{ ...good, resource }, good] });
    expect(decoded.items).toHaveLength(2);
    expect(decoded.rejected).toEqual([{ reason: "attribute value of an unknown kind", count: 2 }]);
  });
});

describe("OTLP logs", () => {
  test("encoded and decoded again, in JSON and in protobuf, records are what they were", () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        const document = encodeLogRecords(records);
        expect(decodeLogsJson(JSON.parse(JSON.stringify(document)), NOW)).toEqual({ items: records, rejected: [] });
        const bytes = encodeRequest(document, LOGS);
        expect(decodeLogsProtobuf(bytes, NOW)).toEqual({ items: records, rejected: [] });
        expect(decodeLogsJson(decodeRequest(bytes, LOGS), NOW)).toEqual({ items: records, rejected: [] });
        expect([countProtobuf("logs", bytes), countJson("logs", document)]).toEqual([records.length, records.length]);
      }),
      { numRuns: 300 },
    );
  });

  const record = (fields: Raw) =>
    decodeLogsJson({ resourceLogs: [{ scopeLogs: [{ logRecords: [fields, { timeUnixNano: "1" }] }] }] }, NOW);

  test("a record without a time has the one at which it was observed, by its sender or else here", () => {
    expect(record({ observedTimeUnixNano: "7" }).items[0]).toMatchObject({ timeNs: 7n, observedNs: 7n });
    expect(record({}).items[0]).toMatchObject({ timeNs: NOW.nowNs, observedNs: NOW.nowNs });
    expect(record({ timeUnixNano: "5" }).items[0]).not.toHaveProperty("observedNs");
  });

  test.each<[string, Raw]>([
    ["severity number is out of range", { severityNumber: 25 }],
    ["severity number is out of range", { severityNumber: "SEVERITY_NUMBER_LOUD" }],
    ["time is out of range", { timeUnixNano: `${2n ** 64n - 1n}` }],
    ["observed time is out of range", { timeUnixNano: "1", observedTimeUnixNano: `${2n ** 63n}` }],
    ["trace id is malformed", { traceId: "xyz" }],
    ["severityText is no text", { severityText: 5 }],
    ["attribute value of an unknown kind", { body: { odd: 1 } }],
  ])("%s: the record is rejected for that, its neighbour is not", (reason, fields) => {
    expect(record(fields)).toMatchObject({ items: [{ timeNs: 1n }], rejected: [{ reason, count: 1 }] });
  });

  test("ids that are empty or all zero are none; a severity may have its name", () => {
    const { items } = record({ traceId: "0".repeat(32), spanId: "", severityNumber: "SEVERITY_NUMBER_ERROR2" });
    expect(items[0]).not.toHaveProperty("traceId");
    expect(items[0]).not.toHaveProperty("spanId");
    expect(items[0]?.severity).toBe(18);
  });
});

describe("hostile bytes of metrics and logs", () => {
  const cases = [
    [METRICS, anyPoints.map(encodeMetrics), (bytes: Uint8Array) => decodeMetricsProtobuf(bytes)],
    [LOGS, anyRecords.map(encodeLogRecords), (bytes: Uint8Array) => decodeLogsProtobuf(bytes, NOW)],
  ] as const;

  test.each(cases)("%s: mutated bytes end in items that are valid, or in the one error", (name, documents, decode) => {
    const mutation = fc.tuple(fc.constantFrom("set", "flip", "cut", "double"), fc.nat(), fc.nat(255));
    let survivors = 0;
    fc.assert(
      fc.property(
        documents,
        fc.array(fc.array(mutation, { minLength: 1, maxLength: 3 }), { minLength: 20, maxLength: 20 }),
        (document, all) => {
          const bytes = encodeRequest(document, name);
          fc.pre(bytes.length > 0);
          for (const mutations of all) {
            try {
              const { items } = decode(mutations.reduce(mutate, bytes));
              survivors += 1;
              for (const item of items) expect(isValid(item)).toBe(true);
            } catch (error) {
              expect(error).toMatchObject({ name: "WhetstoneError", code: "input_unreadable" });
            }
          }
        },
      ),
      { numRuns: 500 },
    );
    // Most mutations lie within a point or a record and leave the request one.
    expect(survivors).toBeGreaterThan(1_000);
  });

  test.each(cases)("%s: any bytes and any JSON end in items, or in the one error", (name, _, decode) => {
    const json = name === METRICS ? decodeMetricsJson : (document: unknown) => decodeLogsJson(document, NOW);
    const words = [
      "resourceMetrics",
      "scopeMetrics",
      "metrics",
      "sum",
      "dataPoints",
      "resourceLogs",
      "scopeLogs",
      "logRecords",
    ];
    const document = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 7 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.dictionary(fc.constantFrom(...words, "attributes", "timeUnixNano", "asDouble", "body"), tie("node"), {
          maxKeys: 3,
        }),
        fc.array(tie("node"), { maxLength: 2 }),
      ),
    })).node;
    const only = (work: () => unknown): void => {
      try {
        work();
      } catch (error) {
        expect(error).toMatchObject({ name: "WhetstoneError", code: "input_unreadable" });
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), document, (bytes, one) => {
        only(() => decode(bytes));
        only(() => json(one));
      }),
      { numRuns: 3_000 },
    );
  });
});

const isValid = (item: MetricPoint | LogRecord): boolean =>
  "series" in item
    ? MetricPoint.safeParse(item).success && pointFault(item) === undefined
    : LogRecord.safeParse(item).success;

function mutate(bytes: Uint8Array, [kind, at, amount]: readonly [string, number, number]): Uint8Array {
  if (bytes.length === 0) return bytes;
  const place = at % bytes.length;
  const changed = Uint8Array.from(bytes);
  if (kind === "set") changed[place] = amount;
  else if (kind === "flip") changed[place] = (changed[place] ?? 0) ^ (1 << (amount % 8));
  else if (kind === "cut") return changed.slice(0, place);
  else return Uint8Array.from([...changed.slice(0, place), ...changed.slice(Math.max(0, place - amount))]);
  return changed;
}
