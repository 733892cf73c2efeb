import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { coverageOf, knownPaths } from "../../src/analyze/coverage.ts";
import { dependencyMap } from "../../src/analyze/dependencies.ts";
import { diagnose } from "../../src/analyze/diagnose/diagnose.ts";
import { errorPaths } from "../../src/analyze/errors/propagation.ts";
import { findProblems } from "../../src/analyze/findings.ts";
import { groupTraces, type TraceTree } from "../../src/analyze/tree.ts";
import type { Finding } from "../../src/model/finding.ts";
import type { Span } from "../../src/model/span.ts";
import { createRandom } from "../../src/stats/random.ts";
import { inSequence, type Plan, spanIdOf, toolCall, trace, traceIdOf } from "./population.ts";

/** Seven nanoseconds beyond a whole tick: no span has a coarse start, at whatever scale. */
const BASE = 1_763_000_000_000_000_007n;
const random = createRandom("metamorphic");
const around = (ms: number): number => Math.round(ms * (1 + random.uniform() * 0.2) * 1e4) / 1e4;

/** One operation for each kind of problem. */
const PLANS: readonly ((i: number) => Plan)[] = [
  () => toolCall("list", around(40), { children: inSequence("row", 12, { from: 1, ms: 2.5 }) }),
  () => ({
    name: "profile",
    service: "web",
    at: 0,
    ms: around(60),
    children: ["user", "orders", "prices"].map((name, n) => ({ name, service: "back", at: 2 + n * 18, ms: 15 })),
  }),
  () => ({
    name: "sync",
    service: "web",
    at: 0,
    ms: 200,
    children: inSequence("push", 5, { ms: around(30) }).map((each) => ({ ...each, error: "busy" })),
  }),
  () => ({
    name: "page",
    service: "web",
    at: 0,
    ms: 100,
    children: Array.from({ length: 14 }, (_, n) => ({ name: `get_${n % 4}`, service: "users", at: 1 + n * 6, ms: 5 })),
  }),
  () => ({
    name: "spread",
    service: "web",
    at: 0,
    ms: 400,
    children: Array.from({ length: 24 }, (_, n) => ({ name: "shard", at: 1, ms: 5 + n * 12 })),
  }),
  (i) => toolCall("read", around(6), i % 3 === 0 ? { error: "timeout" } : {}),
];

const SPANS: readonly Span[] = Array.from({ length: 150 }, (_, i) =>
  trace(i, PLANS[i % PLANS.length]?.(Math.floor(i / PLANS.length)) ?? { name: "", at: 0, ms: 0 }).map((one) => ({
    ...one,
    startNs: one.startNs + 7n,
  })),
).flat();

const FOUND = findProblems(groupTraces(SPANS));

const shuffled = <T>(list: readonly T[], seed: string): T[] => {
  const order = createRandom(seed);
  return list
    .map((item) => ({ item, at: order.uniform() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
};

const renamed = (spans: readonly Span[], change: (one: Span) => Partial<Span>): Span[] =>
  spans.map((one) => ({ ...one, ...change(one) }));

/** Everything of a finding but exemplars and words. */
const numbers = (finding: Finding): unknown => ({ ...finding, traceIds: [], suggestion: "" });
const errors = (traces: readonly TraceTree[]): string[] =>
  traces
    .flatMap(errorPaths)
    .map(({ origin, reached }) => `${origin.key} ${reached}`)
    .sort();
const names = (findings: readonly Finding[]): string[] => findings.map(({ id }) => id).sort();

test("the population shows six kinds of problems", () => {
  expect(new Set(FOUND.map(({ kind }) => kind))).toEqual(
    new Set(["n_plus_one", "sequential_calls", "retry_storm", "chatty_calls", "fan_out", "errors"]),
  );
});

describe("findings do not depend on", () => {
  test("the order of spans and of traces", () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const traces = shuffled(groupTraces(shuffled(SPANS, seed)), seed);
        expect(findProblems(traces)).toEqual(FOUND);
        expect(dependencyMap(traces, "operation")).toEqual(dependencyMap(groupTraces(SPANS), "operation"));
        expect(errors(traces)).toEqual(errors(groupTraces(SPANS)));
      }),
      { numRuns: 8 },
    );
  });

  test.each([1_000_000n, -86_400_000_000_000n, 10n ** 18n, 1_763_000_000_000_000_000n * -1n])(
    "when it happened: all moved by %d ns",
    (shift) => {
      const moved = renamed(SPANS, ({ startNs }) => ({ startNs: startNs + shift }));
      expect(findProblems(groupTraces(moved))).toEqual(FOUND);
    },
  );

  test("the ids: others in the same order", () => {
    const other = (id: string): string => `e${id.slice(1)}`;
    const moved = renamed(SPANS, ({ traceId, spanId, parentSpanId }) => ({
      traceId: other(traceId),
      spanId: other(spanId),
      ...(parentSpanId !== undefined && { parentSpanId: other(parentSpanId) }),
    }));
    expect(findProblems(groupTraces(moved))).toEqual(
      FOUND.map((finding) => ({ ...finding, traceIds: finding.traceIds.map(other) })),
    );
  });

  test("the names: each finding under the new name, with the same numbers", () => {
    const moved = renamed(SPANS, ({ service, name }) => ({ service: `x.${service}`, name: `y.${name}` }));
    const found = findProblems(groupTraces(moved)).map(({ value, gainMs, severity, kind, confidence, samples }) =>
      JSON.stringify([kind, severity, value, gainMs, confidence, samples]),
    );
    const before = FOUND.map(({ value, gainMs, severity, kind, confidence, samples }) =>
      JSON.stringify([kind, severity, value, gainMs, confidence, samples]),
    );
    expect(found).toEqual(before);
  });

  test("spans without meaning: events, links to elsewhere, messages, attributes nobody reads", () => {
    const moved = renamed(SPANS, ({ attributes, startNs }) => ({
      statusMessage: "",
      attributes: { ...attributes, "app.colour": "red", note: [1, { a: null }] },
      events: [{ name: "tick", timeNs: startNs, attributes: {} }],
      links: [{ traceId: traceIdOf(9_999), spanId: spanIdOf(9_999), attributes: {} }],
    }));
    expect(findProblems(groupTraces(moved)).map(numbers)).toEqual(FOUND.map(numbers));
  });

  test("a service that nobody else calls", () => {
    const other = Array.from({ length: 60 }, (_, i) =>
      trace(5_000 + i, { name: "cleanup", service: "janitor", kind: "internal", at: 0, ms: around(3) }),
    ).flat();
    const both = findProblems(groupTraces([...SPANS, ...other]));
    expect(both.filter(({ service }) => service === "janitor")).toEqual([]);
    expect(both.map(numbers)).toEqual(FOUND.map(numbers));
  });

  test("the sampling, where all were kept at one rate", () => {
    for (const weight of [2, 7.5, 1_000]) {
      const sampled = renamed(SPANS, ({ attributes }) => ({
        attributes: { ...attributes, "whetstone.sample_weight": weight },
      }));
      expect(findProblems(groupTraces(sampled)).map(numbers)).toEqual(FOUND.map(numbers));
    }
  });
});

describe("findings change as the traces do", () => {
  test.each([3n, 10n])("times %d times as long: the same problems, every duration as many times as great", (factor) => {
    const scaled = renamed(SPANS, ({ startNs, durationNs }) => ({
      startNs: BASE + (startNs - BASE) * factor,
      durationNs: durationNs * Number(factor),
    }));
    const found = findProblems(groupTraces(scaled));
    expect(names(found)).toEqual(names(FOUND));
    for (const before of FOUND) {
      const after = found.find(({ id }) => id === before.id);
      expect(after?.severity).toBe(before.severity);
      expect(after?.gainMs).toBeCloseTo(before.gainMs * Number(factor), 4);
      const times = before.metric === "duration_ms" ? Number(factor) : 1;
      expect(after?.value).toBeCloseTo(before.value * times, 4);
    }
  });

  test("every trace twice: the same problems with twice the samples and no less confidence", () => {
    const copies = renamed(SPANS, ({ traceId }) => ({ traceId: `f${traceId.slice(1)}` }));
    const found = findProblems(groupTraces([...SPANS, ...copies]));
    expect(names(found)).toEqual(names(FOUND));
    for (const before of FOUND) {
      const after = found.find(({ id }) => id === before.id);
      expect(after?.samples).toBe(before.samples * 2);
      expect(after?.confidence).toBeGreaterThanOrEqual(before.confidence);
      const width = ({ interval }: Finding): number =>
        interval === undefined ? Infinity : interval.high - interval.low;
      if (before.kind === "errors" && after !== undefined) expect(width(after)).toBeLessThan(width(before));
    }
  });

  test("dependencies and coverage of every trace twice are twice those of once", () => {
    const copies = renamed(SPANS, ({ traceId }) => ({ traceId: `f${traceId.slice(1)}` }));
    const [once, twice] = [groupTraces(SPANS), groupTraces([...SPANS, ...copies])];
    for (const level of ["service", "operation"] as const) {
      const [a, b] = [dependencyMap(once, level), dependencyMap(twice, level)];
      expect(b.nodes.map(({ calls, errors, entries }) => [calls, errors, entries])).toEqual(
        a.nodes.map(({ calls, errors, entries }) => [calls * 2, errors * 2, entries * 2]),
      );
      expect(b.edges.map(({ errorRate, callsPerTrace }) => [errorRate, callsPerTrace])).toEqual(
        a.edges.map(({ errorRate, callsPerTrace }) => [errorRate, callsPerTrace]),
      );
    }
    const expected = knownPaths(once);
    expect(knownPaths(twice)).toEqual(expected);
    expect(coverageOf(twice, expected).covered.map(({ calls, traces }) => [calls, traces])).toEqual(
      coverageOf(once, expected).covered.map(({ calls, traces }) => [calls * 2, traces * 2]),
    );
  });
});

describe("a diagnosis", () => {
  const before = groupTraces(SPANS);
  const slower = renamed(SPANS, ({ name, durationNs, startNs }) => ({
    startNs: startNs + 10n ** 15n,
    durationNs: name === "user" ? durationNs + 2_900_000 : durationNs,
  }));
  const diagnosis = diagnose(before, groupTraces(slower));

  test("names the operation that got slower, and nothing where nothing did", () => {
    expect(diagnosis.ranked[0]).toMatchObject({ service: "back", operation: "user" });
    const later = renamed(SPANS, ({ startNs }) => ({ startNs: startNs + 10n ** 15n }));
    expect(diagnose(before, groupTraces(later)).ranked).toEqual([]);
  });

  test("depends neither on the order of traces nor on when they were", () => {
    expect(diagnose(shuffled(before, "a"), shuffled(groupTraces(slower), "b"))).toEqual(diagnosis);
    const moved = renamed(slower, ({ startNs }) => ({ startNs: startNs + 123_000_000n }));
    expect(diagnose(before, groupTraces(moved))).toEqual(diagnosis);
  });

  test("names it under its new name where all names are others", () => {
    const other = (spans: readonly Span[]) => groupTraces(renamed(spans, ({ name }) => ({ name: `y.${name}` })));
    const [first] = diagnose(other(SPANS), other(slower)).ranked;
    expect(first).toMatchObject({ operation: "y.user", score: diagnosis.ranked[0]?.score });
  });
});
