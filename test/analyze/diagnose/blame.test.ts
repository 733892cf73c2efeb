import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { blameCalls, type Blame } from "../../../src/analyze/diagnose/blame.ts";
import { learnHabits } from "../../../src/analyze/diagnose/habits.ts";
import { observe } from "../../../src/analyze/diagnose/observe.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import type { Span } from "../../../src/model/span.ts";
import { anySpans } from "../arbitrary.ts";
import { repeat, traceIdOf, type Plan } from "../population.ts";

/** What each call of the traces blames, by operation, each answer once. */
function blames(before: readonly Span[], after: readonly Span[]): Record<string, string[]> {
  const habits = learnHabits(observe(groupTraces(before)));
  const said: Record<string, Set<string>> = {};
  for (const [call, blame] of blameCalls(observe(groupTraces(after)), habits)) {
    (said[call.operation] ??= new Set()).add(textOf(blame));
  }
  return Object.fromEntries(Object.entries(said).map(([operation, texts]) => [operation, [...texts].sort()]));
}

const textOf = (blame: Blame): string => (blame.on === "absent" ? `absent ${blame.child.operation}` : blame.on);

type Shape = {
  readonly page?: Partial<Plan>;
  readonly list?: Partial<Plan>;
  readonly query?: Partial<Plan> | undefined;
};

/** page → list → query; each may differ, the query may be left out. */
function shop({ page = {}, list = {}, query = {} }: Shape = {}, withQuery = true): Plan {
  const inner: Plan = { name: "query", service: "db", kind: "server", at: 2, ms: 5, ...query };
  const middle: Plan = { name: "list", service: "api", kind: "client", at: 1, ms: 8, ...list };
  return {
    name: "page",
    service: "web",
    kind: "server",
    at: 0,
    ms: 10,
    ...page,
    children: [{ ...middle, children: withQuery ? [inner] : [] }],
  };
}
const before = repeat(20, () => shop());
const after = (shape: Shape, withQuery = true): Span[] => repeat(20, () => shop(shape, withQuery), 100);

describe("blameCalls", () => {
  test("calls that are well blame nobody", () => {
    expect(blames(before, before)).toEqual({ page: ["none"], list: ["none"], query: ["none"] });
  });

  test("a failure is put down to the innermost call that failed", () => {
    const failing = after({ page: { error: true }, list: { error: true }, query: { error: "deadlock" } });
    expect(blames(before, failing)).toEqual({ page: ["below"], list: ["below"], query: ["self"] });
  });

  test("a failure that nothing below explains is the call's own", () => {
    const failing = after({ page: { error: true }, list: { error: "bug" } });
    expect(blames(before, failing)).toEqual({ page: ["below"], list: ["self"], query: ["none"] });
  });

  test("a client that fails without its server's span blames the server", () => {
    const dead = after({ page: { error: true }, list: { error: "anything" } }, false);
    expect(blames(before, dead)).toEqual({ page: ["below"], list: ["absent query"] });
  });

  test("an internal caller that fails at once, for a reason of its own, keeps the blame", () => {
    const internal = { kind: "internal" as const };
    const good = repeat(20, () => shop({ list: internal }));
    const failing = after({ page: { error: true }, list: { ...internal, ms: 1, error: "TypeError" } }, false);
    expect(blames(good, failing)).toEqual({ page: ["below"], list: ["self"] });
    const refused = after({ page: { error: true }, list: { ...internal, ms: 1, error: "ECONNREFUSED" } }, false);
    expect(blames(good, refused)).toEqual({ page: ["below"], list: ["absent query"] });
  });

  test("a call that waits without its callee and then does well blames the callee", () => {
    const patient = after({ page: { ms: 510 }, list: { ms: 500 } }, false);
    expect(blames(before, patient)).toMatchObject({ list: ["absent query"] });
  });

  test("a call that does without its callee and is no slower blames nobody", () => {
    const cached = after({ page: { ms: 5 }, list: { ms: 2 } }, false);
    expect(blames(before, cached)).toEqual({ page: ["none"], list: ["none"] });
  });

  test("a caller that gives up while its callee works blames the callee", () => {
    const impatient = after({ page: { error: true }, list: { ms: 8, error: "timeout" }, query: { ms: 50 } });
    expect(blames(before, impatient)).toEqual({ page: ["below"], list: ["below"], query: ["none"] });
  });

  test("failures that callers have always put up with explain no new failure", () => {
    const miss = (error: boolean): Plan => ({
      name: "page",
      service: "web",
      at: 0,
      ms: 10,
      error: error && "bug",
      children: [{ name: "cache", service: "cache", at: 1, ms: 1, error: "miss" }],
    });
    const tolerant = repeat(20, () => miss(false));
    expect(
      blames(
        tolerant,
        repeat(20, () => miss(true), 100),
      ),
    ).toEqual({ page: ["self"], cache: ["self"] });
    const firstTime = repeat(20, () => ({ ...miss(false), children: [] }));
    expect(
      blames(
        firstTime,
        repeat(20, () => miss(true), 100),
      ),
    ).toMatchObject({ page: ["below"] });
  });

  test("property: every call gets exactly one answer, failures never `none`", () => {
    fc.assert(
      fc.property(anySpans, anySpans, (a, b) => {
        const later = b.map((span) => ({ ...span, traceId: traceIdOf(7) }));
        const population = observe(groupTraces(later));
        const answers = blameCalls(population, learnHabits(observe(groupTraces(a))));
        expect(answers.size).toBe(population.ofCall.size);
        for (const [call, { on }] of answers) if (call.failed) expect(on).not.toBe("none");
      }),
    );
  });
});
