import { describe, expect, test } from "@jest/globals";
import { learnHabits, type Habit } from "../../../src/analyze/diagnose/habits.ts";
import { observe } from "../../../src/analyze/diagnose/observe.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import type { Span } from "../../../src/model/span.ts";
import { repeat, type Plan } from "../population.ts";

/** A page that reads first, writes in every second trace, and logs last; i makes it longer. */
const page = (i: number): Plan => ({
  name: "page",
  at: 0,
  ms: 20 + i,
  children: [
    { name: "log", at: 15, ms: 1 },
    { name: "read", at: 1, ms: 5 },
    ...(i % 2 === 0 ? [{ name: "write", at: 8, ms: 4 }] : []),
  ],
});

function habitOf(spans: readonly Span[], operation: string): Habit | undefined {
  const population = observe(groupTraces(spans));
  const context = [...population.byContext].find(([, [first]]) => first?.call.operation === operation)?.[0];
  return context === undefined ? undefined : learnHabits(population).of.get(context);
}

describe("learnHabits", () => {
  test("children in the order of their starts, with the share of the good calls that have them", () => {
    const children = habitOf(repeat(10, page), "page")?.children;
    expect(children?.map(({ child, share }) => [child.operation, share])).toEqual([
      ["read", 1],
      ["write", 0.5],
      ["log", 1],
    ]);
  });

  test("failed calls teach nothing", () => {
    const spans = [...repeat(10, page), ...repeat(30, () => ({ name: "page", at: 0, ms: 900, error: true }), 50)];
    const habit = habitOf(spans, "page");
    expect(habit?.calls).toBe(10);
    expect(habit?.lengthBoundMs).toBeLessThanOrEqual(29);
    expect(habit?.children.find(({ child }) => child.operation === "read")?.share).toBe(1);
  });

  test("bounds are the 99th percentiles of length and own time", () => {
    const habit = habitOf(
      repeat(101, (i) => ({ name: "leaf", at: 0, ms: 1 + i })),
      "leaf",
    );
    expect(habit?.lengthBoundMs).toBeCloseTo(100, 9);
    expect(habit?.ownBoundMs).toBeCloseTo(100, 9);
  });

  test("an operation that never did well has no bound that anything could exceed", () => {
    const habit = habitOf(
      repeat(5, () => ({ name: "leaf", at: 0, ms: 1, error: true })),
      "leaf",
    );
    expect(habit).toMatchObject({ calls: 0, ownBoundMs: Infinity, lengthBoundMs: Infinity, children: [] });
  });

  test.each([
    [4, 0],
    [5, 1],
  ])("%d failures that their caller survived: %d tolerated pairs", (failures, pairs) => {
    const spans = repeat(20, (i) => ({
      name: "page",
      at: 0,
      ms: 5,
      children: [{ name: "cache", at: 1, ms: 1, error: i < failures }],
    }));
    expect(learnHabits(observe(groupTraces(spans))).tolerated.size).toBe(pairs);
  });

  test("failures that take their callers with them are not tolerated", () => {
    const spans = repeat(20, (i) => ({
      name: "page",
      at: 0,
      ms: 5,
      error: i < 8,
      children: [{ name: "cache", at: 1, ms: 1, error: i < 8 }],
    }));
    expect(learnHabits(observe(groupTraces(spans))).tolerated.size).toBe(0);
  });
});
