import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { criticalPath } from "../../src/analyze/critical-path.ts";
import { buildTree, type TraceTree } from "../../src/analyze/tree.ts";
import type { Span } from "../../src/model/span.ts";
import { anySpans } from "./arbitrary.ts";
import { trace, type Plan } from "./population.ts";

/** A CLIENT span of `web` from 1 to 11 ms, the SERVER span of `api` within it from 3 to 9 ms, and a query below that. */
const call = (at = 1, extra: Partial<Plan> = {}): Plan => ({
  name: "GET",
  service: "web",
  kind: "client",
  at,
  ms: 10.5,
  ...extra,
  children: [
    {
      name: "serve",
      service: "api",
      kind: "server",
      at: at + 2.25,
      ms: 6.25,
      children: [{ name: "query", service: "api", kind: "client", at: at + 3.25, ms: 2.25 }],
    },
  ],
});
const root = (children: readonly Plan[]): Plan => ({
  name: "page",
  service: "web",
  kind: "server",
  at: 0,
  ms: 40.5,
  children,
});

/** The spans with the clock of a service ahead by some ms. */
const ahead = (spans: readonly Span[], service: string, ms: number): Span[] =>
  spans.map((span) =>
    span.service === service ? { ...span, startNs: span.startNs + BigInt(Math.round(ms * 1e6)) } : span,
  );
const timesOf = (tree: TraceTree): unknown =>
  tree.nodes.map(({ span, start, end }) => [span.name, start / 1e6, end / 1e6]);

describe("clock skew", () => {
  const spans = trace(0, root([call()]));

  test.each([-5_000, -4, 4, 60_000])(
    "a callee's clock that is off by %d ms is brought into its caller, with all below",
    (ms) => {
      const tree = buildTree(ahead(spans, "api", ms));
      // Of the 4.25 ms that the caller waited longer than the callee ran, half are taken for the way there.
      expect(timesOf(tree)).toEqual([
        ["page", 0, 40.5],
        ["GET", 1, 11.5],
        ["serve", 3.125, 9.375],
        ["query", 4.125, 6.375],
      ]);
      expect(tree.skews).toEqual([{ service: "api", shiftNs: Math.round((-ms - 0.125) * 1e6), spans: 2 }]);
    },
  );

  test("within what the caller waited nothing is moved: it may have been so", () => {
    for (const ms of [0, 2, -2]) {
      const tree = buildTree(ahead(spans, "api", ms));
      expect(tree.skews).toEqual([]);
      expect(timesOf(tree)).toContainEqual(["serve", 3.25 + ms, 9.5 + ms]);
    }
  });

  test("several calls between two processes move by one offset that fits them all", () => {
    const tight: Plan = { ...call(20), ms: 7.75 };
    const [loose, close] = [call(1), { ...tight, children: [{ ...(tight.children?.[0] as Plan), at: 21.125 }] }];
    const tree = buildTree(ahead(trace(0, root([loose, close])), "api", 100));
    expect(tree.skews).toMatchObject([{ service: "api", spans: 4 }]);
    // The close call leaves 1.5 ms of room: its callee can have begun from 20 to 21.5 ms, so the middle is 20.75 ms.
    expect(timesOf(tree)).toContainEqual(["serve", 20.75, 27]);
    expect(timesOf(tree)).toContainEqual(["serve", 2.875, 9.125]);
  });

  test("a callee that outlives a caller which gave up, or runs longer, or is only told, is left where it is", () => {
    const gaveUp = { ...call(1, { error: "timeout" }), ms: 5.5 };
    expect(buildTree(trace(0, root([gaveUp]))).skews).toEqual([]);
    const told: Plan = {
      name: "send",
      service: "web",
      kind: "producer",
      at: 1,
      ms: 1.5,
      children: [{ name: "handle", service: "worker", kind: "consumer", at: 500, ms: 1.25 }],
    };
    expect(buildTree(trace(0, root([told]))).skews).toEqual([]);
  });

  test("a consumer that seems to begin before it was told is moved to where it was told", () => {
    const told: Plan = {
      name: "send",
      service: "web",
      kind: "producer",
      at: 5.1,
      ms: 1.5,
      children: [{ name: "handle", service: "worker", kind: "consumer", at: 2.1, ms: 30.25 }],
    };
    expect(timesOf(buildTree(trace(0, root([told]))))).toContainEqual(["handle", 5.1, 35.35]);
  });

  test("hosts of one service have clocks of their own; one host's spans share one", () => {
    const onHosts = (host: string): Span[] =>
      trace(0, root([call()])).map((span) => ({
        ...span,
        service: "one",
        resource: { "host.name": span.service === "api" ? host : "a" },
        startNs: span.service === "api" ? span.startNs - 3_600_000_000_000n : span.startNs,
      }));
    expect(buildTree(onHosts("b")).skews).toMatchObject([{ service: "one", spans: 2 }]);
    expect(buildTree(onHosts("a")).skews).toEqual([]);
  });

  test("self time and critical path are those of the repaired trace", () => {
    const tree = buildTree(ahead(spans, "api", 60_000));
    expect(tree.durationNs).toBe(40_500_000);
    expect(tree.nodes.map(({ selfNs }) => selfNs / 1e6)).toEqual([30, 4.25, 4, 2.25]);
    expect(criticalPath(tree).reduce((sum, { start, end }) => sum + end - start, 0)).toBe(40_500_000);
  });

  test("property: no server span is left outside a client span that waited for it and could hold it", () => {
    fc.assert(
      fc.property(fc.integer({ min: -10_000, max: 10_000 }), fc.integer({ min: 1, max: 6 }), (ms, count) => {
        const calls = Array.from({ length: count }, (_, i) => call(1.1 + i * 11));
        const plan = { ...root(calls), ms: 100.5 };
        const tree = buildTree(ahead(trace(0, plan), "api", ms));
        for (const { parent, span, start, end } of tree.nodes) {
          if (span.kind !== "server" || parent === undefined) continue;
          expect(start).toBeGreaterThanOrEqual(parent.start);
          expect(end).toBeLessThanOrEqual(parent.end);
        }
        expect(buildTree(ahead(trace(0, plan), "api", ms).toReversed()).skews).toEqual(tree.skews);
      }),
    );
  });

  test("property: whatever the spans, lengths stay, and spans of one process below each other keep their distance", () => {
    fc.assert(
      fc.property(anySpans, (given) => {
        const tree = buildTree(given);
        for (const { span, start, end, parent } of tree.nodes) {
          expect(end - start).toBe(span.durationNs);
          if (parent === undefined || parent.span.service !== span.service) continue;
          const recorded = Number(span.startNs - parent.span.startNs);
          expect(Math.abs(start - parent.start - recorded)).toBeLessThan(2_000_000);
        }
        expect(tree.skews.every(({ spans, shiftNs }) => spans > 0 && shiftNs !== 0)).toBe(true);
      }),
    );
  });
});
