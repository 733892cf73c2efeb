import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { mineCells } from "../../src/learn/cells.ts";
import { PatternCell } from "../../src/model/learning.ts";
import { outcome, outcomes } from "./outcomes.ts";

test("counts by finding, change, folder and reason, with the share that is kept and what it cost", () => {
  const at = { paths: ["src/tools/b.ts", "src/tools/a.ts"], change: "parallelise" as const };
  const cells = mineCells([
    outcome({ ...at, status: "promoted", costUsd: 0.5 }),
    outcome({ ...at, status: "held", costUsd: 0.25 }),
    outcome({ ...at, status: "rejected", reasons: ["replay_result_changed", "ok"], costUsd: 1 }),
    outcome({ ...at, paths: ["top.ts"], status: "rejected", reasons: ["check_failed"] }),
    outcome({ paths: at.paths, status: "closed", reasons: ["ok"] }),
    outcome({ ...at, status: "merged" }),
  ]);
  const place = { finding: "n_plus_one", change: "parallelise", folder: "src/tools", trials: 3, kept: 2 };
  expect(cells).toMatchObject([
    { ...place, reason: "errors_within_margin", occurrences: 2, costUsd: 0.75, success: { share: 2 / 3 } },
    { ...place, folder: "", reason: "check_failed", trials: 1, occurrences: 1, kept: 0 },
    { ...place, reason: "replay_result_changed", occurrences: 1, costUsd: 1 },
    { change: "unknown", reason: "ok", trials: 1, kept: 0 },
  ]);
  expect(cells[0]?.success.low).toBeCloseTo(0.1767, 3);
});

test("property: order does not matter, cells are valid, and every proposal is counted once per finding", () => {
  fc.assert(
    fc.property(outcomes, (found) => {
      const cells = mineCells(found);
      expect(mineCells(found.toReversed())).toEqual(cells);
      for (const cell of cells) {
        expect(PatternCell.parse(cell)).toEqual(cell);
        expect(cell.kept).toBeLessThanOrEqual(cell.trials);
        expect(cell.success.low).toBeLessThanOrEqual(cell.success.share);
      }
      const groups = Map.groupBy(cells, ({ finding, change, folder }) => `${finding} ${change} ${folder}`);
      for (const group of groups.values()) {
        const occurrences = group.reduce((sum, cell) => sum + cell.occurrences, 0);
        expect(group.every(({ trials }) => trials === occurrences)).toBe(true);
      }
    }),
    { numRuns: 25 },
  );
});
