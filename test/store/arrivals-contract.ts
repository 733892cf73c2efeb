import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Span } from "../../src/model/span.ts";
import type { ArrivalPage, SpanStore } from "../../src/store/port.ts";
import { bySpanStart } from "../../src/store/match.ts";
import { naiveSpans } from "./naive.ts";
import { deliveries, span, spanId, spanSet, traceId } from "./spans.ts";

type Filled = (...batches: (readonly Span[])[]) => Promise<SpanStore>;

/** `before`: traces that were stored before, which may come once more when they were stored just then. */
type Wanted = { readonly count: number; readonly limit?: number; readonly before?: readonly string[] };

/**
 * The next `count` spans after a cursor, page by page. PostgreSQL holds what is new back while other databases of its
 * server have older transactions open, so an empty page is asked for again; the time limit of the test ends it.
 */
async function follow(store: SpanStore, from: string, want: Wanted) {
  const spans: Span[] = [];
  let cursor = from;
  while (spans.length < want.count) {
    const page: ArrivalPage = await store.arrivals({ limit: want.limit ?? 1_000, cursor });
    expect(page.isGap).toBe(false);
    expect(page.arrivals.length).toBeLessThanOrEqual(want.limit ?? 1_000);
    expect(page.cursor).toBe(page.arrivals.at(-1)?.cursor ?? cursor);
    spans.push(...page.arrivals.map((one) => one.span).filter((one) => want.before?.includes(one.traceId) !== true));
    cursor = page.cursor;
    await new Promise(setImmediate);
  }
  expect((await store.arrivals({ limit: 1_000, cursor })).arrivals).toEqual([]);
  return { spans, cursor };
}

const present = async (store: SpanStore): Promise<string> => (await store.arrivals({ limit: 1 })).cursor;
const sorted = (spans: readonly Span[]): readonly Span[] => [...spans].sort(bySpanStart);

/** What every store promises of the order of arrival. */
export function arrivalsContract(filled: Filled, numRuns: number): void {
  describe("arrivals", () => {
    test("without a cursor there is nothing yet, then what is stored, batch after batch, late spans too", async () => {
      const old = span({ traceId: traceId(9), startNs: 1n });
      const store = await filled([span()]);
      const from = await present(store);
      await store.append([span({ traceId: traceId(1) }), span({ traceId: traceId(2) })]);
      await store.append([old, span()]);
      const { spans, cursor } = await follow(store, from, { count: 3, before: [traceId(0)] });
      expect(sorted(spans.slice(0, 2)).map((one) => one.traceId)).toEqual([traceId(1), traceId(2)]);
      expect(spans[2]).toEqual(old);
      await store.append([old]);
      await store.append([span({ traceId: traceId(3) })]);
      expect((await follow(store, cursor, { count: 1 })).spans[0]?.traceId).toBe(traceId(3));
    });

    test("every span comes once, as it was, in the order of the batches, whatever the pages; any place leads on", async () => {
      const cases = spanSet.chain((spans) =>
        fc.tuple(fc.constant(spans), deliveries(spans), fc.integer({ min: 1, max: 4 })),
      );
      await fc.assert(
        fc.asyncProperty(cases, async ([spans, batches, limit]) => {
          const store = await filled();
          const from = await present(store);
          for (const batch of batches) await store.append(batch);
          const got = await follow(store, from, { count: spans.length, limit });
          expect(sorted(got.spans)).toEqual(naiveSpans(spans));
          const batchOf = (one: Span) =>
            batches.findIndex((b) =>
              b.some((o) => o.spanId === one.spanId && o.traceId === one.traceId && o.kind === one.kind),
            );
          const order = got.spans.map(batchOf);
          expect(order).toEqual([...order].sort((a, b) => a - b));
          for (const [at, one] of (await store.arrivals({ limit: 1_000, cursor: from })).arrivals.entries()) {
            const rest = await store.arrivals({ limit: 1_000, cursor: one.cursor });
            expect(rest.arrivals.map((next) => next.span)).toEqual(got.spans.slice(at + 1));
          }
        }),
        { numRuns },
      );
    });

    test("removing old traces and giving space back disturbs no follower", async () => {
      const many = Array.from({ length: 40 }, (_, n) => span({ traceId: traceId(n), startNs: BigInt(n) }));
      const store = await filled(many.slice(0, 20));
      const from = await present(store);
      await store.append(many.slice(20));
      const seen = await follow(store, from, { count: 20, before: many.slice(0, 20).map((one) => one.traceId) });
      await store.prune({ kind: "plain", beforeNs: 1_000_000n, spans: 10 });
      await store.compact();
      await store.append([span({ traceId: traceId(99) })]);
      expect((await follow(store, seen.cursor, { count: 1 })).spans[0]?.traceId).toBe(traceId(99));
    });

    test("a follower whose newest spans were removed goes on, or is told that there is a gap", async () => {
      const store = await filled();
      const from = await present(store);
      await store.append(Array.from({ length: 5 }, (_, n) => span({ spanId: spanId(n) })));
      const { cursor } = await follow(store, from, { count: 5 });
      await store.prune({ kind: "plain", beforeNs: 2n ** 62n });
      const next = span({ traceId: traceId(7), startNs: 5n });
      await store.append([next]);
      const page = await store.arrivals({ limit: 9, cursor });
      if (page.isGap) {
        expect(page.arrivals).toEqual([]);
        await store.append([span({ traceId: traceId(8) })]);
        expect((await follow(store, page.cursor, { count: 1 })).spans[0]?.traceId).toBe(traceId(8));
      } else expect((await follow(store, cursor, { count: 1 })).spans).toEqual([next]);
    });

    test.each([
      "",
      "x",
      "bm90IGEgY3Vyc29y",
      "other:1:",
      "sqlite:1:1.2.3",
      "postgres:9223372036854775807:",
      "memory:-1:",
    ])("the cursor %j is refused", async (cursor) => {
      const store = await filled([span()]);
      for (const text of [cursor, Buffer.from(cursor).toString("base64url"), `${await present(store)}=`])
        await expect(store.arrivals({ limit: 1, cursor: text })).rejects.toMatchObject({ code: "usage" });
    });

    test("the cursor of another kind of store is refused, a far one of this kind tells a gap", async () => {
      const store = await filled([span()]);
      const own =
        Buffer.from(await present(store), "base64url")
          .toString()
          .split(":")[0] ?? "";
      for (const kind of ["sqlite", "postgres", "memory"]) {
        const cursor = Buffer.from(`${kind}:9000000000000000000:`).toString("base64url");
        const asked = store.arrivals({ limit: 1, cursor });
        if (kind === own) await expect(asked).resolves.toMatchObject({ isGap: true, arrivals: [] });
        else await expect(asked).rejects.toMatchObject({ code: "usage" });
      }
    });

    test.each([0, 1_001, 1.5])("a page of %p is refused", async (limit) => {
      const store = await filled();
      await expect(store.arrivals({ limit })).rejects.toMatchObject({ code: "usage" });
    });
  });
}
