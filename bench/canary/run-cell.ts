import { createRandom } from "../../src/stats/random.ts";
import type { Cell } from "./cells.ts";
import { fisher, kayenta, sumsOf, threshold, whetstone } from "./judges.ts";
import { traffic } from "./traffic.ts";

/** What came of the canaries of a cell. */
export type CellResult = {
  readonly cell: Cell;
  readonly runs: number;
  /** First verdicts of this project's judge. */
  readonly rollback: number;
  readonly promote: number;
  /** Canaries for which it said so at any look, had nobody acted on an earlier verdict. */
  readonly everRollback: number;
  readonly everPromote: number;
  /** Minutes to each first verdict of the kind that is right, falling asleep for none: sorted. */
  readonly minutes: readonly number[];
  /** Canaries that the other judges saw, up to the horizon, and those that they flagged. */
  readonly others: number;
  readonly kayenta: number;
  readonly fisher: number;
  readonly threshold: number;
};

/** How many canaries; the other judges, of which Kayenta's takes longest, see only the first of them. */
export type Sizes = { readonly runs: number; readonly others: number };

/** Minutes at which each judge first said what it said in one canary; undefined for never. */
type Run = Readonly<Record<"rollback" | "promote" | "kayenta" | "fisher" | "threshold", number | undefined>>;

/** Simulates the canaries of a cell, looked at every minute. The same seeds in every run. */
export function runCell(cell: Cell, { runs, others }: Sizes): CellResult {
  const found = Array.from({ length: runs }, (_, run) => runCanary(cell, { run, isCompared: run < others }));
  const count = (holds: (run: Run) => boolean): number => found.filter(holds).length;
  const isRollback = ({ rollback = Infinity, promote = Infinity }: Run): boolean => rollback < promote;
  const isPromote = ({ rollback = Infinity, promote = Infinity }: Run): boolean => promote < rollback;
  const right = cell.kind === "null" ? isPromote : isRollback;
  return {
    cell,
    runs,
    rollback: count(isRollback),
    promote: count(isPromote),
    everRollback: count(({ rollback }) => rollback !== undefined),
    everPromote: count(({ promote }) => promote !== undefined),
    minutes: found
      .filter(right)
      .map(({ rollback, promote }) => Math.min(rollback ?? Infinity, promote ?? Infinity))
      .sort((a, b) => a - b),
    others: Math.min(others, runs),
    kayenta: count((run) => run.kayenta !== undefined),
    fisher: count((run) => run.fisher !== undefined),
    threshold: count((run) => run.threshold !== undefined),
  };
}

type Chosen = { readonly run: number; readonly isCompared: boolean };

function runCanary(cell: Cell, { run, isCompared }: Chosen): Run {
  const minuteOf = traffic(cell, createRandom(`${cell.name} ${run}`));
  const judges = {
    whetstone: whetstone(cell),
    kayenta: kayenta(createRandom(`kayenta ${run}`)),
    fisher: fisher(),
    threshold: threshold(),
  };
  const said: { -readonly [K in keyof Run]: number | undefined } = {
    rollback: undefined,
    promote: undefined,
    kayenta: undefined,
    fisher: undefined,
    threshold: undefined,
  };
  for (let minute = 0; minute < cell.minutes; minute++) {
    const calls = minuteOf(minute);
    const sums = sumsOf(calls);
    const verdict = judges.whetstone(calls, sums);
    if (verdict !== undefined) said[verdict] ??= minute + 1;
    if (!isCompared) {
      if (isDecided(cell, said)) break;
      continue;
    }
    for (const name of ["kayenta", "fisher", "threshold"] as const) {
      if (said[name] === undefined && judges[name](calls, sums) !== undefined) said[name] = minute + 1;
    }
  }
  return said;
}

/** Nothing more can be learnt: a false verdict may come at any look, a harmed canary is decided once. */
function isDecided({ kind }: Cell, { rollback, promote }: Run): boolean {
  if (kind === "null") return rollback !== undefined;
  if (kind === "margin") return promote !== undefined;
  return rollback !== undefined || promote !== undefined;
}
