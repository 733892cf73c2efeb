import fc from "fast-check";
import type { LogRecord } from "../../src/model/log.ts";
import type { LogFilter } from "../../src/store/log-port.ts";
import { attributes, hostileText, spanId, traceId } from "./spans.ts";

/** A start for tests; ns since the Unix epoch. */
export const LOG_START = 1_700_000_000_000_000_000n;

/** A record with what a test does not care about filled in; `at` in ns after {@link LOG_START}. */
export function log(at: number, record: Partial<LogRecord> = {}): LogRecord {
  const resource = { "service.name": "api" };
  return { timeNs: LOG_START + BigInt(at), attributes: {}, service: "api", resource, scope: { name: "s" }, ...record };
}

const ns = fc.oneof(
  fc.nat(5).map((at) => LOG_START + BigInt(at)),
  fc.constantFrom(1n, 2n ** 63n - 2n),
);

const body = fc.oneof(
  hostileText,
  fc.constantFrom("Timeout after 5 s", "TIMEOUT", "100 % \u00c4rger_", "\u007fmarked"),
  attributes,
  fc.constantFrom(true, 1.5, null),
);

/** Records that often equal each other. */
export const logSet: fc.Arbitrary<readonly LogRecord[]> = fc.array(
  fc
    .record(
      {
        timeNs: ns,
        observedNs: ns,
        severity: fc.integer({ min: 1, max: 24 }),
        severityText: fc.constantFrom("ERROR", "", "\0"),
        body,
        eventName: hostileText,
        traceId: fc.nat(2).map(traceId),
        spanId: fc.nat(2).map(spanId),
        attributes: fc.oneof(fc.constant({}), attributes),
        droppedAttributes: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
        service: fc.constantFrom("api", "db", "\0"),
        resource: fc.oneof(fc.constant({}), attributes),
        scope: fc.record({ name: hostileText, version: fc.constant("1"), attributes }, { requiredKeys: ["name"] }),
      },
      { requiredKeys: ["timeNs", "attributes", "service", "resource", "scope"] },
    )
    .map((record): LogRecord => record),
  { maxLength: 20 },
);

/** Filters that these records often meet. */
export const logFilter: fc.Arbitrary<LogFilter> = fc
  .record(
    {
      service: fc.constantFrom("api", "db", "\0"),
      minSeverity: fc.integer({ min: 1, max: 24 }),
      traceId: fc.nat(2).map(traceId),
      spanId: fc.nat(2).map(spanId),
      text: fc.oneof(hostileText, fc.constantFrom("timeout", "T", "\u00e4rger", "%", "_")),
      eventName: hostileText,
      sinceNs: ns,
      untilNs: ns,
      attributes: fc.dictionary(hostileText, hostileText, { maxKeys: 1, noNullPrototype: true }),
    },
    { requiredKeys: [] },
  )
  // Few conditions at once, so that something is left.
  .map((filter) => Object.fromEntries(Object.entries(filter).slice(0, 2)));
