import { requireDomain } from "./domain.ts";

/** A test among many: its p-value, and the smallest that its data, whatever the answer, could have given. */
export type Tested = { readonly p: number; readonly least: number };

/**
 * Holm's step-down p-values (1979): whoever calls those ≤ alpha true makes one or more false calls with probability at
 * most alpha, however the tests depend on each other. Tests that could not reach significance whatever their data say
 * (Tarone 1990) take no part and get 1; that choice looks at nothing the answer depends on.
 */
export function holmAdjusted(tests: readonly Tested[], alpha: number): readonly number[] {
  requireDomain(alpha > 0 && alpha < 1, `A significance level lies between 0 and 1, got ${alpha}.`);
  const least = tests.map((test) => test.least).sort((a, b) => a - b);
  const able = (k: number): number => least.filter((value) => value <= alpha / k).length;
  let divisor = 1;
  while (divisor < tests.length && able(divisor) > divisor) divisor += 1;
  const ranked = [...tests.entries()]
    .filter(([, test]) => test.least <= alpha / divisor)
    .sort(([, a], [, b]) => a.p - b.p);
  const adjusted = tests.map(() => 1);
  let reached = 0;
  for (const [rank, [index, { p }]] of ranked.entries()) {
    reached = Math.min(1, Math.max(reached, p * (ranked.length - rank)));
    adjusted[index] = reached;
  }
  return adjusted;
}
