import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalJson } from "../../src/model/json.ts";
import type { LogRecord } from "../../src/model/log.ts";
import type { LogFilter, LogStore } from "../../src/store/log-port.ts";
import { encodeText } from "../../src/store/text.ts";
import type { Harness } from "./harness.ts";
import { log, LOG_START, logFilter, logSet } from "./log-records.ts";
import { spanId, traceId } from "./spans.ts";

/** What every {@link LogStore} promises. `runs`: random cases per property. */
export function logContract(start: () => Promise<Harness>, runs: number): void {
  let harness: Harness;
  beforeAll(async () => {
    harness = await start();
  });
  afterAll(() => harness.end());
  const filled = async (...batches: (readonly LogRecord[])[]): Promise<LogStore> => {
    const { logs } = await harness.empty();
    for (const batch of batches) await logs.append(batch);
    return logs;
  };
  properties(filled, runs);
  describe("append", () => appending(filled));
  describe("search", () => searching(filled));
  describe("prune", () => pruning(filled));
}

type Filled = (...batches: (readonly LogRecord[])[]) => Promise<LogStore>;

/** All pages of a search. */
export async function allLogs(store: LogStore, filter: LogFilter = {}, limit = 100) {
  const records: LogRecord[] = [];
  const totals = new Set<number | undefined>();
  for (let cursor: string | undefined; ;) {
    const page = await store.search(filter, { limit, ...(cursor === undefined ? {} : { cursor }) });
    records.push(...page.records);
    totals.add(page.total);
    expect(page.records.length).toBeLessThanOrEqual(limit);
    cursor = page.nextCursor;
    if (cursor === undefined) return { records, totals: [...totals] };
  }
}

/** Text of a record, for comparing sets. */
const textOf = ({ timeNs, observedNs, ...rest }: LogRecord): string => `${timeNs} ${observedNs} ${canonicalJson(rest)}`;
const sorted = (records: readonly LogRecord[]): readonly string[] => records.map(textOf).sort();

const fold = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

/** The body as the port says that it is searched. */
function searchable({ body }: LogRecord): string | undefined {
  return body === undefined || typeof body === "string" ? body : JSON.stringify(body);
}

function naive(record: LogRecord, filter: LogFilter): boolean {
  const { service = record.service, minSeverity = 0, sinceNs = 0n, untilNs = 2n ** 64n } = filter;
  const { traceId: trace = record.traceId, spanId: span = record.spanId, eventName = record.eventName } = filter;
  const has = Object.entries(filter.attributes ?? {}).every(([key, text]) =>
    [record.attributes, record.resource].some((own) => {
      const value = Object.hasOwn(own, key) ? own[key] : undefined;
      return value !== undefined && (typeof value === "string" ? value : JSON.stringify(value)) === text;
    }),
  );
  const text = searchable(record);
  const isFound = filter.text === undefined || (text !== undefined && fold(text).includes(fold(filter.text)));
  const isSame = record.service === service && record.traceId === trace && record.spanId === span;
  const isIn = record.timeNs >= sinceNs && record.timeNs < untilNs && (record.severity ?? 0) >= minSeverity;
  return has && isFound && isSame && isIn && record.eventName === eventName;
}

/** Whether body and filter are stored as they are, so that a naive search of the text says the same. */
const isPlain = (records: readonly LogRecord[], { text = "" }: LogFilter): boolean =>
  encodeText(text) === text &&
  records.every(({ body }) => typeof body !== "object" && (typeof body !== "string" || encodeText(body) === body));

function properties(filled: Filled, numRuns: number): void {
  test("records come back as they were, equal ones of a batch all of them, and a batch that comes again stores none", async () => {
    await fc.assert(
      fc.asyncProperty(logSet, async (records) => {
        const store = await filled();
        expect(await store.append(records)).toEqual({ stored: records.length, duplicates: 0 });
        expect(await store.append(records)).toEqual({ stored: 0, duplicates: records.length });
        const all = await allLogs(store, {}, 7);
        expect(sorted(all.records)).toEqual(sorted(records));
        expect(all.totals).toEqual([records.length]);
        const times = all.records.map(({ timeNs }) => timeNs);
        expect(times).toEqual(times.toSorted((a, b) => (a > b ? -1 : a < b ? 1 : 0)));
      }),
      { numRuns },
    );
  });

  test("a search gives what a naive filter gives, page by page", async () => {
    const filters = fc.array(logFilter, { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(logSet, filters, async (records, all) => {
        const store = await filled(records);
        for (const filter of all) {
          if (filter.text !== undefined && !isPlain(records, filter)) continue;
          const expected = records.filter((record) => naive(record, filter));
          const found = await allLogs(store, filter, 3);
          expect(sorted(found.records)).toEqual(sorted(expected));
          expect(found.totals).toEqual([expected.length]);
        }
      }),
      { numRuns },
    );
  });
}

function appending(filled: Filled): void {
  test.each<[string, Partial<LogRecord>]>([
    ["a time before 1970", { timeNs: -1n }],
    ["no time", { timeNs: 0n }],
    ["a time beyond 2262", { timeNs: 2n ** 63n }],
    ["an observed time beyond 2262", { observedNs: 2n ** 63n }],
    ["a severity of 25", { severity: 25 }],
    ["a severity of 0", { severity: 0 }],
    ["a short trace id", { traceId: "ab" }],
    ["a span id of zeros", { spanId: "0".repeat(16) }],
    ["half a dropped attribute", { droppedAttributes: 0.5 }],
  ])("%s is refused, and nothing of the batch is kept", async (_, wrong) => {
    const store = await filled();
    await expect(store.append([log(1), log(2, wrong)])).rejects.toMatchObject({ code: "store_write_failed" });
    expect((await allLogs(store)).records).toEqual([]);
    expect(await store.append([log(1)])).toEqual({ stored: 1, duplicates: 0 });
  });

  test("a record that comes again in another batch is a repetition, observed anew or not", async () => {
    const store = await filled([log(1, { body: "a", observedNs: 5n })]);
    const again = [log(1, { body: "a", observedNs: 9n }), log(1, { body: "a" }), log(1, { body: "b" })];
    expect(await store.append(again)).toEqual({ stored: 2, duplicates: 1 });
  });

  test("ten thousand attributes, a body of a megabyte and ten thousand records are stored", async () => {
    const wide = log(0, {
      attributes: Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, n])),
      body: "x".repeat(1_000_000),
    });
    const many = Array.from({ length: 10_000 }, (_, n) => log(n + 1, { body: `line ${n}` }));
    const store = await filled();
    expect(await store.append([wide, ...many])).toEqual({ stored: 10_001, duplicates: 0 });
    const found = await store.search({ text: "XXX" }, { limit: 1 });
    expect(sorted(found.records)).toEqual(sorted([wide]));
  });

  test("an empty batch stores nothing", async () => {
    expect(await (await filled()).append([])).toEqual({ stored: 0, duplicates: 0 });
  });
}

function searching(filled: Filled): void {
  test("newest first; severity and trace find what they should, at and beyond the bounds", async () => {
    const store = await filled([
      log(1, { severity: 16, body: "warned" }),
      log(3, { severity: 17, body: "failed", traceId: traceId(1), spanId: spanId(1) }),
      log(2, { severity: 21, body: "died" }),
      log(4, { body: "unsaid", traceId: traceId(1) }),
    ]);
    const bodies = async (filter: LogFilter) => (await allLogs(store, filter)).records.map(({ body }) => body);
    expect(await bodies({})).toEqual(["unsaid", "failed", "died", "warned"]);
    expect(await bodies({ minSeverity: 17 })).toEqual(["failed", "died"]);
    expect(await bodies({ minSeverity: 18 })).toEqual(["died"]);
    expect(await bodies({ minSeverity: 16 })).toEqual(["failed", "died", "warned"]);
    expect(await bodies({ traceId: traceId(1) })).toEqual(["unsaid", "failed"]);
    expect(await bodies({ spanId: spanId(1) })).toEqual(["failed"]);
    expect(await bodies({ sinceNs: LOG_START + 2n, untilNs: LOG_START + 3n })).toEqual(["died"]);
    for (const id of ["", "xyz", "0".repeat(32)]) expect(await bodies({ traceId: id })).toEqual([]);
  });

  test("text is found anywhere, ASCII letters in either case, and never as a pattern", async () => {
    const store = await filled([
      log(1, { body: "Connection TIMED out, 100 % lost" }),
      log(2, { body: { error: { code: "ETIMEDOUT" } } }),
      log(3, { body: "\u00c4rger" }),
      log(4, { body: "nul \0 inside" }),
      log(5),
    ]);
    const times = async (text: string) =>
      (await allLogs(store, { text })).records.map(({ timeNs }) => Number(timeNs - LOG_START));
    expect(await times("timed")).toEqual([2, 1]);
    expect(await times("100 %")).toEqual([1]);
    expect(await times("%")).toEqual([1]);
    expect(await times("_")).toEqual([]);
    expect(await times('"code":"e')).toEqual([2]);
    expect(await times("\u00c4RGER")).toEqual([3]);
    expect(await times("\u00e4rger")).toEqual([]);
    expect(await times("\0")).toEqual([4]);
    expect(await times("")).toEqual([4, 3, 2, 1]);
  });

  test("what is rare is found far back, and a total is given only where it was counted", async () => {
    const many = Array.from({ length: 11_000 }, (_, n) =>
      log(n, { body: n === 3 ? "needle" : "hay", severity: n === 5 ? 17 : 9 }),
    );
    const store = await filled(many);
    const { records } = await store.search({ text: "needle" }, { limit: 5 });
    expect(records.map(({ timeNs }) => timeNs)).toEqual([LOG_START + 3n]);
    expect(await store.search({ minSeverity: 17 }, { limit: 5 })).toMatchObject({
      total: 1,
      records: [{ severity: 17 }],
    });
    expect([undefined, 11_000]).toContain((await store.search({}, { limit: 5 })).total);
    expect((await allLogs(store, {}, 1_000)).records).toHaveLength(11_000);
  });

  test("a record that arrives between two pages does not shift the next one", async () => {
    const store = await filled([1, 2, 3, 4].map((at) => log(at)));
    const first = await store.search({}, { limit: 2 });
    await store.append([log(9)]);
    const second = await store.search({}, { limit: 2, cursor: first.nextCursor ?? "" });
    const times = [...first.records, ...second.records].map(({ timeNs }) => Number(timeNs - LOG_START));
    expect(times).toEqual([4, 3, 2, 1]);
    expect(second.nextCursor).toBeUndefined();
  });

  test.each(["", "x", "bm90IGEgY3Vyc29y", Buffer.from("1:00").toString("base64url")])(
    "the cursor %j is refused",
    async (cursor) => {
      await expect((await filled()).search({}, { limit: 1, cursor })).rejects.toMatchObject({ code: "usage" });
    },
  );

  test.each([0, 1.5, 1_001, Number.NaN])("a page of %p records is refused", async (limit) => {
    await expect((await filled()).search({}, { limit })).rejects.toMatchObject({ code: "usage" });
  });

  test.each([0, 25, 1.5, Number.NaN])("the severity %p is refused", async (minSeverity) => {
    await expect((await filled()).search({ minSeverity }, { limit: 1 })).rejects.toMatchObject({ code: "usage" });
  });
}

function pruning(filled: Filled): void {
  test("what is older goes, step by step, and is counted before and while", async () => {
    const records = Array.from({ length: 3_000 }, (_, n) => log(n, { body: `${n}` }));
    const store = await filled(records);
    const before = LOG_START + 2_500n;
    expect(await store.oldestNs()).toBe(LOG_START);
    expect(await store.prunable(before)).toBe(2_500);
    let removed = 0;
    for (let count = -1; count !== 0; removed += count) count = await store.prune(before);
    expect(removed).toBe(2_500);
    expect(await store.oldestNs()).toBe(before);
    expect((await allLogs(store)).records).toEqual(records.slice(2_500).toReversed());
  });

  test("an empty store has nothing to remove", async () => {
    const store = await filled();
    expect([await store.prune(2n ** 62n), await store.prunable(2n ** 62n), await store.oldestNs()]).toEqual([
      0,
      0,
      undefined,
    ]);
  });
}
