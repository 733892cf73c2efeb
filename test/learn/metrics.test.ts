import { describe, expect, test } from "@jest/globals";
import { successMetrics } from "../../src/learn/metrics.ts";
import { LearningMetric } from "../../src/model/learning.ts";
import { fingerprint, outcome } from "./outcomes.ts";
import { rule } from "./rules.ts";

const NOW = "2026-12-31T00:00:00.000Z";
const metric = (name: LearningMetric["name"], source: Partial<Parameters<typeof successMetrics>[0]>) => {
  const found = successMetrics({ outcomes: [], rules: [], now: NOW, ...source }).find((one) => one.name === name);
  return LearningMetric.parse(found);
};

describe("successMetrics", () => {
  test("nothing recorded: counts are 0, shares are unknown, never met by having no data", () => {
    const all = successMetrics({ outcomes: [], rules: [], now: NOW });
    expect(all.map(({ name, value, met }) => [name, value, met])).toEqual([
      ["patterns", 0, false],
      ["rules_refined", 0, false],
      ["successful_optimisations", 0, false],
      ["knowledge_growth", null, null],
      ["deployment_success", null, null],
      ["rollback_frequency", null, null],
    ]);
  });

  test("deployments: what reached a canary, each dossier by its latest outcome, with an interval", () => {
    const dossier = fingerprint(500);
    const outcomes = [
      outcome({ status: "promoted", dossier, at: "2026-11-20T10:00:00Z" }),
      outcome({ status: "rolled_back", dossier, at: "2026-11-21T10:00:00Z" }),
      outcome({ status: "held" }),
      outcome({ status: "promoted" }),
      outcome({ status: "promoted" }),
      outcome({ status: "rejected" }),
      outcome({ status: "inconclusive" }),
    ];
    expect(metric("deployment_success", { outcomes })).toMatchObject({
      value: 0.75,
      // 3 of 4 may be more than 95 % as well as less.
      met: null,
      interval: { level: 0.95 },
      detail: "3 of 4 changes that reached a canary",
    });
    expect(metric("rollback_frequency", { outcomes })).toMatchObject({ value: 0.25, met: null });
    expect(metric("successful_optimisations", { outcomes })).toMatchObject({
      value: 3,
      detail: "1 held, 2 promoted, 0 faded since",
    });
    const faded = [...outcomes, outcome({ status: "faded" })];
    expect(metric("deployment_success", { outcomes: faded })).toMatchObject({ value: 0.8 });
    expect(metric("successful_optimisations", { outcomes: faded })).toMatchObject({ value: 3 });
    const good = Array.from({ length: 100 }, () => outcome({ status: "held" }));
    expect(metric("deployment_success", { outcomes: good })).toMatchObject({ value: 1, met: true });
    expect(metric("rollback_frequency", { outcomes: good })).toMatchObject({ value: 0, met: true });
    const bad = good.map((one, i) => (i % 2 === 0 ? { ...one, status: "rolled_back" as const } : one));
    expect(metric("deployment_success", { outcomes: bad })).toMatchObject({ value: 0.5, met: false });
  });

  test("rules are refined by new versions and by retiring them", () => {
    const rules = [rule({ version: 3 }), rule({ id: "b", state: "retired" }), rule({ id: "c" })];
    expect(metric("rules_refined", { rules })).toMatchObject({
      value: 3,
      detail: "2 new versions, 1 retired, of 3 rules",
    });
  });

  test("knowledge grows against what was known 30 days ago", () => {
    const old = outcome({ at: "2026-11-20T10:00:00Z" });
    const later = outcome({ at: "2026-12-20T10:00:00Z", status: "rejected", reasons: ["check_failed"] });
    expect(metric("knowledge_growth", { outcomes: [old, later] })).toMatchObject({
      value: 2,
      // Twice as much is what was asked for, not more than that.
      goal: { is: "at_least", value: 2 },
      met: true,
      detail: "2 patterns and rules now, 1 on 2026-12-01",
    });
    const rules = [rule({ created: "2026-11-01T00:00:00Z" })];
    expect(metric("knowledge_growth", { outcomes: [old, later], rules })).toMatchObject({ value: 1.5, met: false });
  });
});
