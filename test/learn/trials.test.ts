import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { latestPerDossier, trialsOf, type TrialSource } from "../../src/learn/trials.ts";
import type { RuleAssignment } from "../../src/model/assignment.ts";
import { fingerprint, outcome, outcomes } from "./outcomes.ts";

const NOW = "2026-11-20T12:00:00.000Z";

function assignment(change: Partial<RuleAssignment> = {}): RuleAssignment {
  return {
    schema: "whetstone.assignment/1",
    run: "r-1",
    target: "notes",
    at: "2026-11-20T10:00:00.000Z",
    findings: ["n_plus_one"],
    arms: [{ rule: "batch-reads", version: 2, assigned: true, q: 0.5 }],
    ...change,
  };
}

const join = (change: Partial<TrialSource>) =>
  trialsOf({ assignments: [assignment()], outcomes: [], now: NOW, heldAfterDays: 14, ...change });

describe("trialsOf", () => {
  test("joins a draw with the outcome that its run recorded", () => {
    const ended = outcome({ id: "o-1", status: "rejected", validated: false, costUsd: 0.5 });
    const other = outcome({ id: "o-2", status: "promoted", validated: true });
    expect(join({ outcomes: [other, ended] })).toEqual([
      { rule: "batch-reads", version: 2, assigned: true, q: 0.5, validated: false, held: undefined, costUsd: 0.5 },
    ]);
  });

  test("a session that left no outcome is a failure after a day, and nothing yet before", () => {
    expect(join({})).toMatchObject([{ assigned: true, validated: undefined, held: undefined }]);
    const [lost] = join({ now: "2026-11-21T10:00:00Z" });
    expect(lost).toMatchObject({ validated: false, held: undefined, costUsd: 0 });
    expect(join({ now: "2026-12-21T10:00:00Z" })[0]).toMatchObject({ validated: false, held: false });
  });

  test("in the order of the draws, whatever the records' order is", () => {
    const times = ["2026-11-20T09:00:00.5Z", "2026-11-20T09:00:00Z", "2026-11-20T09:00:00Z"];
    const arm = (q: number) => ({ rule: "batch-reads", version: 2, assigned: true, q });
    const assignments = times.map((at, i) => assignment({ run: `r-${9 - i}`, at, arms: [arm((i + 1) / 10)] }));
    expect(join({ assignments }).map(({ q }) => q)).toEqual([0.3, 0.2, 0.1]);
    expect(join({ assignments: assignments.toReversed() }).map(({ q }) => q)).toEqual([0.3, 0.2, 0.1]);
  });

  test("arms that were not drawn tell nothing", () => {
    const arms = [0, 1].map((q) => ({ rule: `fixed-${q}`, version: 1, assigned: q === 1, q }));
    expect(join({ assignments: [assignment({ arms })], outcomes: [outcome({ id: "o-1" })] })).toEqual([]);
  });

  test("validation is told by the record, in old records by how far the proposal came", () => {
    const validated = (change: Parameters<typeof outcome>[0]) =>
      join({ outcomes: [outcome({ id: "o-1", ...change })] })[0]?.validated;
    expect(validated({ status: "inconclusive", validated: true })).toBe(true);
    expect(validated({ status: "promoted", validated: false })).toBe(false);
    expect(
      ["promoted", "rolled_back", "rejected", "inconclusive"].map((status) => validated({ status } as never)),
    ).toEqual([true, true, false, false]);
  });

  test("held: known at once when it is on record, else when the time is over, by the latest outcome of the dossier", () => {
    const first = outcome({ id: "o-1", status: "promoted", at: "2026-11-20T10:30:00Z", dossier: fingerprint(77) });
    const later = (status: "held" | "rolled_back" | "merged" | "faded") =>
      outcome({ status, at: "2026-11-20T11:00:00Z", dossier: fingerprint(77) });
    const held = (now: string, ...more: ReturnType<typeof outcome>[]) =>
      join({ outcomes: [first, ...more], now })[0]?.held;
    expect(held(NOW)).toBeUndefined();
    expect(held("2026-12-04T09:59:59Z")).toBeUndefined();
    // Promoted, and nobody has looked: silence is no proof. Neither is a merge without a canary.
    expect(held("2026-12-04T10:00:00Z")).toBeUndefined();
    expect(held("2026-12-04T10:00:00Z", later("merged"))).toBeUndefined();
    expect(held("2026-12-04T10:00:00Z", later("faded"))).toBe(false);
    expect(held(NOW, later("held"))).toBe(true);
    expect(held(NOW, later("rolled_back"))).toBeUndefined();
    expect(held("2026-12-04T10:00:00Z", later("rolled_back"))).toBe(false);
  });
});

test("property: the latest outcome of each dossier does not depend on their order", () => {
  fc.assert(
    fc.property(outcomes, fc.nat(3), (drafts, dossiers) => {
      const found = drafts.map((one, i) => ({ ...one, dossier: fingerprint(i % (dossiers + 1)) }));
      const latest = latestPerDossier(found);
      expect(Object.fromEntries(latestPerDossier(found.toReversed()))).toEqual(Object.fromEntries(latest));
      for (const one of found) {
        expect(Date.parse(latest.get(one.dossier)?.at ?? "")).toBeGreaterThanOrEqual(Date.parse(one.at));
      }
    }),
  );
});
