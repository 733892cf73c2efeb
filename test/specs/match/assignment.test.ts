import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { assignRows } from "../../../src/specs/match/assignment.ts";

/** Least total cost over every way to give each row a column of its own. */
function leastByTrying(costs: readonly (readonly number[])[], row = 0, taken: readonly number[] = []): number {
  const own = costs[row];
  if (own === undefined) return 0;
  return Math.min(
    ...own.map((cost, column) =>
      taken.includes(column) ? Infinity : cost + leastByTrying(costs, row + 1, [...taken, column]),
    ),
  );
}

const matrix = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 2 })).chain(([rows, more]) =>
  fc.array(fc.array(fc.nat(20), { minLength: rows + more, maxLength: rows + more }), {
    minLength: rows,
    maxLength: rows,
  }),
);

describe("assignRows", () => {
  test("is as cheap as the cheapest of all ways", () => {
    fc.assert(
      fc.property(matrix, (costs) => {
        const assignment = assignRows(costs);
        expect(new Set(assignment).size).toBe(costs.length);
        const total = assignment.reduce((sum, column, row) => sum + (costs[row]?.[column] ?? Infinity), 0);
        expect(total).toBe(leastByTrying(costs));
      }),
      { numRuns: 500 },
    );
  });

  test("of nothing is nothing", () => expect(assignRows([])).toEqual([]));
});
