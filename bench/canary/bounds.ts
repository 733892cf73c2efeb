import { betaQuantile } from "../../src/stats/beta.ts";
import { SPEED_CELL } from "./cells.ts";
import { ALPHA, BETA } from "./judges.ts";
import type { CellResult } from "./run-cell.ts";

/**
 * Chance that one true bound is called broken: with 130 cells less than one table in 700 does so by chance.
 */
const CHANCE = 1e-5;

/** At 10 + 10 calls a minute five times the errors are to be rolled back in this share of canaries within the horizon … */
const SPEED_SHARE = 0.99;
/** … and in the median one after so many minutes. */
const SPEED_MINUTES = 15;

/** What a cell was to hold: undefined where nothing is promised. */
export type Bound = { readonly text: string; readonly holds: boolean };

/**
 * Cells of equal arms: rolled back at most with probability alpha, whatever verdict came before. Cells at the margin:
 * promoted at most with probability beta. Nothing is promised where each arm has a drift of its own.
 */
export function boundOf(result: CellResult): Bound | undefined {
  const { cell, runs, everRollback, everPromote } = result;
  if (cell.noise === "arms") return undefined;
  if (cell.kind === "null") return atMost(everRollback, { runs, rate: ALPHA, what: "rollback" });
  if (cell.kind === "margin") return atMost(everPromote, { runs, rate: BETA, what: "promote" });
  return cell.name === SPEED_CELL ? speedOf(result) : undefined;
}

type Limit = { readonly runs: number; readonly rate: number; readonly what: string };

function atMost(count: number, { runs, rate, what }: Limit): Bound {
  const most = mostByChance(runs, rate);
  return { text: `${what} ≤ ${(100 * rate).toFixed(0)} % (${most} of ${runs} by chance)`, holds: count <= most };
}

/**
 * The largest count of `runs` that an event of probability `rate` still gives with a chance of {@link CHANCE} or more:
 * the tolerance of the table.
 */
export function mostByChance(runs: number, rate: number): number {
  let count = Math.ceil(runs * rate);
  // P(X ≥ k) = I_p(k, n − k + 1): the count is beyond chance once `rate` is below the quantile of that beta.
  while (count < runs && betaQuantile({ a: count + 1, b: runs - count }, CHANCE) <= rate) count += 1;
  return count;
}

function speedOf({ runs, rollback, minutes }: CellResult): Bound {
  const median = minutes[Math.floor(runs / 2)] ?? Infinity;
  return {
    text: `rollback ≥ ${100 * SPEED_SHARE} %, median ≤ ${SPEED_MINUTES} min`,
    holds: rollback >= SPEED_SHARE * runs && median <= SPEED_MINUTES,
  };
}
