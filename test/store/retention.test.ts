import { stat } from "node:fs/promises";
import { describe, expect, jest, test } from "@jest/globals";
import type { Span } from "../../src/model/span.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { retain, type RetentionPolicy } from "../../src/store/retention.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { startChild } from "./child.ts";
import { temporaryPaths } from "./folder.ts";
import { allSpans, naiveSpans } from "./naive.ts";
import { log } from "./log-records.ts";
import { gauge, pointAt } from "./points.ts";
import { numberedBatch, span, spanId, traceId } from "./spans.ts";

const path = temporaryPaths();
jest.setTimeout(120_000);

const HOUR = 3_600_000_000_000n;
const NOW = 10_000n * HOUR;
const FOREVER: RetentionPolicy = {
  plainNs: Infinity,
  errorNs: Infinity,
  rollupsNs: Infinity,
  metricsNs: Infinity,
  logsNs: Infinity,
};
const rest = async (): Promise<void> => undefined;

/** Traces of one span of half a kilobyte, one per hour before now; every fifth has an error. */
const hourly = (count: number): readonly Span[] =>
  Array.from({ length: count }, (_, n) =>
    span({
      traceId: traceId(n),
      spanId: spanId(n),
      startNs: NOW - BigInt(n + 1) * HOUR,
      status: n % 5 === 0 ? "error" : "ok",
      attributes: { filler: "x".repeat(500) },
    }),
  );

async function filled(file: string, spans: readonly Span[]): Promise<Store> {
  const store = await openSqliteStore({ path: file });
  for (let at = 0; at < spans.length; at += 2_000) await store.append(spans.slice(at, at + 2_000));
  return store;
}

const usedBytes = async (store: Store): Promise<number> => (await store.extent()).usedBytes ?? Number.NaN;

describe("a limit of size", () => {
  test("removes the oldest until it is met, the ages of both kinds shortened in proportion", async () => {
    await using store = await filled(path(), hourly(6_000));
    await retain(store, { policy: { ...FOREVER, rollupsNs: 1 }, now: NOW, rest });
    const used = await usedBytes(store);
    const policy = { ...FOREVER, plainNs: Number(10_000n * HOUR), errorNs: Number(20_000n * HOUR) };
    const removed = await retain(store, { policy: { ...policy, maxBytes: used * 0.4 }, now: NOW, rest });
    expect(await usedBytes(store)).toBeLessThanOrEqual(used * 0.4);
    expect(await usedBytes(store)).toBeGreaterThan(used * 0.38);
    expect(removed.plain.traces).toBeGreaterThan(0);
    const left = await allSpans(store);
    const ids = new Set(left.map(({ spanId: id }) => id));
    expect(left).toEqual(
      hourly(6_000)
        .filter(({ spanId: id }) => ids.has(id))
        .toReversed(),
    );
    const oldest = (await store.extent()).oldestNs;
    const [plain, error] = [NOW - (oldest.plain ?? 0n), NOW - (oldest.error ?? 0n)];
    // Errors may become twice as old, and twenty traces of a step are some hours.
    expect(Number(error) / Number(plain)).toBeGreaterThan(1.9);
    expect(Number(error) / Number(plain)).toBeLessThan(2.1);
    expect(left.filter(({ status }) => status === "ok")).toHaveLength(Number(((plain / HOUR) * 4n) / 5n));
  });

  test("that holds already, or that no trace is left for, removes nothing more", async () => {
    await using store = await filled(path(), hourly(200));
    const nothing = await retain(store, { policy: { ...FOREVER, maxBytes: 1e12 }, now: NOW, rest });
    expect(nothing.plain.traces + nothing.error.traces).toBe(0);
    const all = await retain(store, { policy: { ...FOREVER, maxBytes: 1 }, now: NOW, rest });
    expect(all.plain.traces + all.error.traces).toBe(200);
    expect(await allSpans(store)).toEqual([]);
    expect(all.rollups.rows).toBe(0);
  });

  test("takes metric points and log records too, each by the share of its age that it has outlived", async () => {
    await using store = await filled(path(), hourly(1_000));
    const at = (n: number): bigint => NOW - (BigInt(n + 1) * HOUR) / 4n;
    const points = Array.from({ length: 20_000 }, (_, n) => ({ ...pointAt(gauge(), 1, n), timeNs: at(n) }));
    await store.metrics.append(points);
    await store.logs.append(Array.from({ length: 9_000 }, (_, n) => log(1, { timeNs: at(n), body: "x".repeat(200) })));
    const used = await usedBytes(store);
    const ages = { plainNs: Number(5_000n * HOUR), metricsNs: Number(20_000n * HOUR), logsNs: Number(10_000n * HOUR) };
    const policy = { ...FOREVER, ...ages, maxBytes: used * 0.5 };
    const removed = await retain(store, { policy, now: NOW, rest });
    expect(await usedBytes(store)).toBeLessThanOrEqual(used * 0.5);
    expect(removed.metrics.points).toBeGreaterThan(0);
    expect(removed.logs.records).toBeGreaterThan(0);
    const { plain } = (await store.extent()).oldestNs;
    const oldest = [
      [plain, ages.plainNs],
      [await store.metrics.oldestNs(), ages.metricsNs],
      [await store.logs.oldestNs(), ages.logsNs],
    ] as const;
    const shares = oldest.map(([ns, age]) => Number(NOW - (ns ?? 0n)) / age);
    // Equal, up to a step: 5,000 points are a sixteenth of their age.
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThan(1 / 16 + 0.01);
  });

  test("of a store that cannot tell what it uses is refused before anything is removed", async () => {
    await using store = memoryStore();
    await store.append(hourly(3));
    const policy = { ...FOREVER, plainNs: 0, errorNs: 0, maxBytes: 1 };
    await expect(retain(store, { policy, now: NOW, rest })).rejects.toMatchObject({ code: "usage" });
    expect(await allSpans(store)).toHaveLength(3);
  });
});

describe("a SQLite store that was pruned", () => {
  test("reuses the space before it grows; compact gives it back to the disk", async () => {
    const file = path();
    await using store = await filled(file, hourly(4_000));
    const before = await store.extent();
    await retain(store, { policy: { ...FOREVER, plainNs: 0, errorNs: 0 }, now: NOW, rest });
    const pruned = await store.extent();
    expect(pruned.bytes).toBe(before.bytes);
    expect(pruned.usedBytes).toBeLessThan((before.usedBytes ?? 0) * 0.5);
    await store.append(hourly(1_000).map((one) => ({ ...one, traceId: one.traceId.replace(/^0/, "f") })));
    expect((await store.extent()).bytes).toBe(before.bytes);
    await retain(store, { policy: { ...FOREVER, plainNs: 0, errorNs: 0 }, now: NOW, rest });
    await store.compact();
    expect((await stat(file)).size).toBeLessThan(before.bytes * 0.5);
    expect((await store.extent()).bytes).toBe((await stat(file)).size);
  });

  test("read-only: is not pruned and not compacted", async () => {
    const file = path();
    await (await filled(file, hourly(3)))[Symbol.asyncDispose]();
    await using store = await openSqliteStore({ path: file, readOnly: true });
    await expect(store.prune({ kind: "plain", beforeNs: NOW })).rejects.toMatchObject({ code: "store_write_failed" });
    await expect(store.compact()).rejects.toMatchObject({ code: "store_write_failed" });
    expect((await store.prunable({ kind: "plain", beforeNs: NOW })).traces).toBe(2);
  });

  test("while other processes write: they lose nothing, and all that was old is gone", async () => {
    const file = path();
    const old = hourly(20_000).map((one) => ({
      ...one,
      startNs: one.startNs % 1_000_000n,
      traceId: one.traceId.replace(/^0/, "e"),
    }));
    await using store = await filled(file, old);
    const children = [0, 1].map((n) => startChild("append.ts", [file, String(n * 100), "60"]));
    for (const child of children) await child.printed(1);
    for (const child of children) child.tell("go");
    const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
    const policy = { ...FOREVER, plainNs: 0, errorNs: 0 };
    const removed = await retain(store, { policy, now: 1_000_000_000n, rest: turn });
    for (const child of children) await child.ended;
    const written = children.flatMap(({ lines }) => lines.filter((line) => /^\d+$/.test(line)).map(Number));
    expect(written).toHaveLength(120);
    expect(removed.plain.spans + removed.error.spans).toBe(20_000);
    expect(await allSpans(store)).toEqual(naiveSpans(written.flatMap(numberedBatch)));
  });
});
