import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { hasCoarseStart, placeWithinTick } from "../../src/analyze/coarse-clock.ts";
import { findProblems } from "../../src/analyze/findings.ts";
import { buildTree, groupTraces } from "../../src/analyze/tree.ts";
import type { Span } from "../../src/model/span.ts";
import { inSequence, repeat, span, spanIdOf, toolCall } from "./population.ts";

const TICK = 1_000_000;
/** What a clock of whole milliseconds would have recorded of the server's own spans. */
const truncated = (spans: readonly Span[]): Span[] =>
  spans.map((s) => (s.kind === "internal" ? { ...s, startNs: s.startNs - (s.startNs % BigInt(TICK)) } : s));

describe("hasCoarseStart", () => {
  test.each([
    [5_000_000n, 123_456, true],
    [5_000_001n, 123_456, false],
    [5_000_000n, 2_000_000, false],
    [5_000_000n, 0, false],
  ])("start %d ns, length %d ns: %s", (startNs, durationNs, coarse) => {
    expect(hasCoarseStart(span({ spanId: spanIdOf(0), startNs, durationNs }))).toBe(coarse);
  });
});

describe("placeWithinTick", () => {
  const around = { start: 0, length: 100, parentStart: 0, parentEnd: 10 * TICK, siblingEnd: 0 };

  test.each([
    ["stays where nothing speaks against it", {}, 0],
    ["begins with its parent", { parentStart: 300 }, 300],
    ["begins when its sibling ends", { parentStart: 300, siblingEnd: 700 }, 700],
    ["does not wait for a sibling beyond the tick", { siblingEnd: TICK }, 0],
    ["does not leave its parent for a sibling", { parentEnd: 600, siblingEnd: 700 }, 0],
    ["never moves more than the tick", { parentStart: 5 * TICK }, TICK - 1],
  ])("a span %s", (_, change, start) => {
    expect(placeWithinTick({ ...around, ...change })).toBe(start);
  });
});

describe("traces of a server whose clock ticks in whole milliseconds", () => {
  const search = (): ReturnType<typeof toolCall> =>
    toolCall("search", 40.123, { children: inSequence("read", 100, { from: 0.3, ms: 0.2117 }) });

  test("the N+1 is found with its whole gain", () => {
    const [found, ...rest] = findProblems(groupTraces(truncated(repeat(20, search))));
    expect(rest).toEqual([]);
    expect(found).toMatchObject({ kind: "n_plus_one", child: "read", value: 100 });
    expect(found?.gainMs).toBeCloseTo(99 * 0.2117, 3);
  });

  test("reads side by side stay side by side", () => {
    const children = Array.from({ length: 100 }, (_, i) => ({ name: "read", at: 0.3 + i * 0.01, ms: 4.0017 }));
    expect(findProblems(groupTraces(truncated(repeat(20, () => toolCall("search", 6.123, { children })))))).toEqual([]);
  });

  const sequence = fc.array(
    fc.record({ gap: fc.nat(400_000), length: fc.integer({ min: 1, max: 3_000_000 }).filter((ns) => ns % TICK !== 0) }),
    {
      minLength: 1,
      maxLength: 60,
    },
  );

  test("property: spans that followed each other follow each other again, none moved by a tick or more", () => {
    fc.assert(
      fc.property(sequence, (steps) => {
        let at = 350_000;
        const spans = steps.map(({ gap, length }, i) => {
          const startNs = BigInt(at + gap);
          at += gap + length;
          return span({ spanId: spanIdOf(i + 1), parentSpanId: spanIdOf(0), startNs, durationNs: length });
        });
        const root = span({ spanId: spanIdOf(0), kind: "client", startNs: 250_000n, durationNs: at });
        const tree = buildTree(truncated([root, ...spans]));
        for (const node of tree.nodes) {
          const recorded = Number(node.span.startNs - tree.startNs);
          expect(node.start).toBeGreaterThanOrEqual(recorded);
          expect(node.start).toBeLessThan(recorded + TICK);
          expect(node.end - node.start).toBe(node.span.durationNs);
        }
        const children = tree.roots.flatMap((node) => node.children);
        expect(children).toHaveLength(steps.length);
        for (const [i, node] of children.slice(1).entries()) {
          expect(node.start).toBeGreaterThanOrEqual(children[i]?.end ?? Number.POSITIVE_INFINITY);
        }
      }),
    );
  });
});
