import fc from "fast-check";
import type { Json } from "../../src/model/json.ts";
import { SPAN_KINDS, SPAN_STATUSES, type Span } from "../../src/model/span.ts";
import type { SpanFilter } from "../../src/store/port.ts";

/** A trace id that ends in `n`. */
export const traceId = (n: number): string => (n + 1).toString(16).padStart(32, "0");

/** A span id that ends in `n`. */
export const spanId = (n: number): string => (n + 1).toString(16).padStart(16, "0");

/** A plain span; `changes` replaces fields. */
export function span(changes: Partial<Span> = {}): Span {
  return {
    traceId: traceId(0),
    spanId: spanId(0),
    kind: "server",
    name: "GET /notes",
    service: "notes",
    startNs: 1_700_000_000_000_000_000n,
    durationNs: 5_000_000,
    status: "unset",
    attributes: {},
    events: [],
    links: [],
    resource: { "service.name": "notes" },
    scope: { name: "test" },
    ...changes,
  };
}

/** Text as it may come from anywhere: quotes, control characters, NUL, half surrogate pairs, our own mark. */
export const hostileText = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("notes", "search", "a.b", "42", "true") },
  { weight: 2, arbitrary: fc.string({ unit: "grapheme", maxLength: 8 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "",
      "\0",
      "a\0b",
      "\ud800",
      "x\udc00",
      "\u0001",
      '\u0001"x"',
      '"',
      "\\",
      "$.a",
      "[0]",
      "\\u0000",
      "'--",
    ),
  },
);

const json = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);

const value: fc.Arbitrary<Json> = fc.oneof(hostileText, fc.constantFrom<Json>(true, 42, 1.5, 1e21, null), json);

/** Attributes that may hold anything. */
export const attributes = fc
  .array(fc.tuple(hostileText, value), { maxLength: 3 })
  .map((members) => Object.fromEntries(members));

const base = 1_700_000_000_000_000_000n;
const time = fc.oneof(fc.bigInt({ min: base, max: base + 5n }), fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }));

const anySpan: fc.Arbitrary<Span> = fc
  .record({
    traceId: fc.nat(4).map(traceId),
    spanId: fc.nat(3).map(spanId),
    parent: fc.option(fc.nat(3).map(spanId), { nil: undefined }),
    kind: fc.constantFrom(...SPAN_KINDS),
    name: hostileText,
    service: hostileText,
    startNs: time,
    durationNs: fc.oneof(fc.nat(5), fc.nat(Number.MAX_SAFE_INTEGER)),
    status: fc.constantFrom(...SPAN_STATUSES),
    message: fc.option(hostileText, { nil: undefined }),
    attributes,
    events: fc.array(fc.record({ name: hostileText, timeNs: time, attributes }), { maxLength: 1 }),
    links: fc.array(fc.record({ traceId: fc.nat(4).map(traceId), spanId: fc.nat(3).map(spanId), attributes }), {
      maxLength: 1,
    }),
    resource: attributes,
    scope: fc.record({ name: hostileText, version: hostileText, attributes }, { requiredKeys: ["name"] }),
  })
  .map(({ parent, message, ...rest }) => ({
    ...rest,
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    ...(message === undefined ? {} : { statusMessage: message }),
  }));

/** Spans with distinct keys over few traces, so that traces grow, starts tie and ids are shared by kinds. */
export const spanSet: fc.Arbitrary<readonly Span[]> = fc.uniqueArray(anySpan, {
  maxLength: 12,
  selector: (one) => `${one.traceId}/${one.spanId}/${one.kind}`,
});

/** The set in some order, cut into batches. */
export const deliveries = (spans: readonly Span[]): fc.Arbitrary<readonly (readonly Span[])[]> =>
  fc
    .tuple(fc.shuffledSubarray([...spans], { minLength: spans.length }), fc.array(fc.integer({ min: 1, max: 5 })))
    .map(([shuffled, sizes]) => {
      const batches: Span[][] = [];
      for (let at = 0; at < shuffled.length;) {
        const size = sizes[batches.length] ?? shuffled.length;
        batches.push(shuffled.slice(at, at + size));
        at += size;
      }
      return batches;
    });

const attributeText = (attribute: Json): string =>
  typeof attribute === "string" ? attribute : JSON.stringify(attribute);

/** Filters that mostly name something that occurs in `spans`. */
export function filterFor(spans: readonly Span[]): fc.Arbitrary<SpanFilter> {
  const some = fc.constantFrom(...(spans.length === 0 ? [span()] : spans));
  const members = spans.flatMap((one) => [one.attributes, one.resource].flatMap((own) => Object.entries(own)));
  const attribute = fc.oneof(
    fc
      .constantFrom(...(members.length === 0 ? ([["a.b", "42"]] as [string, Json][]) : members))
      .map(([key, found]) => ({ [key]: attributeText(found) })),
    fc.dictionary(hostileText, hostileText, { maxKeys: 2 }),
  );
  return fc.record(
    {
      service: some.map((one) => one.service),
      operation: some.map((one) => one.name),
      attributes: attribute,
      status: fc.constantFrom(...SPAN_STATUSES),
      minDurationNs: fc.oneof(
        some.map((one) => one.durationNs),
        fc.double({ noNaN: true }),
      ),
      maxDurationNs: fc.oneof(
        some.map((one) => one.durationNs),
        fc.double({ noNaN: true }),
      ),
      sinceNs: fc.oneof(
        some.map((one) => one.startNs),
        fc.bigInt(),
      ),
      untilNs: fc.oneof(
        some.map((one) => one.startNs),
        fc.bigInt(),
      ),
    },
    { requiredKeys: [] },
  );
}

/** Spans of batch `n` of a writer process: forty, spread over traces that earlier and later batches write to as well. */
export const numberedBatch = (n: number): readonly Span[] =>
  Array.from({ length: 40 }, (_, at) =>
    span({
      traceId: traceId((n + at) % 50),
      spanId: spanId(n * 40 + at),
      startNs: base + BigInt(n * 40 + at),
      attributes: { batch: n, filler: "x".repeat(500) },
    }),
  );
