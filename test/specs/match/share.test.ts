import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { shareSpans, UNFILLED, type Share } from "../../../src/specs/match/share.ts";
import { requireSpec } from "../../../src/specs/parse.ts";
import type { SpanRule } from "../../../src/specs/spec.ts";

/** Rules with the given counts; what they are is of no matter here. */
function rulesOf(counts: readonly (readonly [number, number])[]): readonly SpanRule[] {
  const list = counts.map(([min, max]) => `  - { operation_name: x, count: { min: ${min}, max: ${max} } }\n`).join("");
  return requireSpec(`name: s\nexpected_spans:\n${list}`, "s").spec.spans;
}

type Given = {
  readonly counts: readonly (readonly [number, number])[];
  readonly pools: readonly (readonly number[])[];
  readonly costs?: Readonly<Record<string, number>>;
};

function shareOf({ counts, pools, costs = {} }: Given): Share {
  const rules = rulesOf(counts);
  return {
    rules,
    pools: new Map(rules.map((rule, i) => [rule, pools[i] ?? []])),
    least: (rule) => rule.count.min,
    cost: (rule, at) => costs[`${rule.number}:${at}`] ?? 0,
  };
}

/** Positions by rule, and whether the exact method gave them. */
function sharedOf(given: Given): { readonly spans: readonly (readonly number[])[]; readonly exact: boolean } {
  const share = shareOf(given);
  const { spans, exact } = shareSpans(share);
  return { spans: share.rules.map((rule) => spans.get(rule) ?? []), exact };
}

describe("shareSpans", () => {
  test("a rule without competition takes what it may, the best first, in their order", () => {
    expect(sharedOf({ counts: [[1, 5]], pools: [[3, 4, 9]] }).spans).toEqual([[3, 4, 9]]);
    expect(sharedOf({ counts: [[1, 2]], pools: [[3, 4, 9]] }).spans).toEqual([[3, 4]]);
    expect(sharedOf({ counts: [[1, 2]], pools: [[3, 4, 9]], costs: { "0:3": 5 } }).spans).toEqual([[4, 9]]);
    expect(sharedOf({ counts: [[0, 0]], pools: [[3]] }).spans).toEqual([[]]);
    expect(sharedOf({ counts: [[1, 1]], pools: [[]] }).spans).toEqual([[]]);
  });

  test("a rule with one choice gets it, though another came first", () => {
    expect(
      sharedOf({
        counts: [
          [1, 1],
          [1, 1],
        ],
        pools: [[1, 2], [1]],
      }).spans,
    ).toEqual([[2], [1]]);
    expect(
      sharedOf({
        counts: [
          [1, 1],
          [1, 1],
          [1, 1],
        ],
        pools: [[1, 2], [1, 3], [1]],
      }).spans,
    ).toEqual([[2], [3], [1]]);
  });

  test("what must be comes before what may be, whatever the faults", () => {
    const costs = { "0:1": 0, "1:1": 9_000 };
    expect(
      sharedOf({
        counts: [
          [0, 1],
          [1, 1],
        ],
        pools: [[1], [1]],
        costs,
      }).spans,
    ).toEqual([[], [1]]);
  });

  test("faults decide among equals, then order", () => {
    expect(
      sharedOf({
        counts: [
          [1, 1],
          [1, 1],
        ],
        pools: [
          [1, 2],
          [1, 2],
        ],
      }).spans,
    ).toEqual([[1], [2]]);
    expect(
      sharedOf({
        counts: [
          [1, 1],
          [1, 1],
        ],
        pools: [
          [1, 2],
          [1, 2],
        ],
        costs: { "0:1": 3 },
      }).spans,
    ).toEqual([[2], [1]]);
  });

  test("a place that may stay empty takes a faulty span, so that it is explained", () => {
    expect(
      sharedOf({
        counts: [
          [0, 1],
          [0, 1],
        ],
        pools: [[1], [1, 2]],
        costs: { "0:1": 500, "1:2": 500 },
      }).spans,
    ).toEqual([[1], [2]]);
  });

  test("too many for the best whole are taken pair by pair", () => {
    const many = Array.from({ length: 500 }, (_, i) => i);
    const { spans, exact } = sharedOf({
      counts: [
        [200, 400],
        [100, 400],
      ],
      pools: [many, many],
    });
    expect(exact).toBe(false);
    expect(spans.map((list) => list.length >= 100)).toEqual([true, true]);
    expect(new Set(spans.flat()).size).toBe(500);
  });

  test("rules that compete with nobody are not held up by those that do", () => {
    const { spans, exact } = sharedOf({
      counts: [
        [1, 1],
        [1, 1],
        [1, 9],
      ],
      pools: [[1], [1, 2], [5, 6]],
    });
    expect({ spans, exact }).toEqual({ spans: [[1], [2], [5, 6]], exact: true });
  });
});

describe("for every number of rules, spans and costs", () => {
  const given: fc.Arbitrary<Given> = fc
    .array(fc.tuple(fc.nat(2), fc.integer({ min: 0, max: 2 }), fc.uniqueArray(fc.nat(6), { maxLength: 6 })), {
      minLength: 1,
      maxLength: 4,
    })
    .chain((parts) =>
      fc
        .dictionary(
          fc.tuple(fc.nat(3), fc.nat(6)).map(([rule, at]) => `${rule}:${at}`),
          fc.nat(50),
        )
        .map((costs) => ({
          counts: parts.map(([min, more]) => [min, min + more] as const),
          pools: parts.map(([, , pool]) => pool.toSorted((a, b) => a - b)),
          costs,
        })),
    );

  test("every span is given once, to a rule that it could fulfil, in order, within the count", () => {
    fc.assert(
      fc.property(given, (some) => {
        const { spans, exact } = sharedOf(some);
        expect(exact).toBe(true);
        expect(new Set(spans.flat()).size).toBe(spans.flat().length);
        for (const [i, list] of spans.entries()) {
          expect(list.length).toBeLessThanOrEqual(some.counts[i]?.[1] ?? 0);
          expect(some.pools[i]).toEqual(expect.arrayContaining([...list]));
          expect(list).toEqual([...list].sort((a, b) => a - b));
        }
      }),
    );
  });

  test("no span is left over that some rule could still take", () => {
    fc.assert(
      fc.property(given, (some) => {
        const { spans } = sharedOf(some);
        const taken = new Set(spans.flat());
        for (const [i, pool] of some.pools.entries()) {
          if ((spans[i]?.length ?? 0) < (some.counts[i]?.[1] ?? 0))
            expect(pool.filter((at) => !taken.has(at))).toEqual([]);
        }
      }),
    );
  });

  /** Least total of missing and faults over every way of sharing out, as {@link shareSpans} weighs them. */
  function leastTotal({ counts, pools, costs = {} }: Given): number {
    const positions = [...new Set(pools.flat())].sort((a, b) => a - b);
    const used = counts.map(() => 0);
    const rest = (): number =>
      counts.reduce((sum, [min, max], i) => {
        const most = Math.min(max, pools[i]?.length ?? 0);
        const least = Math.min(min, most);
        const got = used[i] ?? 0;
        return sum + 1e6 * Math.max(0, least - got) + UNFILLED * (most - Math.max(got, least));
      }, 0);
    const give = (k: number): number => {
      const at = positions[k];
      if (at === undefined) return rest();
      let best = give(k + 1);
      for (const [i, [, max]] of counts.entries()) {
        if (!pools[i]?.includes(at) || (used[i] ?? 0) >= max) continue;
        used[i] = (used[i] ?? 0) + 1;
        best = Math.min(best, (costs[`${i}:${at}`] ?? 0) + give(k + 1));
        used[i] = (used[i] ?? 0) - 1;
      }
      return best;
    };
    return give(0);
  }

  test("no other way has fewer missing spans or weaker faults", () => {
    fc.assert(
      fc.property(given, (some) => {
        const { spans } = sharedOf(some);
        const total = some.counts.reduce((sum, [min, max], i) => {
          const most = Math.min(max, some.pools[i]?.length ?? 0);
          const least = Math.min(min, most);
          const got = spans[i]?.length ?? 0;
          const faults = (spans[i] ?? []).reduce((all, at) => all + (some.costs?.[`${i}:${at}`] ?? 0), 0);
          return sum + faults + 1e6 * Math.max(0, least - got) + UNFILLED * (most - Math.max(got, least));
        }, 0);
        expect(total).toBe(leastTotal(some));
      }),
      { numRuns: 300 },
    );
  });
});
