import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Span } from "../../src/model/span.ts";
import type { SpanStore } from "../../src/store/port.ts";
import type { Store } from "../../src/store/store.ts";
import { arrivalsContract } from "./arrivals-contract.ts";
import type { Harness } from "./harness.ts";
import { pruneContract } from "./prune-contract.ts";
import { rollupContract } from "./rollup-contract.ts";
import { allBatches, allPages, allSpans, naiveSpans, naiveTraces } from "./naive.ts";
import { deliveries, filterFor, span, spanId, spanSet, traceId } from "./spans.ts";

/** What every {@link SpanStore} promises. `runs`: random cases per property. */
export function storeContract(start: () => Promise<Harness>, runs: number): void {
  let harness: Harness;
  beforeAll(async () => {
    harness = await start();
  });
  afterAll(() => harness.end());
  const filled = async (...batches: (readonly Span[])[]): Promise<Store> => {
    const store = await harness.empty();
    for (const batch of batches) await store.append(batch);
    return store;
  };
  properties(filled, runs);
  rollupContract(filled, runs);
  pruneContract(filled, runs);
  arrivalsContract(filled, runs);
  describe("append", () => appending(filled));
  describe("search", () => searching(filled));
  describe("spans and trace", () => reading(filled));
}

type Filled = (...batches: (readonly Span[])[]) => Promise<SpanStore>;

function properties(filled: Filled, numRuns: number): void {
  test("any order and any batching give the same store, and the spans come back as they were", async () => {
    const cases = spanSet.chain((spans) => fc.tuple(fc.constant(spans), deliveries(spans)));
    await fc.assert(
      fc.asyncProperty(cases, async ([spans, batches]) => {
        const store = await filled(...batches);
        expect(await allSpans(store)).toEqual(naiveSpans(spans));
        expect((await allPages(store, {}, 100)).traces).toEqual(naiveTraces(spans));
        for (const id of new Set(spans.map((one) => one.traceId))) {
          expect(await store.trace(id)).toEqual(naiveSpans(spans.filter((one) => one.traceId === id)));
        }
      }),
      { numRuns },
    );
  });

  test("importing twice stores once", async () => {
    await fc.assert(
      fc.asyncProperty(spanSet, async (spans) => {
        const store = await filled();
        expect(await store.append(spans)).toEqual({ stored: spans.length, duplicates: 0 });
        expect(await store.append(spans)).toEqual({ stored: 0, duplicates: spans.length });
        expect(await allSpans(store)).toEqual(naiveSpans(spans));
        expect((await allPages(store, {}, 100)).traces).toEqual(naiveTraces(spans));
      }),
      { numRuns: Math.ceil(numRuns / 2) },
    );
  });

  test("search and spans give what a naive filter gives; paging gives each trace exactly once", async () => {
    const cases = spanSet.chain((spans) =>
      fc.tuple(
        fc.constant(spans),
        fc.array(filterFor(spans), { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 1, max: 3 }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([spans, filters, limit]) => {
        const store = await filled(spans);
        for (const filter of filters) {
          const expected = naiveTraces(spans, filter);
          expect(await allPages(store, filter, limit)).toEqual({ traces: expected, totals: [expected.length] });
          expect(await allSpans(store, filter)).toEqual(naiveSpans(spans, filter));
        }
      }),
      { numRuns },
    );
  });
}

function appending(filled: Filled): void {
  test("an empty batch stores nothing", async () => {
    const store = await filled();
    expect(await store.append([])).toEqual({ stored: 0, duplicates: 0 });
    expect((await store.search({}, { limit: 1 })).total).toBe(0);
  });

  test("client and server span with one span id are two spans; a repetition is counted and left as it was", async () => {
    const store = await filled();
    const batch = [span({ kind: "client" }), span({ kind: "server" }), span({ kind: "server", name: "other" })];
    expect(await store.append(batch)).toEqual({ stored: 2, duplicates: 1 });
    expect(await store.append([span({ kind: "server", name: "third" })])).toEqual({ stored: 0, duplicates: 1 });
    expect((await store.trace(traceId(0))).map((one) => one.name)).toEqual(["GET /notes", "GET /notes"]);
    expect((await store.search({}, { limit: 1 })).traces[0]).toMatchObject({ spans: 2, rootOperation: "GET /notes" });
  });

  test("a late span without parent becomes the root, a late early child moves the start only", async () => {
    const child = { parentSpanId: spanId(9), startNs: 100n, durationNs: 10 };
    const store = await filled([span({ ...child, spanId: spanId(1), name: "child" })]);
    const row = async () => (await store.search({}, { limit: 1 })).traces[0];
    expect(await row()).toMatchObject({ rootOperation: "child", startNs: 100n, durationNs: 10 });
    await store.append([span({ spanId: spanId(2), name: "root", service: "gate", startNs: 105n, durationNs: 1 })]);
    expect(await row()).toMatchObject({ rootOperation: "root", rootService: "gate", startNs: 100n, durationNs: 10 });
    await store.append([span({ ...child, spanId: spanId(3), startNs: 50n, durationNs: 100, status: "error" })]);
    expect(await row()).toMatchObject({ rootOperation: "root", startNs: 50n, durationNs: 100, spans: 3, errors: 1 });
  });

  test.each<[string, Partial<Span>]>([
    ["a start after 2262", { startNs: 2n ** 63n }],
    ["an end after 2262", { startNs: 2n ** 63n - 10n, durationNs: 100 }],
    ["a start before 1677", { startNs: -(2n ** 63n) }],
    ["a fraction of a nanosecond", { durationNs: 0.5 }],
    ["a negative duration", { durationNs: -1 }],
    ["a short span id", { spanId: "ab" }],
    ["a trace id that is not hexadecimal", { traceId: "z".repeat(32) }],
  ])("%s is refused, and nothing of the batch is kept", async (_, wrong) => {
    const store = await filled([span()]);
    const fresh = span({ spanId: spanId(1), name: "new", resource: { new: 1 }, scope: { name: "new" } });
    const batch = [fresh, span({ spanId: spanId(2), traceId: traceId(2), ...wrong })];
    await expect(store.append(batch)).rejects.toMatchObject({ code: "store_write_failed" });
    expect(await allSpans(store)).toEqual([span()]);
    expect((await store.search({}, { limit: 9 })).traces).toEqual(naiveTraces([span()]));
    expect(await store.append([fresh])).toEqual({ stored: 1, duplicates: 0 });
    expect(await allSpans(store)).toEqual(naiveSpans([span(), fresh]));
  });

  test("a batch of more spans and more operations than any internal limit is stored as one", async () => {
    const many = Array.from({ length: 10_500 }, (_, n) =>
      span({ traceId: traceId(n % 100), spanId: spanId(n), name: `operation ${n}`, startNs: BigInt(n) }),
    );
    const store = await filled();
    expect(await store.append([...many, ...many.slice(0, 5)])).toEqual({ stored: 10_500, duplicates: 5 });
    expect(await store.append(many.slice(-10))).toEqual({ stored: 0, duplicates: 10 });
    expect(await allSpans(store)).toEqual(many);
    expect((await allPages(store, {}, 30)).traces).toEqual(naiveTraces(many));
  });

  test("the greatest and the least times are kept exactly", async () => {
    const extremes = [
      span({ startNs: -(2n ** 63n) + 1n }),
      span({ spanId: spanId(1), traceId: traceId(1), startNs: 2n ** 63n - 3n, durationNs: 1 }),
      span({ spanId: spanId(2), traceId: traceId(2), durationNs: Number.MAX_SAFE_INTEGER }),
    ];
    const store = await filled(extremes);
    expect(await allSpans(store)).toEqual(naiveSpans(extremes));
    expect((await allPages(store, {}, 1)).traces).toEqual(naiveTraces(extremes));
  });

  test("keys that V8 reads wrongly once it has seen a key that ends in a backslash come back right", async () => {
    JSON.parse(String.raw`{"seen":1,"\\":2}`);
    const odd = span({ attributes: { seen: 1, '"': 2 }, resource: { seen: 1, "\n": 3 } });
    const store = await filled([odd]);
    expect(await allSpans(store)).toEqual([odd]);
    expect((await store.search({ attributes: { '"': "2", "\n": "3" } }, { limit: 1 })).total).toBe(1);
  });

  test("JSON nested far beyond what an engine parses is kept and does not hide other spans from a search", async () => {
    const depth = 1_500;
    const deep = JSON.parse(`${"[".repeat(depth)}1${"]".repeat(depth)}`) as Span["attributes"][string];
    const store = await filled([
      span({ attributes: { deep, k: "v" } }),
      span({ traceId: traceId(1), attributes: { k: "v" } }),
    ]);
    expect((await store.search({ attributes: { k: "v" } }, { limit: 9 })).total).toBe(2);
    expect(JSON.stringify((await store.trace(traceId(0)))[0]?.attributes["deep"])).toBe(JSON.stringify(deep));
    expect((await store.search({ attributes: { deep: JSON.stringify(deep) } }, { limit: 9 })).total).toBe(1);
  });
}

function searching(filled: Filled): void {
  test("one span must meet all filters: two spans that meet one each do not make a match", async () => {
    const slow = span({ spanId: spanId(1), service: "db", durationNs: 1_000 });
    const failed = span({ spanId: spanId(2), service: "api", status: "error", durationNs: 10 });
    const store = await filled([slow, failed]);
    const total = async (filter: Parameters<SpanStore["search"]>[0]) =>
      (await store.search(filter, { limit: 5 })).total;
    expect(await total({ service: "db", status: "error" })).toBe(0);
    expect(await total({ service: "api", status: "error" })).toBe(1);
    expect(await total({ minDurationNs: 500, status: "error" })).toBe(0);
    expect(await total({ minDurationNs: 500, service: "db" })).toBe(1);
  });

  test("attributes match by JSON text, on the span or on its resource", async () => {
    const store = await filled([
      span({ traceId: traceId(0), attributes: { n: 42, flag: true, list: ["a", 1] } }),
      span({ traceId: traceId(1), attributes: { n: "42", flag: "true" } }),
      span({ traceId: traceId(2), resource: { n: 42 } }),
      span({ traceId: traceId(3), attributes: { inner: { n: 42 }, text: '"n":42' } }),
    ]);
    const found = async (key: string, text: string) =>
      (await store.search({ attributes: { [key]: text } }, { limit: 9 })).traces.map((one) => one.traceId);
    expect(await found("n", "42")).toEqual([traceId(0), traceId(1), traceId(2)]);
    expect(await found("n", '"42"')).toEqual([]);
    expect(await found("n", "4")).toEqual([]);
    expect(await found("flag", "true")).toEqual([traceId(0), traceId(1)]);
    expect(await found("list", '["a",1]')).toEqual([traceId(0)]);
    expect(await found("inner", '{"n":42}')).toEqual([traceId(3)]);
  });

  test("since is inclusive, until is exclusive, durations are inclusive", async () => {
    const store = await filled([span({ startNs: 10n, durationNs: 7 })]);
    const total = async (filter: Parameters<SpanStore["search"]>[0]) =>
      (await store.search(filter, { limit: 5 })).total;
    expect(await total({ sinceNs: 10n, untilNs: 11n, minDurationNs: 7, maxDurationNs: 7 })).toBe(1);
    expect(await total({ sinceNs: 11n })).toBe(0);
    expect(await total({ untilNs: 10n })).toBe(0);
    expect(await total({ minDurationNs: 7.5 })).toBe(0);
    expect(await total({ maxDurationNs: 6.5 })).toBe(0);
  });

  test("a trace that arrives between two pages does not shift the next one", async () => {
    const at = (n: number) => span({ traceId: traceId(n), startNs: BigInt(n) });
    const store = await filled([at(1), at(2), at(3), at(4)]);
    const first = await store.search({}, { limit: 2 });
    await store.append([at(9)]);
    const second = await store.search({}, { limit: 2, cursor: first.nextCursor ?? "" });
    const ids = [...first.traces, ...second.traces].map((one) => one.traceId);
    expect(ids).toEqual([4, 3, 2, 1].map(traceId));
    expect(second).toMatchObject({ total: 5 });
    expect(second.nextCursor).toBeUndefined();
  });

  test.each(["", "x", "bm90IGEgY3Vyc29y", Buffer.from(`1:${traceId(0)} `).toString("base64url")])(
    "the cursor %j is refused",
    async (cursor) => {
      const store = await filled([span()]);
      await expect(store.search({}, { limit: 1, cursor })).rejects.toMatchObject({ code: "usage" });
    },
  );

  test.each([0, -1, 1.5, 1_001, Number.NaN])("a page of %p traces is refused", async (limit) => {
    const store = await filled();
    await expect(store.search({}, { limit })).rejects.toMatchObject({ code: "usage" });
  });

  test("a duration that is not a number is refused", async () => {
    const store = await filled();
    await expect(store.search({ minDurationNs: Number.NaN }, { limit: 1 })).rejects.toMatchObject({ code: "usage" });
    await expect(allSpans(store, { maxDurationNs: Number.NaN })).rejects.toMatchObject({ code: "usage" });
  });
}

function reading(filled: Filled): void {
  test.each([traceId(77), "", "xyz", "ABCDEF0123456789ABCDEF0123456789"])("the trace %j is unknown", async (id) => {
    const store = await filled([span()]);
    expect(await store.trace(id)).toEqual([]);
  });

  test("streams come in batches of at most 1,000, without gap or repetition where starts tie", async () => {
    const many = Array.from({ length: 2_500 }, (_, n) =>
      span({ traceId: traceId(n % 7), spanId: spanId(n), startNs: BigInt(Math.floor(n / 1_200)) }),
    );
    const store = await filled(many);
    const batches = await allBatches(store);
    expect(batches.map((batch) => batch.length)).toEqual([1_000, 1_000, 500]);
    expect(batches.flat()).toEqual(naiveSpans(many));
    expect(await allSpans(store, { service: "nobody" })).toEqual([]);
  });

  test("a reader that pauses holds up no writer, and goes on where it was", async () => {
    const many = Array.from({ length: 1_500 }, (_, n) => span({ spanId: spanId(n), startNs: BigInt(n) }));
    const store = await filled(many);
    const reader = store.spans({})[Symbol.asyncIterator]();
    const first = await reader.next();
    await store.append([span({ traceId: traceId(1), startNs: 9_999n }), span({ traceId: traceId(2), startNs: 0n })]);
    const second = await reader.next();
    expect(first.value).toHaveLength(1_000);
    expect(second.value?.map((one: Span) => one.startNs)).toEqual([
      ...Array.from({ length: 500 }, (_, n) => BigInt(n + 1_000)),
      9_999n,
    ]);
    expect((await reader.next()).done).toBe(true);
  });
}
