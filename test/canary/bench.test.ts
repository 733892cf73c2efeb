import { describe, expect, test } from "@jest/globals";
import { boundOf, mostByChance } from "../../bench/canary/bounds.ts";
import { CELLS, QUICK_CELLS, SPEED_CELL, type Cell } from "../../bench/canary/cells.ts";
import { fisherTail, sumsOf } from "../../bench/canary/judges.ts";
import { runCell } from "../../bench/canary/run-cell.ts";
import { brokenBounds, tableOf } from "../../bench/canary/table.ts";
import { LIMITS_MS, poisson, traffic } from "../../bench/canary/traffic.ts";
import { createRandom } from "../../src/stats/random.ts";

const named = (name: string): Cell => {
  const found = CELLS.find((cell) => cell.name === name);
  if (found === undefined) throw new Error(`There is no cell ${name}.`);
  return found;
};
const allCalls = (cell: Cell) => {
  const minuteOf = traffic(cell, createRandom("calls"));
  return Array.from({ length: cell.minutes }, (_, minute) => minuteOf(minute)).flat();
};

describe("simulated canaries", () => {
  test.each(["equal, 10+10", "equal, 10+10, shared", "errors ×2, 10+10", SPEED_CELL])("%s: the bound holds", (name) => {
    const result = runCell(named(name), { runs: 60, others: 0 });
    expect(boundOf(result)).toMatchObject({ holds: true });
    expect(brokenBounds([result])).toEqual([]);
  });

  test("the same seeds give the same canaries, and all judges say something of a bad one", () => {
    const [first, again] = [1, 2].map(() => runCell(named("errors ×10, 10+10"), { runs: 8, others: 8 }));
    expect(again).toEqual(first);
    expect(first).toMatchObject({ rollback: 8, promote: 0, kayenta: 8, fisher: 8, threshold: 8 });
    expect(tableOf([first as NonNullable<typeof first>])).toContain("errors ×10, 10+10");
  });

  test("a judge that errs too often is called broken", () => {
    const result = { ...runCell(named("equal, 1+1"), { runs: 10, others: 0 }), runs: 2_000 };
    const most = mostByChance(2_000, 0.05);
    expect(boundOf({ ...result, everRollback: most })?.holds).toBe(true);
    expect(boundOf({ ...result, everRollback: most + 1 })?.holds).toBe(false);
    expect(brokenBounds([{ ...result, everRollback: most + 1 }])[0]).toContain("equal, 1+1");
    const slow = { ...result, cell: named(SPEED_CELL), rollback: 2_000 };
    expect(boundOf({ ...slow, minutes: Array.from({ length: 2_000 }, () => 15) })?.holds).toBe(true);
    expect(boundOf({ ...slow, minutes: Array.from({ length: 2_000 }, () => 16) })?.holds).toBe(false);
    expect(boundOf({ ...slow, rollback: 1_979, minutes: Array.from({ length: 1_979 }, () => 9) })?.holds).toBe(false);
  });
});

describe("the traffic", () => {
  test("has the rates, the split and the limits that the cell states", () => {
    const { baseline, canary } = sumsOf(allCalls({ ...named("errors ×5, 100+100"), minutes: 120 }));
    expect(Math.abs(canary.calls / (canary.calls + baseline.calls) - 0.5)).toBeLessThan(0.02);
    expect(Math.abs(baseline.errors / baseline.calls - 0.02)).toBeLessThan(0.005);
    expect(Math.abs(canary.errors / canary.calls - 0.1)).toBeLessThan(0.01);
    expect(Math.abs(baseline.slow / baseline.calls - 0.05)).toBeLessThan(0.008);
    expect(Math.abs((baseline.calls + canary.calls) / (120 * 200) - 1)).toBeLessThan(0.03);
  });

  test("loses whole minutes of an arm where data are missing, and shares its drift where load is shared", () => {
    const calls = allCalls(named("equal, 10+10, missing"));
    const minutes = Map.groupBy(calls, ({ timestamp }) => Math.floor(timestamp / 60_000));
    const oneSided = [...minutes.values()].filter((own) => new Set(own.map(({ arm }) => arm)).size === 1);
    expect(oneSided.length).toBeGreaterThan(2);
    const drift = (name: string): number => {
      const found = Map.groupBy(allCalls(named(name)), ({ timestamp }) => Math.floor(timestamp / 60_000));
      const gaps = [...found.values()].map((own) => {
        const mean = (arm: string): number => {
          const logs = own
            .filter((c) => c.arm === arm)
            .map((c) => Math.log(c.durationMs / (LIMITS_MS[c.operation] ?? 1)));
          return logs.reduce((a, b) => a + b, 0) / logs.length;
        };
        return mean("canary") - mean("baseline");
      });
      return gaps.reduce((sum, gap) => sum + gap ** 2, 0) / gaps.length;
    };
    expect(drift("equal, 100+100, arms")).toBeGreaterThan(1.5 * drift("equal, 100+100, shared"));
  });

  test("poisson has its mean and its variance, by both ways", () => {
    for (const mean of [0.5, 20, 400]) {
      const random = createRandom(`poisson ${mean}`);
      const drawn = Array.from({ length: 4_000 }, () => poisson(random, mean));
      const seen = drawn.reduce((a, b) => a + b, 0) / drawn.length;
      const spread = drawn.reduce((sum, n) => sum + (n - seen) ** 2, 0) / drawn.length;
      expect(Math.abs(seen - mean)).toBeLessThan(5 * Math.sqrt(mean / 4_000));
      expect(Math.abs(spread / mean - 1)).toBeLessThan(0.15);
    }
  });
});

test("Fisher's tail: 6 of 60 against 10 of 540 is 0.00282", () => {
  const sums = (calls: number, errors: number) => ({ calls, errors, slow: 0, timeMs: 0 });
  expect(fisherTail({ canary: sums(60, 6), baseline: sums(540, 10) }, "errors")).toBeCloseTo(0.00282, 5);
  expect(fisherTail({ canary: sums(60, 0), baseline: sums(540, 10) }, "errors")).toBe(1);
  // All of 3: 3! ways of 20 over 120.
  expect(fisherTail({ canary: sums(3, 3), baseline: sums(3, 0) }, "errors")).toBeCloseTo(1 / 20, 12);
});

test("every cell has a name of its own, and the quick ones are some of them", () => {
  expect(new Set(CELLS.map(({ name }) => name)).size).toBe(CELLS.length);
  expect(CELLS).toEqual(expect.arrayContaining([...QUICK_CELLS]));
  expect(QUICK_CELLS.map(({ name }) => name)).toContain(SPEED_CELL);
});
