import { logFault } from "../../model/log-check.ts";
import type { LogRecord } from "../../model/log.ts";
import { partCounter, visitGroups, type Shared } from "./decode-groups.ts";
import { LOG_RECORD, LOGS_REQUEST, RESOURCE_LOGS, SCOPE_LOGS } from "./log-messages.ts";
import type { Source, Values } from "./message.ts";
import { jsonSource } from "./read-json.ts";
import { protobufSource } from "./read-protobuf.ts";
import { decodedItems, reject, type DecodedItems } from "./rejection.ts";

/** What decoding logs needs to know. */
export type LogContext = {
  /** When the request came, ns since the Unix epoch: the observed time of records that name no time at all. */
  readonly nowNs: bigint;
};

/**
 * OTLP protobuf logs (`ExportLogsServiceRequest`) to records. A bad record is counted under its reason and costs none of
 * its neighbours.
 * @throws WhetstoneError `input_unreadable` when the messages around the records are malformed or too many
 */
export const decodeLogsProtobuf = (body: Uint8Array, context: LogContext): DecodedItems<LogRecord> =>
  decodeLogs(protobufSource(body), context);

/** OTLP JSON logs to records. @param document parsed JSON with `resourceLogs` */
export const decodeLogsJson = (document: unknown, context: LogContext): DecodedItems<LogRecord> =>
  decodeLogs(jsonSource(document), context);

function decodeLogs<Node>(source: Source<Node>, context: LogContext): DecodedItems<LogRecord> {
  const decoded = decodedItems<LogRecord>();
  visitGroups(
    source,
    [
      [LOGS_REQUEST, "resourceLogs"],
      [RESOURCE_LOGS, "scopeLogs"],
      [SCOPE_LOGS, "logRecords"],
    ],
    {
      visit: (node, shared) => decoded.attempt(() => recordOf(source.read(node, LOG_RECORD), shared, context)),
      refuse: (_node, error) => decoded.refuse(error, 1),
      count: partCounter(),
    },
  );
  return decoded.result();
}

function recordOf(values: Values<typeof LOG_RECORD>, shared: Shared, { nowNs }: LogContext): LogRecord {
  const { timeUnixNano, observedTimeUnixNano, severityNumber, severityText, body, eventName } = values;
  const { traceId, spanId, droppedAttributesCount } = values;
  // As the logs data model has it for whoever receives a record: it was observed now, if nobody else did.
  const observedNs = observedTimeUnixNano === 0n && timeUnixNano === 0n ? nowNs : observedTimeUnixNano;
  const record: LogRecord = {
    timeNs: timeUnixNano === 0n ? observedNs : timeUnixNano,
    ...(observedNs !== 0n && { observedNs }),
    ...(severityNumber !== 0 && { severity: severityNumber }),
    ...(severityText !== "" && { severityText }),
    ...(body !== undefined && { body }),
    ...(eventName !== "" && { eventName }),
    ...(traceId !== undefined && { traceId }),
    ...(spanId !== undefined && { spanId }),
    attributes: values.attributes,
    ...(droppedAttributesCount !== 0 && { droppedAttributes: droppedAttributesCount }),
    ...shared,
  };
  const fault = logFault(record);
  return fault === undefined ? record : reject(fault);
}
