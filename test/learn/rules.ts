import type { Rule } from "../../src/model/outcome.ts";

/** A valid rule in trial, for n_plus_one findings of notes. */
export function rule(change: Partial<Rule> = {}): Rule {
  return {
    schema: "whetstone.rule/1",
    id: "batch-reads",
    version: 1,
    state: "active",
    text: "Read files in one batch.",
    scope: { target: "notes", findings: ["n_plus_one"], paths: ["src/**"] },
    evidence: {
      id: "effective-fix-n-plus-one",
      finding: "n_plus_one",
      kind: "effective_fix",
      reason: "ok",
      trials: 2,
      occurrences: 2,
      share: 1,
      interval: { low: 0.3, high: 1, level: 0.95 },
      outcomes: ["o-1", "o-2"],
      independent: 2,
    },
    created: "2026-11-01T00:00:00.000Z",
    expires: "2027-01-30T00:00:00.000Z",
    ...change,
  };
}
