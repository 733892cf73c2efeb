import type { BudgetLimits } from "../../../src/model/budget.ts";

/** A moment in the middle of a day, ns since the Unix epoch. */
export const NOW = 1_795_176_000_000_000_000n;

/** Three sessions of a dollar fit into a day of one target. */
export const LIMITS: BudgetLimits = {
  session: { usd: 1, tokens: 100 },
  day: { usd: 10, tokens: 1_000 },
  target: { usd: 3, tokens: 300 },
};
