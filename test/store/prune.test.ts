import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  PRUNE_STEP,
  prunableTraces,
  countQuery,
  deleteRollups,
  oldestOf,
  tracesOfStep,
} from "../../src/store/queries/prune.ts";
import { POSTGRES, SQLITE } from "../../src/store/queries/sql.ts";

const WHAT = { kind: "plain", beforeNs: 0n } as const;
const rows = fc.array(
  fc.bigInt(0n, 5_000n).map((spans) => ({ ref: 0n, spans })),
  { maxLength: 40 },
);

describe("the traces of one step", () => {
  test("are the first ones: at least one, and as many as the spans allow", () => {
    fc.assert(
      fc.property(rows, fc.option(fc.integer({ min: 1, max: 9_000 }), { nil: undefined }), (list, spans) => {
        const step = tracesOfStep(list, { ...WHAT, ...(spans === undefined ? {} : { spans }) });
        const most = BigInt(Math.min(spans ?? PRUNE_STEP.rows, PRUNE_STEP.rows));
        const sum = (part: typeof list): bigint => part.reduce((total, row) => total + row.spans, 0n);
        expect(step).toEqual(list.slice(0, step.length));
        if (list.length > 0) expect(step.length).toBeGreaterThan(0);
        if (step.length > 1) expect(sum([...step]) <= most).toBe(true);
        if (step.length < list.length) expect(sum(list.slice(0, step.length + 1)) > most).toBe(true);
      }),
    );
  });

  test("are told alike whether the driver returns numbers as text or not", () => {
    const list = [1_000, 900, 500].map((spans) => ({ ref: "1", spans: String(spans) }));
    expect(tracesOfStep(list, WHAT)).toHaveLength(2);
  });
});

describe("what is asked of the store", () => {
  test.each([
    [2n ** 80n, 2n ** 63n - 1n],
    [-(2n ** 80n), -(2n ** 63n)],
    [5n, 5n],
  ])("a time of %p stays within what a store holds", (beforeNs, bound) => {
    for (const dialect of [SQLITE, POSTGRES]) {
      expect(prunableTraces({ kind: "error", beforeNs }, dialect).params).toEqual([bound]);
      expect(countQuery({ kind: "plain", beforeNs }, dialect).params).toEqual([bound]);
    }
  });

  test("rollups end at a whole hour, in both widths", () => {
    const hour = 3_600_000_000_000n;
    for (const [beforeNs, hours] of [
      [5n * hour, 5n],
      [5n * hour + 1n, 5n],
      [6n * hour - 1n, 5n],
      [-1n, -1n],
    ] as const) {
      expect(deleteRollups({ kind: "rollups", beforeNs }, SQLITE).params).toEqual([hours * 60n, hours]);
    }
  });

  test("the oldest of a kind that there is none of is absent", () => {
    expect(oldestOf({ plain: [{ oldest: null }], error: [{ oldest: "5" }] })).toEqual({ error: 5n });
    expect(oldestOf({ plain: [{ oldest: 7n }], error: [] })).toEqual({ plain: 7n });
  });
});
