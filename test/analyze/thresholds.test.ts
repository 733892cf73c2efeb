import { describe, expect, test } from "@jest/globals";
import { detectRetryAmplification } from "../../src/analyze/detect/amplification.ts";
import { detectChattyCalls } from "../../src/analyze/detect/chatty.ts";
import { detectColdStarts } from "../../src/analyze/detect/cold-start.ts";
import { detectErrors } from "../../src/analyze/detect/errors.ts";
import { detectFanOut } from "../../src/analyze/detect/fan-out.ts";
import { detectLockStep } from "../../src/analyze/detect/lock-step.ts";
import { detectNPlusOne } from "../../src/analyze/detect/n-plus-one.ts";
import { detectPayloadGrowth } from "../../src/analyze/detect/payload-growth.ts";
import { detectRetryStorms } from "../../src/analyze/detect/retry.ts";
import { detectSequentialCalls } from "../../src/analyze/detect/sequential.ts";
import { detectSlowOperations } from "../../src/analyze/detect/slow.ts";
import { findProblems } from "../../src/analyze/findings.ts";
import { groupTraces, type TraceTree } from "../../src/analyze/tree.ts";
import { Finding } from "../../src/model/finding.ts";
import type { Span } from "../../src/model/span.ts";
import { inSequence, type Plan, repeat, trace } from "./population.ts";

type Border = {
  /** What is counted or measured. */
  readonly of: string;
  readonly detect: (traces: readonly TraceTree[]) => readonly Finding[];
  readonly spans: (size: number) => readonly Span[];
  /** The greatest size at which nothing is said, and the least at which something is. */
  readonly silent: number;
  readonly said: number;
};

const failing = (children: readonly Plan[]): Plan[] => children.map((each) => ({ ...each, error: "busy" }));

const small = (count: number, { ms = 4, kinds = 4 } = {}): Plan => ({
  name: "page",
  at: 0,
  ms: 100,
  children: Array.from({ length: count }, (_, i) => ({
    name: `get_${i % kinds}`,
    service: "users",
    at: 1 + i * ((99 - ms) / count),
    ms,
  })),
});

/** Requests of processes, eight each; the first takes `coldMs`, the others ten. */
const processes = (count: number, coldMs: number, quick = 0): Span[] =>
  Array.from({ length: count * 8 }, (_, i) =>
    trace(i, {
      name: "ask",
      kind: "server",
      at: 0,
      ms: i % 8 === 0 && i / 8 >= quick ? coldMs : 10,
    }).map((one) => ({ ...one, resource: { "process.pid": Math.floor(i / 8) } })),
  ).flat();

const growing = (count: number, factor: number): Span[] =>
  repeat(count, (i) => ({ name: "list", at: 0, ms: 5, attributes: { rows: 100 + (i * 100 * factor) / (count - 1) } }));

const BORDERS: readonly Border[] = [
  {
    of: "n_plus_one: repeats",
    detect: detectNPlusOne,
    spans: (n) => repeat(9, () => ({ name: "list", at: 0, ms: 60, children: inSequence("row", n, { ms: 4 }) })),
    silent: 7,
    said: 8,
  },
  {
    of: "n_plus_one: percent of the repeats that failed (then they are retries)",
    detect: (traces) => (detectNPlusOne(traces).length === 0 ? detectRetryStorms(traces) : []),
    spans: (percent) =>
      repeat(9, () => ({
        name: "list",
        at: 0,
        ms: 60,
        children: inSequence("row", 10, { ms: 4 }).map((row, i) => (i < percent / 10 ? { ...row, error: "e" } : row)),
      })),
    silent: 50,
    said: 60,
  },
  {
    of: "retry_storm: attempts",
    detect: detectRetryStorms,
    spans: (n) => repeat(9, () => ({ name: "sync", at: 0, ms: 60, children: failing(inSequence("push", n)) })),
    silent: 3,
    said: 4,
  },
  {
    of: "retry_amplification: innermost attempts (two outer ones)",
    detect: detectRetryAmplification,
    spans: (n) =>
      repeat(9, () => ({
        name: "sync",
        at: 0,
        ms: 60,
        children: failing(inSequence("send", 2, { ms: 20 })).map((outer, at) => ({
          ...outer,
          children: failing(inSequence("post", at === 0 ? 2 : n - 2, { from: outer.at + 0.1, ms: 2 })),
        })),
      })),
    silent: 3,
    said: 4,
  },
  {
    of: "chatty_calls: calls",
    detect: detectChattyCalls,
    spans: (n) => repeat(9, () => small(n)),
    silent: 9,
    said: 10,
  },
  {
    of: "chatty_calls: operations",
    detect: detectChattyCalls,
    spans: (kinds) => repeat(9, () => small(12, { kinds })),
    silent: 1,
    said: 2,
  },
  {
    of: "chatty_calls: percent of the request's time in all ten calls",
    detect: detectChattyCalls,
    spans: (percent) => repeat(9, () => small(10, { ms: percent / 10 })),
    silent: 19,
    said: 20,
  },
  {
    of: "fan_out: calls at the same time",
    detect: detectFanOut,
    spans: (n) =>
      repeat(9, () => ({
        name: "spread",
        at: 0,
        ms: 300,
        children: Array.from({ length: n }, (_, i) => ({ name: "shard", at: 1, ms: 10 + i * 10 })),
      })),
    silent: 19,
    said: 20,
  },
  {
    of: "sequential_calls: calls of the parent",
    detect: detectSequentialCalls,
    spans: (n) =>
      repeat(n, () => ({
        name: "profile",
        at: 0,
        ms: 40,
        children: ["user", "orders"].map((name, i) => ({ name, at: 1 + i * 19, ms: 18 })),
      })),
    silent: 4,
    said: 5,
  },
  {
    of: "errors: number",
    detect: detectErrors,
    spans: (n) => repeat(50, (i) => ({ name: "get", at: 0, ms: 1, error: i < n && "timeout" })),
    silent: 1,
    said: 2,
  },
  {
    of: "slow_operation: calls",
    detect: detectSlowOperations,
    spans: (n) =>
      repeat(n, () => ({ name: "slow", at: 0, ms: 90 })).concat(
        repeat(40, (i) => ({ name: `quick${i % 2}`, at: 0, ms: 10 }), 1_000),
      ),
    silent: 9,
    said: 10,
  },
  {
    of: "slow_operation: times the p95 of its peers",
    detect: detectSlowOperations,
    spans: (ratio) =>
      repeat(40, () => ({ name: "slow", at: 0, ms: 10 * ratio })).concat(
        repeat(40, (i) => ({ name: `quick${i % 2}`, at: 0, ms: 10 }), 1_000),
      ),
    silent: 2.99,
    said: 3,
  },
  { of: "cold_start: processes", detect: detectColdStarts, spans: (n) => processes(n, 100), silent: 2, said: 3 },
  {
    of: "cold_start: ms of a first call",
    detect: detectColdStarts,
    spans: (ms) => processes(4, ms),
    silent: 29,
    said: 30,
  },
  {
    of: "cold_start: cold ones of ten",
    detect: detectColdStarts,
    spans: (cold) => processes(10, 100, 10 - cold),
    silent: 7,
    said: 8,
  },
  { of: "payload_growth: calls", detect: detectPayloadGrowth, spans: (n) => growing(n, 9), silent: 16, said: 17 },
  { of: "payload_growth: growth", detect: detectPayloadGrowth, spans: (by) => growing(61, by), silent: 1.9, said: 2.1 },
];

describe("the border of every threshold", () => {
  test.each(BORDERS.map((border) => [border.of, border] as const))("%s", (_, { detect, spans, silent, said }) => {
    expect(detect(groupTraces(spans(silent)))).toEqual([]);
    const found = detect(groupTraces(spans(said)));
    expect(found).toHaveLength(1);
    expect(found.map((finding) => Finding.safeParse(finding).error)).toEqual([undefined]);
  });

  const POPULATION = groupTraces(BORDERS.flatMap(({ spans, said }, at) => offset(spans(said), at)));

  test("with every threshold at nothing the detectors still answer with findings of the model", () => {
    const found = findProblems(POPULATION, {
      structure: { minRepeats: 0, maxConcurrency: 1e9, minCalls: 0, minShare: 0 },
      errors: { minErrors: 0 },
      slow: { minShare: 0, minRatio: 0, minCalls: 0, minPeers: 0 },
      retry: { minAttempts: 0 },
      amplification: { minAttempts: 0 },
      chatty: { minCalls: 0, maxEach: 1e9, minShare: 0 },
      fanOut: { minParallel: 0, minShare: 0 },
      lockStep: { minExpected: 0, maxSeen: 1e9, minHandovers: 0 },
      coldStart: { minInstances: 0, minRatio: 0, minWarm: 0, minExcessMs: 0 },
      growth: { minCalls: 0, minRatio: 0, minZ: -1e9 },
    });
    expect(found.length).toBeGreaterThan(20);
    expect(found.flatMap((finding) => Finding.safeParse(finding).error?.issues ?? [])).toEqual([]);
  });

  test("with every threshold out of reach they say nothing", () => {
    const most = Number.MAX_VALUE;
    const found = findProblems(POPULATION, {
      structure: { minRepeats: most, minCalls: most },
      errors: { minErrors: most },
      slow: { minCalls: most },
      retry: { minAttempts: most },
      amplification: { minAttempts: most },
      chatty: { minCalls: most },
      fanOut: { minParallel: most },
      lockStep: { minExpected: most },
      coldStart: { minInstances: most },
      growth: { minCalls: most },
    });
    expect(found).toEqual([]);
  });

  test.each([0, 1, 2])("lock_step of %d calls and no expectation throws nothing", (count) => {
    const spans = repeat(count, () => ({ name: "ask", at: 0, ms: 9, children: [{ name: "in", at: 1, ms: 2 }] }));
    expect(detectLockStep(groupTraces(spans), { minExpected: 0, minHandovers: 0 })).toEqual([]);
  });
});

/** Spans in a service and traces of their own. */
function offset(spans: readonly Span[], by: number): Span[] {
  return spans.map((one) => ({
    ...one,
    traceId: `${(by + 1).toString(16).padStart(4, "0")}${one.traceId.slice(4)}`,
    service: `${by}.${one.service}`,
  }));
}
