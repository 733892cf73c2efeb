import { describe, expect, test } from "@jest/globals";
import { findProblems } from "../../src/analyze/findings.ts";
import { groupTraces } from "../../src/analyze/tree.ts";
import type { Attributes, Span } from "../../src/model/span.ts";
import { createRandom, type Random } from "../../src/stats/random.ts";
import { type Plan, toolCall, trace, traceIdOf } from "./population.ts";

/** A value whose logarithm is normal: heavy-tailed, as latencies and sizes are. */
const heavy = (random: Random, median: number, spread: number): number =>
  median * Math.exp(spread * Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform()));

const tool = (i: number): string => ["find", "read", "list"][i % 3] ?? "";

/** The trace `i` of a plan, at so many ms after the first of all. */
const at = (i: number, ms: number, plan: Plan): Span[] =>
  trace(0, plan).map((one) => ({
    ...one,
    traceId: traceIdOf(i),
    startNs: one.startNs + BigInt(Math.round(ms * 1e6)),
  }));

const times = (count: number, of: (i: number) => Span[]): Span[] =>
  Array.from({ length: count }, (_, i) => of(i)).flat();

const withAttributes = (spans: readonly Span[], more: Attributes): Span[] =>
  spans.map((one) => ({ ...one, attributes: { ...one.attributes, ...more } }));

/** Traffic in which nothing is wrong, though it looks unusual. */
const HEALTHY: Readonly<Record<string, (random: Random) => Span[]>> = {
  "heavy-tailed latency of one query": (random) =>
    times(200, (i) => {
      const ms = heavy(random, 5, 1.2);
      return trace(i, toolCall(tool(i), ms + 3, { children: [{ name: "query", kind: "client", at: 1, ms }] }));
    }),
  "bursts of fifty calls at once that share a database": (random) =>
    times(200, (i) => {
      const query: Plan = { name: "query", kind: "client", at: 1 + random.uniform(), ms: 5 + random.uniform() };
      const burst = Math.floor(i / 50) * 60_000;
      return at(i, burst + random.uniform() * 100, toolCall(tool(i), 10 + random.uniform(), { children: [query] }));
    }),
  "batch jobs of four inserts in order": (random) =>
    times(40, (i) =>
      at(i, i * 10_000, {
        name: "nightly",
        kind: "consumer",
        at: 0,
        ms: 5_000,
        children: [0, 1, 2, 3].map((part) => ({
          name: "bulk_insert",
          kind: "client",
          at: 100 + part * 1_200,
          ms: 1_000 + random.uniform() * 100,
        })),
      }),
    ),
  "pages that are fetched one after the other until there are no more, seven at most": (random) =>
    times(60, (i) => {
      const pages = 1 + Math.floor(random.uniform() * 7);
      const children = Array.from({ length: pages }, (_, page) => ({
        name: "GET /items",
        at: 2 + page * 22,
        ms: 20 + random.uniform() * 2,
      }));
      return trace(i, toolCall(tool(i), 4 + pages * 22, { children }));
    }),
  "two cron jobs that begin at the same second every hour": (random) =>
    times(48, (i) =>
      at(i, Math.floor(i / 2) * 3_600_000, {
        name: i % 2 === 0 ? "report" : "cleanup",
        at: 0,
        ms: 200 + random.uniform() * 50,
      }),
    ),
  "twenty-five shards side by side that do not queue": (random) =>
    times(60, (i) => {
      const children = Array.from({ length: 25 }, () => ({ name: "shard", at: 2, ms: 20 + random.uniform() * 4 }));
      return trace(i, toolCall(tool(i), 30, { children }));
    }),
  "sizes that vary wildly and do not grow": (random) =>
    times(120, (i) => {
      const rows = Math.round(heavy(random, 100, 1));
      return trace(i, toolCall(tool(i), 10, { children: [{ name: "query", at: 1, ms: 5, attributes: { rows } }] }));
    }),
  "pages of fifty rows, the last of each list shorter": (random) =>
    times(90, (i) => {
      const rows = i % 9 === 8 ? 7 : 50;
      const children = [{ name: "query", at: 1, ms: 5, attributes: { rows } }];
      return trace(i, toolCall("list", 10 + random.uniform(), { children }));
    }),
  "a new session every ten calls, its first call like any other": (random) =>
    times(120, (i) =>
      withAttributes(trace(i, toolCall(tool(i), 10 + random.uniform() * 8)), {
        "mcp.session.id": `s${Math.floor(i / 10)}`,
      }),
    ),
  "processes that live for one call each": (random) =>
    times(60, (i) =>
      trace(i, toolCall(tool(i), 10 + random.uniform() * 40)).map((one) => ({
        ...one,
        resource: { "process.pid": i },
      })),
    ),
  "one stall and one error in a thousand spans": (random) =>
    times(240, (i) =>
      trace(i, toolCall(tool(i), i === 77 ? 5_000 : 10 + random.uniform(), i === 99 ? { error: "timeout" } : {})),
    ),
};

describe("traffic that is awkward but well", () => {
  test.each(Object.keys(HEALTHY))("%s: nothing is found", (name) => {
    for (const seed of ["a", "b", "c", "d", "e"]) {
      const found = findProblems(groupTraces(HEALTHY[name]?.(createRandom(seed)) ?? []));
      expect(found.map(({ kind, operation }) => `${seed}: ${kind} of ${operation}`)).toEqual([]);
    }
  });

  test("a tool that waits for something to happen is slower than others: said with little confidence, and nothing else", () => {
    const random = createRandom("poll");
    const spans = times(80, (i) =>
      at(
        i,
        i * 40_000,
        toolCall(i % 4 === 3 ? "wait_for_event" : tool(i), i % 4 === 3 ? 25_000 : 5 + random.uniform()),
      ),
    );
    const found = findProblems(groupTraces(spans));
    expect(found.map(({ kind }) => kind)).toEqual(["slow_operation"]);
    expect(found[0]?.confidence).toBeLessThan(0.4);
  });

  test.each([
    ["messages of a long stream", { kind: "producer" as const, ms: 0.2, whole: 60_000 }],
    ["steps that take no time", { kind: "internal" as const, ms: 0, whole: 10 }],
  ])("%s are no more than information", (_, { kind, ms, whole }) => {
    const children = Array.from({ length: 30 }, (__, i) => ({ name: "step", kind, at: (i * whole) / 31, ms }));
    const spans = times(40, (i) => at(i, i * 100_000, { name: "listen", kind: "server", at: 0, ms: whole, children }));
    expect(findProblems(groupTraces(spans)).filter(({ severity }) => severity !== "info")).toEqual([]);
  });

  test("a call that is tried again once and then well is an error of what failed, no storm and no amplification", () => {
    const spans = times(100, (i) =>
      trace(
        i,
        toolCall(tool(i), 40, {
          children: [
            { name: "get", at: 1, ms: 10, ...(i % 10 === 0 && { error: "503" }) },
            ...(i % 10 === 0 ? [{ name: "get", at: 15, ms: 10 }] : []),
          ],
        }),
      ),
    );
    expect(findProblems(groupTraces(spans)).map(({ kind, operation }) => [kind, operation])).toEqual([
      ["errors", "get"],
    ]);
  });

  test("a caller that retries beside a chain of retries is not what multiplies them", () => {
    const failing = (name: string, from: number, inner?: string): Plan[] =>
      [0, 1].map((n) => ({
        name,
        at: from + n * 100,
        ms: 90,
        error: "busy",
        ...(inner !== undefined && {
          children: [0, 1, 2].map((k) => ({ name: inner, at: from + n * 100 + 1 + k * 20, ms: 10, error: "busy" })),
        }),
      }));
    const spans = times(20, (i) =>
      trace(i, {
        name: "outer",
        at: 0,
        ms: 900,
        children: [...failing("ping", 1), { name: "inner", at: 300, ms: 500, children: failing("send", 301, "post") }],
      }),
    );
    const amplified = findProblems(groupTraces(spans)).filter(({ kind }) => kind === "retry_amplification");
    expect(amplified).toMatchObject([{ operation: "inner", child: "post", value: 6 }]);
  });
});
