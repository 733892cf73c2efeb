import { describe, expect, test } from "@jest/globals";
import { WhetstoneError } from "../../src/model/error.ts";
import { findSpans, findTrace } from "../../src/mcp/find-trace.ts";
import { lazyStore } from "../../src/mcp/lazy-store.ts";
import { namesInStore } from "../../src/mcp/names.ts";
import { loadPopulation } from "../../src/mcp/population.ts";
import { loadSeries, wholeMinutes } from "../../src/mcp/series.ts";
import { shownName } from "../../src/mcp/shown.ts";
import { listTraces } from "../../src/mcp/trace-list.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { contextOver } from "./calling.ts";
import { INJECTION, NOW } from "./hostile-store.ts";

const MINUTE = 60_000_000_000n;
const HOUR = { sinceNs: NOW - 60n * MINUTE, untilNs: NOW };

/** A store of traces with one span each, a minute apart; `changes` of the nth. */
async function storeOf(count: number, changes: (n: number) => Parameters<typeof span>[0] = () => ({})): Promise<Store> {
  const store = memoryStore();
  const spans = Array.from({ length: count }, (_, n) =>
    span({ traceId: traceId(n), startNs: NOW - BigInt(n + 1) * MINUTE, ...changes(n) }),
  );
  await store.append(spans);
  return store;
}

describe("a lazy store", () => {
  type Place = Parameters<typeof lazyStore>[0];
  const place = (changes: Partial<Place> = {}): Place => ({
    name: "here",
    exists: () => true,
    open: async () => memoryStore(),
    ...changes,
  });

  test("is opened once, at the first use, by whatever number of calls at the same time", async () => {
    let opened = 0;
    await using lazy = lazyStore(place({ open: async () => ((opened += 1), memoryStore()) }));
    expect(opened).toBe(0);
    const stores = await Promise.all([lazy.store("read"), lazy.store("write"), lazy.store("read")]);
    expect(opened).toBe(1);
    expect(new Set(stores).size).toBe(1);
  });

  test("that is not there is no store to read, but one to write", async () => {
    let exists = false;
    await using lazy = lazyStore(place({ exists: () => exists }));
    await expect(lazy.store("read")).rejects.toMatchObject({
      code: "not_found",
      message: expect.stringContaining("here"),
    });
    await lazy.store("write");
    await lazy.store("read");
    exists = true;
    await lazy.store("read");
  });

  test("whose opening failed is tried again", async () => {
    let tries = 0;
    const open = async () => {
      tries += 1;
      if (tries === 1) throw new WhetstoneError("store_open_failed", "busy");
      return memoryStore();
    };
    await using lazy = lazyStore(place({ open }));
    await expect(lazy.store("read")).rejects.toMatchObject({ code: "store_open_failed" });
    await lazy.store("read");
    expect(tries).toBe(2);
  });

  test("is closed when it was opened, and only then", async () => {
    let closed = 0;
    const open = async () => ({ ...memoryStore(), [Symbol.asyncDispose]: async () => void (closed += 1) });
    {
      await using unused = lazyStore(place({ open }));
      expect(unused).toBeDefined();
    }
    expect(closed).toBe(0);
    {
      await using used = lazyStore(place({ open }));
      await used.store("read");
    }
    expect(closed).toBe(1);
  });
});

describe("findTrace", () => {
  test("takes a whole id, in any case, and a unique beginning", async () => {
    const id = "0af7651916cd43dd8448eb211c80319c";
    const context = contextOver(await storeOf(1, () => ({ traceId: id })));
    for (const given of [id, id.toUpperCase(), "0af765", id.slice(0, 31)]) {
      expect((await findTrace(context, given))[0]?.traceId).toBe(id);
    }
  });

  test("names the traces that a beginning stands for, where there are several", async () => {
    const context = contextOver(await storeOf(3));
    await expect(findTrace(context, "000000")).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining(traceId(0)),
      remedy: expect.stringContaining("more digits"),
    });
  });

  test("knows the beginnings that it has shown, although others begin alike", async () => {
    const context = contextOver(await storeOf(3));
    const shown = context.ids.shorten(traceId(2));
    expect((await findTrace(context, shown))[0]?.traceId).toBe(traceId(2));
  });

  test.each([traceId(9), "abcdef"])("says that there is no %s, and how to find traces", async (id) => {
    const context = contextOver(await storeOf(1));
    await expect(findTrace(context, id)).rejects.toMatchObject({
      code: "not_found",
      remedy: expect.stringContaining("search_traces"),
    });
  });

  test("ends when the call is cancelled", async () => {
    const context = { ...contextOver(await storeOf(1)), signal: AbortSignal.abort() };
    await expect(findTrace(context, "abcdef")).rejects.toThrow(/abort/i);
  });

  test("bounds names, findSpans does not", async () => {
    const name = "x".repeat(1_000);
    const context = contextOver(await storeOf(1, () => ({ name })));
    expect((await findSpans(context, traceId(0)))[0]?.name).toBe(name);
    expect((await findTrace(context, traceId(0)))[0]?.name.length).toBeLessThanOrEqual(160);
  });
});

describe("names as answers show them", () => {
  const names = ["plain", INJECTION, "x".repeat(400), `${"x".repeat(399)}y`, "\u001b[1mbold"];

  test.each(names)("find what is called %j", async (name) => {
    const store = await storeOf(names.length, (n) => ({ service: names[n] ?? "", name: names[n] ?? "" }));
    expect(await namesInStore(store, { service: shownName(name) })).toEqual({ service: name });
    const { traces } = await listTraces(store, {
      filter: { service: shownName(name) },
      limit: 10,
      cursor: undefined,
      maxTokens: 4_000,
    });
    expect(traces.map((trace) => trace.rootService)).toEqual([shownName(name)]);
  });

  test("pass as they are where nothing has them", async () => {
    expect(await namesInStore(await storeOf(1), { operation: "unknown" })).toEqual({ operation: "unknown" });
    expect(await namesInStore(await storeOf(1), {})).toEqual({});
  });

  test("that stand for several are refused", async () => {
    const store = await storeOf(2, (n) => ({ service: n === 0 ? "a\u001b[1mb" : "a\u001b[2mb" }));
    await expect(namesInStore(store, { service: "ab" })).rejects.toMatchObject({ code: "usage" });
  });
});

describe("listTraces", () => {
  const request = { filter: {}, limit: 1_000, cursor: undefined, maxTokens: 1_000 } as const;

  test("leads through all traces, newest first, page by page", async () => {
    const store = await storeOf(57);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listTraces(store, { ...request, cursor, limit: 20 });
      expect(page.tokens).toBeLessThanOrEqual(1_000);
      seen.push(...page.traces.map((trace) => trace.traceId));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: 57 }, (_, n) => traceId(n)));
  });

  test("says where the newest trace is when nothing matches", async () => {
    const { hint } = await listTraces(await storeOf(1), { ...request, filter: { service: "other" } });
    expect(hint).toContain("newest trace");
  });

  test("says how to fill an empty store", async () => {
    const { hint, total } = await listTraces(memoryStore(), request);
    expect(hint).toContain("whetstone proxy");
    expect(total).toBe(0);
  });
});

describe("loadPopulation", () => {
  test("takes the whole traces of the window, newest first", async () => {
    const { traces, notes } = await loadPopulation(contextOver(await storeOf(90)), HOUR);
    expect(traces.map((tree) => tree.traceId)).toEqual(Array.from({ length: 60 }, (_, n) => traceId(n)));
    expect(notes).toEqual([]);
  });

  test("takes traces in which the service has a span, with their other spans", async () => {
    const store = await storeOf(3);
    await store.append([
      span({
        traceId: traceId(1),
        spanId: spanId(5),
        parentSpanId: spanId(0),
        service: "db",
        startNs: NOW - 2n * MINUTE,
      }),
    ]);
    const { traces } = await loadPopulation(contextOver(store), { ...HOUR, service: "db" });
    expect(traces.map((tree) => tree.nodes.length)).toEqual([2]);
  });

  test("leaves canaries out and says so", async () => {
    const store = await storeOf(3, (n) => (n === 1 ? { resource: { "whetstone.arm": "canary" } } : {}));
    const { traces, notes } = await loadPopulation(contextOver(store), HOUR);
    expect(traces).toHaveLength(2);
    expect(notes).toEqual([expect.stringContaining("1 traces of canaries")]);
  });

  test("says when it looks at the newest only", async () => {
    const store = await storeOf(5_010, (n) => ({ startNs: NOW - BigInt(n + 1) * 1_000_000n }));
    const { traces, notes } = await loadPopulation(contextOver(store), HOUR);
    expect(traces).toHaveLength(5_000);
    expect(notes).toEqual([expect.stringContaining("newest 5000 traces")]);
  });

  test("tells its progress, and ends when the call is cancelled", async () => {
    const told: string[] = [];
    const store = await storeOf(20);
    await loadPopulation(contextOver(store, told), HOUR);
    expect(told.at(-1)).toBe("20/20 traces read");
    const cancelled = { ...contextOver(store), signal: AbortSignal.abort() };
    await expect(loadPopulation(cancelled, HOUR)).rejects.toThrow(/abort/i);
  });
});

describe("series", () => {
  test.each([
    { minutes: 60n, steps: 200, stepMinutes: 1n },
    { minutes: 600n, steps: 200, stepMinutes: 3n },
    { minutes: 601n, steps: 200, stepMinutes: 4n },
  ])(
    "a window of $minutes minutes in at most $steps steps has steps of $stepMinutes",
    ({ minutes, steps, stepMinutes }) => {
      const window = wholeMinutes({ sinceNs: 7n * MINUTE, untilNs: (7n + minutes) * MINUTE }, steps);
      expect(window.stepNs).toBe(stepMinutes * MINUTE);
      expect((window.untilNs - window.sinceNs + window.stepNs - 1n) / window.stepNs).toBeLessThanOrEqual(BigInt(steps));
    },
  );

  test("windows widen to whole minutes, before 1970 too", () => {
    for (const sinceNs of [61_000_000_000n, -61_000_000_000n]) {
      const window = wholeMinutes({ sinceNs, untilNs: sinceNs + 1n }, 10);
      expect(window.sinceNs % MINUTE).toBe(0n);
      expect(window.sinceNs <= sinceNs && sinceNs < window.untilNs).toBe(true);
    }
  });

  test("count the calls of an operation step by step", async () => {
    const store = await storeOf(30, (n) => ({ name: n % 2 === 0 ? "even" : "odd" }));
    const series = await loadSeries(contextOver(store), { ...HOUR, operation: "even", steps: 60 });
    expect(series.map(({ operation }) => operation)).toEqual(["even"]);
    expect(series[0]?.points.reduce((sum, { calls }) => sum + calls, 0)).toBe(15);
  });
});
