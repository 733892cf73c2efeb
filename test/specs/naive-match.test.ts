import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildTree } from "../../src/analyze/tree.ts";
import type { Span } from "../../src/model/span.ts";
import { checkPopulation } from "../../src/specs/check.ts";
import { requireSpec } from "../../src/specs/parse.ts";
import { span, spanIdOf } from "../analyze/population.ts";

/** An expected span, as far as the naive matcher knows it. */
type Rule = {
  readonly name: string;
  readonly below: "child" | "descendant";
  readonly min: number;
  readonly max: number;
  readonly children: readonly Rule[];
};

/** A trace as names and parents, parents first; −1 is a root. */
type Names = { readonly names: readonly string[]; readonly parents: readonly number[] };

type Task = { readonly rule: Rule; readonly within: number };

/** Whether any way at all to give spans to rules leaves nothing missing and nothing too much; tries every way. */
function someWayFits(rules: readonly Rule[], trace: Names, closed: boolean): boolean {
  const isUnder = (at: number, above: number): boolean => {
    const parent = trace.parents[at] ?? -1;
    return parent === above || (parent >= 0 && isUnder(parent, above));
  };
  const fits = ({ rule, within }: Task, at: number): boolean =>
    trace.names[at] === rule.name &&
    (within === -1 || (rule.below === "child" ? trace.parents[at] === within : isUnder(at, within)));
  const all = [...trace.names.keys()];
  const solve = (tasks: readonly Task[], done: readonly Task[], taken: ReadonlySet<number>): boolean => {
    const [task, ...rest] = tasks;
    if (task === undefined) {
      const isTooMuch = (one: Task): boolean =>
        one.rule.max < Infinity && all.some((at) => fits(one, at) && !taken.has(at));
      return !done.some(isTooMuch) && (!closed || taken.size === all.length);
    }
    const pool = all.filter((at) => fits(task, at) && !taken.has(at));
    for (let chosen = 0; chosen < 2 ** pool.length; chosen += 1) {
      const own = pool.filter((_, i) => (chosen >> i) % 2 === 1);
      if (own.length < task.rule.min || own.length > task.rule.max) continue;
      const below = own.flatMap((within) => task.rule.children.map((rule) => ({ rule, within })));
      if (solve([...rest, ...below], [...done, task], new Set([...taken, ...own]))) return true;
    }
    return false;
  };
  return solve(
    rules.map((rule) => ({ rule, within: -1 })),
    [],
    new Set(),
  );
}

const name = fc.constantFrom("a", "b", "c");
const counts = fc.constantFrom([1, 1], [0, 1], [2, 2], [1, 2], [0, 0], [1, Infinity] as const);
const ruleOf = (children: fc.Arbitrary<readonly Rule[]>): fc.Arbitrary<Rule> =>
  fc
    .record({ name, below: fc.constantFrom("child" as const, "descendant" as const), range: counts, children })
    .map(({ range: [min = 1, max = 1], ...rule }) => ({ ...rule, min, max }));
const leaf = ruleOf(fc.constant([]));
const rules = fc.array(ruleOf(fc.array(ruleOf(fc.array(leaf, { maxLength: 1 })), { maxLength: 2 })), {
  minLength: 1,
  maxLength: 2,
});
const names: fc.Arbitrary<Names> = fc
  .array(fc.record({ name, parent: fc.integer({ min: -1, max: 5 }) }), { minLength: 1, maxLength: 6 })
  .map((spans) => ({
    names: spans.map((one) => one.name),
    parents: spans.map(({ parent }, i) => (parent < i ? parent : i - 1)),
  }));

const spansOf = ({ names: own, parents }: Names): Span[] =>
  own.map((one, i) => {
    const parent = parents[i] ?? -1;
    return span({ spanId: spanIdOf(i), name: one, ...(parent >= 0 && { parentSpanId: spanIdOf(parent) }) });
  });

const written = ({ name: operation_name, below, min, max, children }: Rule, top: boolean): object => ({
  operation_name,
  count: max === Infinity ? { min } : { min, max },
  ...(top ? {} : { relation: below }),
  ...(children.length === 0 ? {} : { children: children.map((child) => written(child, false)) }),
});

function verdictOf(given: readonly Rule[], trace: Names, closed: boolean): string {
  const file = {
    name: "naive",
    additional_spans: closed ? "forbidden" : "allowed",
    expected_spans: given.map((rule) => written(rule, true)),
  };
  return checkPopulation(requireSpec(JSON.stringify(file), "naive.yaml").spec, [buildTree(spansOf(trace))]).verdict;
}

/** The spans that a specification which says exactly what a trace is would list. */
function likeness({ names: own, parents }: Names): Rule[] {
  const under = (above: number): Rule[] =>
    [...own.keys()]
      .filter((at) => parents[at] === above)
      .map((at) => ({ name: own[at] ?? "", below: "child", min: 1, max: 1, children: under(at) }));
  return under(-1);
}

/** Of spans without an upper bound all are taken, which is stricter than some way to take them. */
const isBounded = (rule: Rule): boolean => rule.max < Infinity && rule.children.every(isBounded);

function withOwnNames(given: readonly Rule[], free = "a,b,c,d,e,f,g,h,i,j,k,l".split(",")): Rule[] {
  return given.map((rule) => ({
    ...rule,
    name: free.shift() ?? "m",
    below: "child" as const,
    max: rule.max === Infinity ? 6 : rule.max,
    children: withOwnNames(rule.children, free),
  }));
}

describe("matching against every other way to match", () => {
  test.each([false, true])("a pass always has a way that fits; closed: %j", (closed) => {
    fc.assert(
      fc.property(rules, names, (given, trace) => {
        const verdict = verdictOf(given, trace, closed);
        expect(["pass", "fail"]).toContain(verdict);
        if (verdict === "pass") expect(someWayFits(given, trace, closed)).toBe(true);
      }),
      { numRuns: 800 },
    );
  });

  test.each([false, true])(
    "where every expected span has a name and a parent of its own a way is always found; closed: %j",
    (closed) => {
      let fitting = 0;
      fc.assert(
        fc.property(rules, names, (given, trace) => {
          const own = withOwnNames(given);
          if (!someWayFits(own, trace, closed)) return;
          fitting += 1;
          expect({ own, trace, verdict: verdictOf(own, trace, closed) }).toMatchObject({ verdict: "pass" });
        }),
        { numRuns: 2_000 },
      );
      expect(fitting).toBeGreaterThan(20);
    },
  );

  test("where names stand within themselves a way is missed in few of the traces that have one", () => {
    let [fitting, missed] = [0, 0];
    fc.assert(
      fc.property(rules, names, (given, trace) => {
        if (!given.every(isBounded) || !someWayFits(given, trace, false)) return;
        fitting += 1;
        if (verdictOf(given, trace, false) !== "pass") missed += 1;
      }),
      { numRuns: 2_000 },
    );
    expect(fitting).toBeGreaterThan(200);
    expect(missed / fitting).toBeLessThan(0.04);
  });

  test("a specification that says what a trace is accepts it, in any order of the siblings and spans", () => {
    fc.assert(
      fc.property(names, fc.nat(), (trace, seed) => {
        const given = likeness(trace);
        const turned = (list: readonly Rule[]): Rule[] =>
          list.map((rule) => ({ ...rule, children: turned(rule.children) })).toReversed();
        expect(verdictOf(given, trace, true)).toBe("pass");
        expect(verdictOf(turned(given), trace, true)).toBe("pass");
        const without = (list: readonly Rule[]): Rule[] => list.filter((_, i) => i !== seed % list.length);
        expect(verdictOf([...given, { ...given[0]!, children: [] }], trace, true)).toBe("fail");
        if (given.length > 1) expect(verdictOf(without(given), trace, true)).toBe("fail");
      }),
      { numRuns: 300 },
    );
  });
});
