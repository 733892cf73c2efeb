import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { findProblems } from "../../src/analyze/findings.ts";
import { groupTraces } from "../../src/analyze/tree.ts";
import { Finding } from "../../src/model/finding.ts";
import type { Span } from "../../src/model/span.ts";
import { createRandom } from "../../src/stats/random.ts";
import { anySpans } from "./arbitrary.ts";
import { healthyPopulation } from "./healthy.ts";
import { inSequence, repeat, spanIdOf, toolCall, traceIdOf } from "./population.ts";

const find = (spans: readonly Span[]): Finding[] => findProblems(groupTraces(spans));
const idsOf = (findings: readonly Finding[]): string[] => findings.map(({ id }) => id);

describe("findProblems", () => {
  test("property: nothing is found in a healthy population; an N+1 put into it is found where it was put", () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.integer(),
          healthy: fc.integer({ min: 40, max: 120 }),
          reads: fc.integer({ min: 8, max: 60 }),
        }),
        fc.constantFrom("search_notes", "get_note", "another"),
        ({ seed, healthy, reads }, tool) => {
          const spans = healthyPopulation(healthy, createRandom(seed));
          expect(find(spans)).toEqual([]);
          const slow = () => toolCall(tool, reads + 1, { children: inSequence(`${tool}.fetch`, reads) });
          const found = find([...spans, ...repeat(20, slow, healthy)]).filter(({ kind }) => kind === "n_plus_one");
          expect(found).toMatchObject([{ operation: `tools/call ${tool}`, child: `${tool}.fetch`, value: reads }]);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("the greatest impact first: severity, then milliseconds saved over all calls, then id", () => {
    const heavy = (tool: string, count: number, from: number): Span[] =>
      repeat(count, () => toolCall(tool, 41, { children: inSequence("read", 40) }), from);
    const failing = repeat(100, (i) => toolCall("flaky", 41, { error: i < 12 }), 300);
    const found = find([...heavy("b", 10, 0), ...heavy("a", 10, 20), ...heavy("c", 60, 100), ...failing]);
    expect(idsOf(found)).toEqual([
      "n_plus_one:notes:tools/call c",
      "n_plus_one:notes:tools/call a",
      "n_plus_one:notes:tools/call b",
      "errors:notes:tools/call flaky",
    ]);
  });

  test("slowness that another finding explains is not reported once more", () => {
    const peers = ["x", "y"].flatMap((tool, i) => repeat(20, () => toolCall(tool, 10), i * 100));
    const explained = repeat(20, () => toolCall("slow", 100, { children: inSequence("read", 90) }), 200);
    const unexplained = repeat(20, () => toolCall("slow", 100), 200);
    expect(idsOf(find([...peers, ...explained]))).toEqual(["n_plus_one:notes:tools/call slow"]);
    expect(idsOf(find([...peers, ...unexplained]))).toEqual(["slow_operation:notes:tools/call slow"]);
  });

  test("a retry storm is not an N+1 as well, and its errors are found where they begin", () => {
    const children = inSequence("fetch", 10).map((plan) => ({ ...plan, error: "timeout" }));
    const found = find(repeat(20, () => toolCall("sync", 12, { error: "tool_error", children })));
    expect(idsOf(found).sort()).toEqual(["errors:notes:fetch", "retry_storm:notes:tools/call sync"]);
  });

  const populations = fc.array(anySpans, { minLength: 1, maxLength: 8 }).map((traces) =>
    // Copies make statistics large enough for every detector to speak.
    traces.flatMap((spans, t) =>
      Array.from({ length: 12 }, (_, copy) =>
        spans.map((span) => ({ ...span, traceId: traceIdOf(t * 12 + copy) })),
      ).flat(),
    ),
  );

  test("property: whatever the traces, findings parse, are one per id, name traces of the population, in any order", () => {
    fc.assert(
      fc.property(populations, (spans) => {
        const found = find(spans);
        expect(new Set(idsOf(found)).size).toBe(found.length);
        expect(find(spans.toReversed())).toEqual(found);
        expect(findProblems(groupTraces(spans).toReversed())).toEqual(found);
        const known = new Set(spans.map(({ traceId }) => traceId));
        for (const finding of found) {
          expect(Finding.parse(finding)).toEqual(finding);
          expect(finding.traceIds.length).toBeGreaterThan(0);
          expect(finding.traceIds.every((id) => known.has(id))).toBe(true);
          expect(finding.suggestion).toMatch(/^[A-Za-z0-9._/ ?;:,()%-]*$/);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("a deep and a wide trace end in time to be read", () => {
    const chain = repeat(1, () => ({ name: "root", at: 0, ms: 1 })).flatMap((first) =>
      Array.from({ length: 5_000 }, (_, i) => ({
        ...first,
        spanId: spanIdOf(i),
        ...(i > 0 && { parentSpanId: spanIdOf(i - 1) }),
      })),
    );
    const wide = repeat(1, () => ({ name: "root", at: 0, ms: 6_000, children: inSequence("read", 5_000) }), 1);
    expect(idsOf(find([...chain, ...wide]))).toEqual(["n_plus_one:notes:root"]);
  });
});
