import fc from "fast-check";
import { SPAN_KINDS, SPAN_STATUSES, type Span } from "../../src/model/span.ts";
import { span, spanIdOf } from "./population.ts";

const START = 1_763_000_000_000_000_000n;
const MAX_SPANS = 40;

/**
 * Spans of one trace in any shape: parents that are missing, cycles, ids shared by several kinds, copies, children that
 * begin before or end after their parents, zero lengths, hostile names.
 */
export const anySpans: fc.Arbitrary<Span[]> = fc.array(
  fc
    .record({
      id: fc.nat(MAX_SPANS),
      parent: fc.option(fc.nat(MAX_SPANS + 5), { nil: undefined }),
      kind: fc.constantFrom(...SPAN_KINDS),
      status: fc.constantFrom(...SPAN_STATUSES),
      name: fc.oneof(fc.constantFrom("a", "b", "c"), fc.string({ unit: "binary", maxLength: 80 })),
      service: fc.constantFrom("notes", "store", "\u001B[31m"),
      start: fc.nat(1000),
      length: fc.nat(1000),
    })
    .map(({ id, parent, kind, status, name, service, start, length }) =>
      span({
        spanId: spanIdOf(id),
        ...(parent !== undefined && { parentSpanId: spanIdOf(parent) }),
        kind,
        status,
        name,
        service,
        startNs: START + BigInt(start) * 1000n,
        durationNs: length * 1000,
      }),
    ),
  { minLength: 1, maxLength: MAX_SPANS },
);

/** A span with its place in a well-nested tree in which siblings follow each other: self times add up to the root's. */
export const nestedSpans: fc.Arbitrary<Span[]> = fc
  .array(fc.tuple(fc.nat(), fc.nat(50)), { minLength: 1, maxLength: 60 })
  .map((choices) => {
    const parents = choices.map(([choice], i) => (i === 0 ? -1 : choice % i));
    const own = choices.map(([, ownNs]) => ownNs * 2 + 2);
    const lengths = [...own];
    for (let i = choices.length - 1; i > 0; i--)
      lengths[parents[i] ?? 0] = (lengths[parents[i] ?? 0] ?? 0) + (lengths[i] ?? 0);
    const starts: number[] = [0];
    const nextFree = own.map((ns) => ns / 2);
    for (let i = 1; i < choices.length; i++) {
      const parent = parents[i] ?? 0;
      starts[i] = (starts[parent] ?? 0) + (nextFree[parent] ?? 0);
      nextFree[parent] = (nextFree[parent] ?? 0) + (lengths[i] ?? 0);
    }
    return choices.map((_, i) =>
      span({
        spanId: spanIdOf(i),
        ...(i > 0 && { parentSpanId: spanIdOf(parents[i] ?? 0) }),
        startNs: START + BigInt(starts[i] ?? 0),
        durationNs: lengths[i] ?? 0,
      }),
    );
  });
