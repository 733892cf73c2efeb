import type { LogRecord } from "../../model/log.ts";
import type { MetricPoint } from "../../model/metric.ts";
import { decodeLogsJson, decodeLogsProtobuf } from "../otlp/decode-logs.ts";
import { decodeMetricsJson, decodeMetricsProtobuf } from "../otlp/decode-metrics.ts";
import type { CollectorOptions, SignalSettings } from "./collector.ts";
import { groupCommit } from "./group-commit.ts";
import { countedJson, signalIntake, type Handling, type Intake } from "./ingest.ts";

const METRICS: Handling<MetricPoint> = {
  decode: ({ encoding, body }) =>
    encoding === "protobuf" ? decodeMetricsProtobuf(body) : decodeMetricsJson(countedJson("metrics", body)),
  clean: (door) => door.point,
};

const LOGS: Handling<LogRecord> = {
  decode: ({ encoding, body }, { now }) => {
    const context = { nowNs: now() };
    return encoding === "protobuf"
      ? decodeLogsProtobuf(body, context)
      : decodeLogsJson(countedJson("logs", body), context);
  },
  clean: (door) => door.log,
};

/** Takes in the metrics and logs that there is a place for. */
export function metricsAndLogs(
  { onMetrics, onLogs }: Pick<CollectorOptions, "onMetrics" | "onLogs">,
  settings: SignalSettings,
): Intake["signals"] {
  return {
    ...(onMetrics && {
      metrics: signalIntake(groupCommit({ append: onMetrics, ...settings("metrics") }), METRICS),
    }),
    // Each request by itself: a store takes equal records of one batch for different ones.
    ...(onLogs && {
      logs: signalIntake(groupCommit({ append: onLogs, ...settings("logs"), shared: false }), LOGS),
    }),
  };
}
