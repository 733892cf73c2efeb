import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Span } from "../../src/model/span.ts";
import { retain, retainable } from "../../src/store/retention.ts";
import type { Store } from "../../src/store/store.ts";
import { log } from "./log-records.ts";
import { gauge, pointAt } from "./points.ts";
import { PRUNE_KINDS, type PruneKind, type SpanStore } from "../../src/store/port.ts";
import { allPages, allRollups, allSpans, naiveRollups, naiveSpans, naiveTraces, sortedRollups } from "./naive.ts";
import { span, spanId, spanSet, traceId } from "./spans.ts";

type Filled = (...batches: (readonly Span[])[]) => Promise<Store>;

const HOUR = 3_600_000_000_000n;
const ALWAYS = { sinceNs: -(2n ** 70n), untilNs: 2n ** 70n };
const rest = async (): Promise<void> => undefined;

const tracesOf = (spans: readonly Span[]): readonly (readonly Span[])[] => [
  ...Map.groupBy(spans, (one) => one.traceId).values(),
];

const endOf = (trace: readonly Span[]): bigint =>
  trace.map((one) => one.startNs + BigInt(one.durationNs)).reduce((a, b) => (a > b ? a : b));

const kindOf = (trace: readonly Span[]): PruneKind =>
  trace.some(({ status }) => status === "error") ? "error" : "plain";

/** Spans of the traces of `kind` that ended before. */
function gone(spans: readonly Span[], kind: PruneKind, beforeNs: bigint): readonly Span[] {
  return tracesOf(spans)
    .filter((trace) => kindOf(trace) === kind && endOf(trace) < beforeNs && (trace[0]?.startNs ?? 0n) < beforeNs)
    .flat();
}

async function pruneAll(store: SpanStore, kind: PruneKind, beforeNs: bigint) {
  const total = { traces: 0, spans: 0, rows: 0 };
  for (;;) {
    const { traces, spans, rows } = await store.prune({ kind, beforeNs });
    if (traces + rows === 0) return total;
    total.traces += traces;
    total.spans += spans;
    total.rows += rows;
  }
}

/** What every store promises of removing what is old. */
export function pruneContract(filled: Filled, numRuns: number): void {
  describe("prune", () => {
    test("removes exactly the whole traces of a kind that ended before, and no rollup", async () => {
      const cases = spanSet.chain((spans) => {
        const times = [0n, 2n ** 62n, ...spans.map((one) => one.startNs), ...spans.map((one) => endOf([one]) + 1n)];
        return fc.tuple(fc.constant(spans), fc.constantFrom("plain", "error"), fc.constantFrom(...times));
      });
      await fc.assert(
        fc.asyncProperty(cases, async ([spans, kind, beforeNs]) => {
          const store = await filled(spans);
          const removed = gone(spans, kind, beforeNs);
          const expected = { traces: tracesOf(removed).length, spans: removed.length, rows: 0 };
          expect(await store.prunable({ kind, beforeNs })).toEqual(expected);
          expect(await pruneAll(store, kind, beforeNs)).toEqual(expected);
          const left = spans.filter((one) => !removed.includes(one));
          expect(await allSpans(store)).toEqual(naiveSpans(left));
          expect((await allPages(store, {}, 100)).traces).toEqual(naiveTraces(left));
          expect(sortedRollups(await allRollups(store, ALWAYS))).toEqual(naiveRollups(spans, ALWAYS));
        }),
        { numRuns },
      );
    });

    test("removes the rollups of whole hours that ended before, and no span", async () => {
      const at = (n: number) => span({ spanId: spanId(n), startNs: (BigInt(n) * HOUR) / 2n });
      const spans = [0, 1, 2, 3, 4, 5].map(at);
      const store = await filled(spans);
      const what = { kind: "rollups", beforeNs: 2n * HOUR + HOUR / 2n } as const;
      // Four half hours by the minute, and two hours.
      expect(await store.prunable(what)).toEqual({ traces: 0, spans: 0, rows: 6 });
      expect(await pruneAll(store, "rollups", what.beforeNs)).toEqual({ traces: 0, spans: 0, rows: 6 });
      expect(await store.prunable(what)).toEqual({ traces: 0, spans: 0, rows: 0 });
      expect(sortedRollups(await allRollups(store, ALWAYS))).toEqual(naiveRollups(spans.slice(4), ALWAYS));
      expect((await store.operations(ALWAYS)).operations[0]?.calls).toBe(2);
      expect(await allSpans(store)).toEqual(spans);
    });

    test("takes the oldest first, a few at a time, a large trace alone", async () => {
      const traces = [1_500, 400, 300, 5_000, 10].map((count, n) =>
        Array.from({ length: count }, (_, at) =>
          span({ traceId: traceId(n), spanId: spanId(n * 10_000 + at), startNs: BigInt(n) }),
        ),
      );
      const store = await filled(...traces.toReversed());
      const steps = [];
      for (let n = 0; n < 4; n += 1) steps.push(await store.prune({ kind: "plain", beforeNs: 2n ** 62n }));
      expect(steps.map(({ spans }) => spans)).toEqual([1_900, 300, 5_000, 10]);
      const small = await filled(Array.from({ length: 30 }, (_, n) => span({ traceId: traceId(n) })));
      for (const [spans, removed] of [
        [7, 7],
        [0.5, 1],
        [1e9, 22],
      ] as const) {
        expect(await small.prune({ kind: "plain", beforeNs: 2n ** 62n, spans })).toMatchObject({ spans: removed });
      }
    });

    test("leaves a store that goes on: a removed trace can come again, and says how far back it goes", async () => {
      const store = await filled([span(), span({ traceId: traceId(1), startNs: 5n, status: "error" })]);
      expect((await store.extent()).oldestNs).toEqual({ plain: span().startNs, error: 5n });
      await pruneAll(store, "error", 2n ** 63n);
      expect((await store.extent()).oldestNs).toEqual({ plain: span().startNs });
      await pruneAll(store, "plain", 2n ** 63n);
      expect((await store.extent()).oldestNs).toEqual({});
      await store.compact();
      expect(await store.append([span()])).toEqual({ stored: 1, duplicates: 0 });
      expect((await store.search({}, { limit: 5 })).traces).toEqual(naiveTraces([span()]));
    });
  });

  describe("retention", () => {
    test("keeps each kind for its age; a dry run counts the same and removes nothing", async () => {
      const now = 1_000n * HOUR;
      const spans = Array.from({ length: 100 }, (_, n) =>
        span({
          traceId: traceId(n),
          startNs: now - BigInt(n) * HOUR,
          durationNs: 1,
          status: n % 2 === 0 ? "ok" : "error",
        }),
      );
      const store = await filled(spans);
      const policy = {
        plainNs: Number(10n * HOUR),
        errorNs: Number(40n * HOUR),
        rollupsNs: Number(70n * HOUR),
        metricsNs: Number(20n * HOUR),
        logsNs: Number(30n * HOUR),
      };
      const hours = Array.from({ length: 50 }, (_, n) => now - BigInt(n) * HOUR);
      await store.metrics.append(hours.map((timeNs) => ({ ...pointAt(gauge(), 1, 1), timeNs })));
      await store.logs.append(hours.map((timeNs) => log(1, { timeNs })));
      const expected = {
        plain: { traces: 44, spans: 44, rows: 0 },
        error: { traces: 30, spans: 30, rows: 0 },
        rollups: { traces: 0, spans: 0, rows: 58 },
        metrics: { points: 29 },
        logs: { records: 19 },
      };
      expect(await retainable(store, policy, now)).toEqual(expected);
      expect(await allSpans(store)).toHaveLength(100);
      const steps: unknown[] = [];
      expect(await retain(store, { policy, now, rest, onStep: (removed) => steps.push(removed) })).toEqual(expected);
      expect(steps.at(-1)).toEqual(expected);
      const kept = spans.filter((_, n) => n <= (n % 2 === 0 ? 10 : 40));
      expect(await allSpans(store)).toEqual(naiveSpans(kept));
      expect((await store.logs.search({}, { limit: 1 })).total).toBe(31);
      expect(await retainable(store, policy, now)).toEqual({
        ...Object.fromEntries(PRUNE_KINDS.map((kind) => [kind, { traces: 0, spans: 0, rows: 0 }])),
        metrics: { points: 0 },
        logs: { records: 0 },
      });
    });

    test("ends between two steps when it is told to", async () => {
      const spans = Array.from({ length: 4_500 }, (_, n) => span({ traceId: traceId(n % 9), spanId: spanId(n) }));
      const store = await filled(spans);
      const controller = new AbortController();
      const policy = { plainNs: 0, errorNs: 0, rollupsNs: 0, metricsNs: 0, logsNs: 0 };
      const run = { policy, now: 2n ** 62n, rest, signal: controller.signal, onStep: () => controller.abort() };
      await expect(retain(store, run)).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
      expect(await allSpans(store)).toHaveLength(2_500);
    });
  });
}
