import type { LogRecord } from "../../../src/model/log.ts";
import type { MetricPoint } from "../../../src/model/metric.ts";
import { log } from "../../store/log-records.ts";
import { counter, counts, histogram, pointAt } from "../../store/points.ts";
import { encodeRequest } from "../otlp/descriptors.ts";
import { encodeLogRecords, encodeMetrics } from "../otlp/encode-signals.ts";

const points: readonly MetricPoint[] = [pointAt(counter(), [0, 1], 5), pointAt(histogram(), [0, 1], counts(1, 2, 3))];
const records: readonly LogRecord[] = [log(1, { body: "started", severity: 9 }), log(2, { body: { code: 5 } })];

/** Two items of each signal. */
export const SIGNAL_ITEMS = { metrics: points, logs: records } as const;

/** Why the second item of the bad requests is rejected. */
export const SIGNAL_REASONS = {
  metrics: "monotonic sum is negative",
  logs: "severity number is out of range",
} as const;

const bodies = (document: object, bad: object, request: string) => ({
  protobuf: encodeRequest(document, request),
  json: Buffer.from(JSON.stringify(document)),
  "bad protobuf": encodeRequest(bad, request),
  "bad json": Buffer.from(JSON.stringify(bad)),
});

/** Requests with {@link SIGNAL_ITEMS}, and with one good and one bad item. */
export const SIGNAL_BODIES = {
  metrics: bodies(
    encodeMetrics(points),
    encodeMetrics([...points.slice(0, 1), pointAt(counter(), [0, 2], -1)]),
    "ExportMetricsServiceRequest",
  ),
  logs: bodies(
    encodeLogRecords(records),
    encodeLogRecords([...records.slice(0, 1), log(3, { severity: 25 })]),
    "ExportLogsServiceRequest",
  ),
} as const;
