import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Json } from "../../src/model/json.ts";
import type { Span } from "../../src/model/span.ts";
import type { RollupFilter, SpanStore } from "../../src/store/port.ts";
import { allRollups, expectReport, naiveRollups, sortedRollups } from "./naive.ts";
import { deliveries, span, spanId, spanSet, traceId } from "./spans.ts";

type Filled = (...batches: (readonly Span[])[]) => Promise<SpanStore>;

const MINUTE = 60_000_000_000n;
const ALWAYS = { sinceNs: -(2n ** 70n), untilNs: 2n ** 70n };

/** Spans of few operations around few hours, some of them with an error type, so that rollups have company. */
const clustered = fc
  .tuple(spanSet, fc.infiniteStream(fc.tuple(fc.nat(400), fc.nat(2), fc.nat(4), fc.nat(5))))
  .map(([spans, places]) =>
    spans.map((one): Span => {
      const [minute = 0, name = 0, type = 0, kept = 0] = places.next().value ?? [];
      const weight = [undefined, undefined, undefined, 4, 10 / 3, "2"][kept];
      const errorType = [undefined, "timeout", "", 404, null][type];
      return {
        ...one,
        name: `op ${name}`,
        service: "notes",
        startNs: BigInt(minute - 130) * MINUTE + BigInt(name),
        attributes: {
          ...one.attributes,
          ...(errorType === undefined ? {} : { "error.type": errorType }),
          ...(weight === undefined ? {} : { "whetstone.sample_weight": weight }),
        },
      };
    }),
  );

const anySpans = fc.oneof(spanSet, clustered);

/** Windows whose ends mostly lie on or beside the start of a span. */
const windowFor = (spans: readonly Span[]): fc.Arbitrary<RollupFilter> => {
  const place = fc.oneof(
    fc
      .constantFrom(...(spans.length === 0 ? [span()] : spans))
      .chain(({ startNs }) => fc.bigInt({ min: startNs - 4_000n * MINUTE, max: startNs + MINUTE })),
    fc.bigInt({ min: -130n * MINUTE, max: 300n * MINUTE }),
    fc.bigInt(),
  );
  const name = <T>(pick: (one: Span) => T) =>
    fc.option(fc.constantFrom(...spans.map(pick), pick(span())), { nil: undefined });
  return fc
    .tuple(
      place,
      place,
      name((one) => one.service),
      name((one) => one.name),
    )
    .map(([a, b, service, operation]) => ({
      sinceNs: a < b ? a : b,
      untilNs: a < b ? b : a,
      ...(service === undefined ? {} : { service }),
      ...(operation === undefined ? {} : { operation }),
    }));
};

/** What every store promises of rollups. `numRuns`: random cases per property. */
export function rollupContract(filled: Filled, numRuns: number): void {
  describe("rollups", () => {
    test("equal those computed from all spans, for any batching, order and repetition", async () => {
      const cases = anySpans.chain((spans) => fc.tuple(fc.constant(spans), deliveries(spans), fc.nat(3)));
      await fc.assert(
        fc.asyncProperty(cases, async ([spans, batches, again]) => {
          const store = await filled(...batches, ...batches.slice(0, again), spans);
          expect(sortedRollups(await allRollups(store, ALWAYS))).toEqual(naiveRollups(spans, ALWAYS));
          expectReport(await store.operations(ALWAYS), spans, ALWAYS);
        }),
        { numRuns },
      );
    });

    test("of a window are those of the minutes that it touches", async () => {
      const cases = anySpans.chain((spans) =>
        fc.tuple(fc.constant(spans), fc.array(windowFor(spans), { minLength: 3, maxLength: 3 })),
      );
      await fc.assert(
        fc.asyncProperty(cases, async ([spans, windows]) => {
          const store = await filled(spans);
          for (const window of windows) {
            expect(sortedRollups(await allRollups(store, window))).toEqual(naiveRollups(spans, window));
            expectReport(await store.operations(window), spans, window);
          }
        }),
        { numRuns },
      );
    });

    test("examples", () => examples(filled));

    test("of sampled spans count what they stand for", async () => {
      const weighted = (n: number, weight: Json, changes: Partial<Span> = {}) =>
        span({ ...changes, spanId: spanId(n), attributes: { "whetstone.sample_weight": weight } });
      const store = await filled([
        weighted(1, 4, { durationNs: 1_000 }),
        weighted(2, 1, { durationNs: 9_000, status: "error" }),
        // Nothing usable is stated: they count once.
        weighted(3, "100", { durationNs: 1_000 }),
        weighted(4, -3, { durationNs: 1_000 }),
        weighted(5, 1e300, { name: "boast" }),
      ]);
      const { operations } = await store.operations(ALWAYS);
      expect(operations).toMatchObject([
        { operation: "GET /notes", calls: 7, errors: 1, errorTypes: [{ count: 1 }] },
        { operation: "boast", calls: 1_000_000 },
      ]);
      expect(operations[0]?.p50Ns).toBeCloseTo(1_000, -2);
      const rows = await allRollups(store, ALWAYS);
      expect(rows.map(({ count }) => count).sort((a, b) => a - b)).toEqual([1, 6, 1_000_000]);
    });

    test("beyond one batch come without gap or repetition, whatever their groups", async () => {
      const many = Array.from({ length: 2_700 }, (_, n) =>
        span({
          traceId: traceId(n % 7),
          spanId: spanId(n),
          startNs: BigInt(n % 900) * MINUTE,
          durationNs: n,
          ...(n % 3 === 0 ? {} : { status: "error", attributes: { "error.type": `type ${n % 3}` } }),
          ...(n % 2 === 0 ? { name: "even" } : {}),
        }),
      );
      const store = await filled(many.slice(0, 2_000), many.slice(1_000));
      const rollups = await allRollups(store, ALWAYS);
      expect(sortedRollups(rollups)).toEqual(naiveRollups(many, ALWAYS));
      expect(rollups.map(({ minuteNs }) => minuteNs)).toEqual(
        rollups.map(({ minuteNs }) => minuteNs).sort((a, b) => Number(a - b)),
      );
      for (const window of [ALWAYS, { service: "notes", sinceNs: 30n * MINUTE, untilNs: 700n * MINUTE }]) {
        expectReport(await store.operations(window), many, window);
      }
    });
  });
}

async function examples(filled: Filled): Promise<void> {
  const at = (n: number, changes: Partial<Span>) =>
    span({ spanId: spanId(n), startNs: BigInt(n) * MINUTE, ...changes });
  const failed = { status: "error", attributes: { "error.type": "timeout" } } as const;
  const store = await filled([
    at(1, { durationNs: 1_000 }),
    at(2, { durationNs: 2_000, ...failed }),
    at(61, { durationNs: 4_000, status: "error" }),
    // An error type without an error is an attribute like any other.
    at(62, { durationNs: 0, attributes: { "error.type": "timeout" } }),
    at(63, { kind: "client" }),
  ]);
  const report = await store.operations({ sinceNs: MINUTE + 1n, untilNs: 62n * MINUTE + 1n });
  expect(report).toMatchObject({ sinceNs: MINUTE, untilNs: 63n * MINUTE });
  expect(report.operations).toHaveLength(1);
  expect(report.operations[0]).toMatchObject({
    service: "notes",
    operation: "GET /notes",
    kind: "server",
    calls: 4,
    errors: 2,
    errorTypes: [{ count: 1 }, { errorType: "timeout", count: 1 }],
  });
  expect(report.operations[0]?.p50Ns).toBeCloseTo(1_000, -2);
  expect(await store.operations({ sinceNs: 5n, untilNs: 5n })).toMatchObject({ operations: [] });
  expect(await allRollups(store, { ...ALWAYS, operation: "other" })).toEqual([]);
  await store.append([
    at(2, failed),
    span({ ...failed, traceId: traceId(7), startNs: 2n * MINUTE + 5n, durationNs: 9 }),
  ]);
  const [row, ...more] = await allRollups(store, { sinceNs: 2n * MINUTE, untilNs: 3n * MINUTE });
  expect(row).toMatchObject({ minuteNs: 2n * MINUTE, status: "error", errorType: "timeout", count: 2 });
  expect(more).toEqual([]);
}
