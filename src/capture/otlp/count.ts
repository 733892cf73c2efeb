import { WhetstoneError } from "../../model/error.ts";
import { isObject } from "../jsonrpc.ts";
import { OTLP_LIMITS } from "./limits.ts";
import type { Signal } from "./signal.ts";
import { partsOf, wireOf, type Part, type Wire } from "./wire.ts";

/** Where a signal's requests keep what they count: names of lists in JSON, tags in protobuf, from the outside in. */
type Path = readonly { readonly names: readonly string[]; readonly tags: readonly number[] }[];

const PATHS: Readonly<Record<Signal, Path>> = {
  traces: [
    { names: ["resourceSpans"], tags: [0x0a] },
    // The older name of the scopes is still decoded.
    { names: ["scopeSpans", "instrumentationLibrarySpans"], tags: [0x12] },
    { names: ["spans"], tags: [0x12] },
  ],
  logs: [
    { names: ["resourceLogs"], tags: [0x0a] },
    { names: ["scopeLogs"], tags: [0x12] },
    { names: ["logRecords"], tags: [0x12] },
  ],
  metrics: [
    { names: ["resourceMetrics"], tags: [0x0a] },
    { names: ["scopeMetrics"], tags: [0x12] },
    { names: ["metrics"], tags: [0x12] },
    // gauge = 5, sum = 7, histogram = 9, exponential_histogram = 10, summary = 11; exactly one is there.
    { names: ["gauge", "sum", "histogram", "exponentialHistogram", "summary"], tags: [0x2a, 0x3a, 0x4a, 0x52, 0x5a] },
    { names: ["dataPoints"], tags: [0x0a] },
  ],
};

type Tally = { parts: number };

/**
 * Spans, data points or log records of a protobuf request, without decoding them.
 * @throws WhetstoneError `input_unreadable` when the messages around them are malformed or too many
 */
export function countProtobuf(signal: Signal, body: Uint8Array): number {
  return countParts(wireOf(body), { part: { from: 0, to: body.byteLength }, path: PATHS[signal], tally: { parts: 0 } });
}

function countParts(wire: Wire, { part, path, tally }: { part: Part; path: Path; tally: Tally }): number {
  const [level, ...below] = path;
  if (level === undefined) return 1;
  let count = 0;
  for (const tag of level.tags) {
    for (const inner of partsOf(wire, part, tag)) {
      checkParts((tally.parts += 1));
      count += countParts(wire, { part: inner, path: below, tally });
    }
  }
  return count;
}

/**
 * The same for a parsed JSON request.
 * @throws WhetstoneError `input_unreadable` when it holds too many
 */
export function countJson(signal: Signal, document: unknown): number {
  return countMembers(document, PATHS[signal], { parts: 0 });
}

function countMembers(value: unknown, path: Path, tally: Tally): number {
  const [level, ...below] = path;
  if (level === undefined) return 1;
  if (!isObject(value)) return 0;
  let count = 0;
  for (const name of level.names) {
    const member = value[name];
    const list: readonly unknown[] = Array.isArray(member) ? member : member === undefined ? [] : [member];
    for (const item of list) {
      checkParts((tally.parts += 1));
      count += countMembers(item, below, tally);
    }
  }
  return count;
}

/** @throws WhetstoneError `input_unreadable` when a request has more spans and groups than the limit. */
export function checkParts(parts: number): void {
  if (parts <= OTLP_LIMITS.parts) return;
  throw new WhetstoneError("input_unreadable", `more than ${OTLP_LIMITS.parts} spans and groups in one request`, {
    remedy: "Send smaller batches.",
  });
}
