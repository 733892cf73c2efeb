import { describe, expect, test } from "@jest/globals";
import { judgeCanary } from "../../src/canary/judge.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";

/** Calls of one arm in ten minutes from `from`; every tenth of them is an error where `bad`. */
function stage(arm: Arm, count: number, { from, ms, bad }: { from: number; ms: number; bad: number }): CallSample[] {
  return Array.from({ length: count }, (_, i) => ({
    timestamp: from + (600_000 * i) / count,
    operation: "search",
    durationMs: i % 2 === 0 ? ms : ms * 1.2,
    error: bad > 0 && i % bad === 0,
    arm,
    session: "",
  }));
}

const CHANGE = 600_000;
/** 10 % and then half of the calls go to the canary, while errors and times rise in both arms alike. */
const ramp = [
  ...stage("canary", 100, { from: 0, ms: 10, bad: 100 }),
  ...stage("baseline", 900, { from: 0, ms: 10, bad: 100 }),
  ...stage("canary", 500, { from: CHANGE, ms: 30, bad: 10 }),
  ...stage("baseline", 500, { from: CHANGE, ms: 30, bad: 10 }),
];

describe("a share that was changed", () => {
  test("is no difference of the arms, though load rose with it", () => {
    const verdict = judgeCanary(ramp, { weight: null, changesMs: [0, CHANGE] });
    expect(verdict.verdict).not.toBe("rollback");
    const [errors, latency] = verdict.metrics;
    expect(latency?.effect).toBeCloseTo(1, 9);
    expect(errors?.effect ?? 0).toBeLessThan(1.2);
    expect(errors?.eValue ?? 0).toBeLessThan(1);
  });

  test("would be one if all calls were thrown together", () => {
    const { metrics } = judgeCanary(ramp, { weight: null, intervalMs: 10 * CHANGE });
    expect(metrics.find(({ name }) => name === "latency")?.effect ?? 1).toBeGreaterThan(1.4);
    expect(metrics[0]?.effect ?? 1).toBeGreaterThan(1.5);
  });

  test("harm in the second step is seen, and what the first one showed is not forgotten", () => {
    const first = [
      ...stage("canary", 100, { from: 0, ms: 10, bad: 25 }),
      ...stage("baseline", 900, { from: 0, ms: 10, bad: 100 }),
    ];
    const second = [
      ...stage("canary", 100, { from: CHANGE, ms: 10, bad: 8 }),
      ...stage("baseline", 100, { from: CHANGE, ms: 10, bad: 50 }),
    ];
    const evidence = (samples: readonly CallSample[]): number =>
      judgeCanary(samples, { weight: null, changesMs: [0, CHANGE] }).metrics[0]?.eValue ?? 0;
    expect(evidence([...first, ...second])).toBeGreaterThan(Math.max(evidence(first), evidence(second)));
  });

  test("has no weight that would hold for all calls", () => {
    expect(() => judgeCanary(ramp, { weight: 0.1, changesMs: [CHANGE] })).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringContaining("changesMs") }),
    );
  });
});
