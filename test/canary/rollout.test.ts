import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { advance, ENDED, shareOf, startRollout, type RolloutEvent } from "../../src/canary/rollout.ts";
import { Rollout, RolloutPhase, RolloutPlan, sharesRise } from "../../src/canary/rollout-record.ts";
import type { ReasonCode } from "../../src/model/codes.ts";

const MINUTE = 60_000;
const plan: RolloutPlan = {
  steps: [
    { percent: 5, minimumMs: 10 * MINUTE },
    { percent: 25, minimumMs: 10 * MINUTE },
    { percent: 50, minimumMs: 10 * MINUTE },
  ],
  minimumCalls: 20,
  staging: { soakMs: 5 * MINUTE },
  deadlineMs: 120 * MINUTE,
  atDeadline: "inconclusive",
  hookMs: MINUTE,
  hookAttempts: 2,
};
const at = (minutes: number): string => new Date(Date.UTC(2026, 10, 20) + minutes * MINUTE).toISOString();
const begin = (change: Partial<RolloutPlan> = {}): Rollout =>
  startRollout({ id: "r1", target: "notes", candidate: "abc", plan: { ...plan, ...change } }, at(0));

const done: RolloutEvent = { type: "done", detail: "" };
const failed: RolloutEvent = { type: "failed", reasons: ["hook_failed"], detail: "exit 1" };
const look = (verdict: "promote" | "rollback" | "continue", reason: ReasonCode, stepCalls = 100): RolloutEvent => ({
  type: "look",
  verdict: { verdict, reasons: [reason] },
  stepCalls,
});
const open = look("continue", "undecided");
const good = look("promote", "errors_within_margin");
const bad = look("rollback", "errors_increased");

/** The rollout after events, each at its minute. */
const after = (rollout: Rollout, ...events: readonly (readonly [number, RolloutEvent])[]): Rollout =>
  events.reduce((now, [minute, event]) => advance(now, event, at(minute)), rollout);
const atFirstStep = (change: Partial<RolloutPlan> = {}): Rollout =>
  after(begin({ staging: null, ...change }), [0, done]);

describe("the way to all traffic", () => {
  test("staging, its checks, the soak, the checks again, 5, 25, 50 % with the judge between, promotion", () => {
    const rollout = after(
      begin(),
      [1, done], // deployed
      [2, done], // checked
      [3, open], // soaking
      [7, open], // soaked
      [8, done], // checked again
      [9, done], // 5 %
      [12, good], // too soon
      [19, good],
      [20, done], // 25 %
      [30, open],
      [31, done], // 50 %
      [41, open], // undecided is not enough for the last step
      [42, good],
      [43, done],
    );
    expect(rollout.phase).toBe("promoted");
    expect(rollout.history.map(({ phase, step }) => `${phase} ${step}`)).toEqual([
      "staging_deploy 0",
      "staging_check 0",
      "staging_soak 0",
      "staging_recheck 0",
      "exposure_change 0",
      "exposure 0",
      "exposure_change 1",
      "exposure 1",
      "exposure_change 2",
      "exposure 2",
      "promotion 2",
      "promoted 2",
    ]);
    expect(rollout.changes).toEqual([at(9), at(20), at(31)]);
    expect(rollout.exposedSince).toBe(at(9));
    expect(Rollout.parse(JSON.parse(JSON.stringify(rollout)))).toEqual(rollout);
  });

  test("harm at any look rolls back, with the judge's reasons to the end", () => {
    const rollout = after(atFirstStep(), [1, bad]);
    expect(rollout.phase).toBe("rollback");
    expect(shareOf(rollout)).toBe(0);
    const over = after(rollout, [2, done]);
    expect(over.phase).toBe("rolled_back");
    expect(over.history.at(-1)?.reasons).toEqual(["errors_increased"]);
  });

  test.each([
    "no_canary_traffic",
    "no_baseline_traffic",
    "stale_data",
    "invalid_data",
    "operation_unmatched",
    "arms_drift",
  ] as const)("%s holds the step", (reason) => {
    const waiting = atFirstStep();
    expect(after(waiting, [30, look("continue", reason)])).toBe(waiting);
  });

  test("a step wants its calls and its time", () => {
    const waiting = atFirstStep();
    expect(after(waiting, [30, look("continue", "undecided", 19)])).toBe(waiting);
    expect(after(waiting, [9, open])).toBe(waiting);
    expect(after(waiting, [10, open])).toMatchObject({ phase: "exposure_change", step: 1 });
  });

  test("the deadline ends an open canary, held for people or rolled back, but not a good one", () => {
    const last = after(atFirstStep(), [10, open], [10, done], [20, open], [20, done]);
    expect(after(last, [119, open])).toBe(last);
    const held = after(last, [120, open]);
    expect(held).toMatchObject({ phase: "held" });
    expect(held.history.at(-1)?.reasons).toEqual(["undecided", "deadline_reached"]);
    expect(shareOf(held)).toBe(50);
    expect(after(last, [120, good]).phase).toBe("promotion");
    const strict = atFirstStep({ atDeadline: "rollback" });
    expect(after(strict, [120, look("continue", "no_canary_traffic", 0)]).phase).toBe("rollback");
  });

  test("failing hooks are tried again, then roll back; a rollback that fails needs a person", () => {
    const once = after(begin(), [1, failed]);
    expect(once).toMatchObject({ phase: "staging_deploy", attempts: 1, revision: 1 });
    const twice = after(once, [2, failed]);
    expect(twice).toMatchObject({ phase: "rollback", attempts: 0 });
    const stuck = after(twice, [3, failed], [4, failed]);
    expect(stuck.phase).toBe("failed");
    expect(stuck.history.at(-1)).toMatchObject({ reasons: ["hook_failed"], detail: "exit 1" });
    expect(after(stuck, [5, { type: "decided", decision: "rollback", by: "ada" }]).phase).toBe("rollback");
  });

  test("checks that refuse the candidate roll back at once", () => {
    const refused: RolloutEvent = { type: "refused", reasons: ["check_failed"], detail: "2 of 9 specs" };
    expect(after(begin(), [1, done], [2, refused]).history.at(-1)).toMatchObject({
      phase: "rollback",
      detail: "2 of 9 specs",
    });
  });
});

describe("people", () => {
  const decided = (decision: "promote" | "rollback"): RolloutEvent => ({ type: "decided", decision, by: "ada" });

  test("promote what has traffic or is held, and roll back what is not over", () => {
    const exposed = atFirstStep();
    const promoted = after(exposed, [1, decided("promote")]);
    expect(promoted.history.at(-1)).toMatchObject({
      phase: "promotion",
      reasons: ["decided_by_person"],
      detail: "ada",
    });
    expect(after(promoted, [2, done]).phase).toBe("promoted");
    for (const phase of RolloutPhase.options) {
      const rollout = { ...exposed, phase };
      const over = phase === "promoted" || phase === "rolled_back";
      const back = () => after(rollout, [1, decided("rollback")]);
      if (over) expect(back).toThrow(expect.objectContaining({ code: "usage" }));
      else expect(back().phase).toBe("rollback");
      const forward = () => after(rollout, [1, decided("promote")]);
      if (["exposure", "exposure_change", "held"].includes(phase)) expect(forward().phase).toBe("promotion");
      else expect(forward).toThrow(expect.objectContaining({ code: "usage" }));
    }
  });
});

const anyEvent = fc.oneof(
  fc.constantFrom<RolloutEvent>(done, failed, open, good, bad, { type: "look" }),
  fc.constantFrom<RolloutEvent>(look("continue", "stale_data"), look("promote", "errors_within_margin", 0), {
    type: "refused",
    reasons: ["check_failed"],
    detail: "",
  }),
);
const course = fc.array(fc.tuple(fc.integer({ min: 0, max: 15 }), anyEvent), { maxLength: 60 });

describe("whatever happens", () => {
  test("nothing is promoted without the judge's own promotion at the last step, and what is over stays over", () => {
    fc.assert(
      fc.property(course, fc.boolean(), (events, isStaged) => {
        let rollout = begin(isStaged ? {} : { staging: null });
        let minute = 0;
        for (const [wait, event] of events) {
          minute += wait;
          const next = advance(rollout, event, at(minute));
          if (next.phase === "promotion" && rollout.phase !== "promotion") {
            expect(event).toMatchObject({ type: "look", verdict: { verdict: "promote" } });
            expect(rollout).toMatchObject({ phase: "exposure", step: plan.steps.length - 1 });
          }
          if (event.type === "look" && event.verdict?.verdict === "rollback" && rollout.phase === "exposure") {
            expect(next.phase).toBe("rollback");
          }
          if (ENDED.includes(rollout.phase) && event.type !== "refused") expect(next).toBe(rollout);
          if (next !== rollout) expect(next.revision).toBe(rollout.revision + 1);
          expect(next.history.length - rollout.history.length).toBeLessThanOrEqual(1);
          expect(next.history.at(-1)?.phase).toBe(next.phase);
          expect(Rollout.safeParse(next).success).toBe(true);
          if (ENDED.includes(next.phase)) break;
          rollout = next;
        }
      }),
    );
  });

  test("the share only rises, and is 0 once the candidate is being taken back", () => {
    fc.assert(
      fc.property(course, (events) => {
        let rollout = begin({ staging: null });
        let [minute, share] = [0, 0];
        for (const [wait, event] of events) {
          minute += wait;
          rollout = advance(rollout, event, at(minute));
          const now = shareOf(rollout);
          if (["rollback", "rolled_back", "failed"].includes(rollout.phase)) expect(now).toBe(0);
          else if (now !== null) {
            expect(now).toBeGreaterThanOrEqual(share);
            share = now;
          }
          if (ENDED.includes(rollout.phase)) break;
        }
      }),
    );
  });
});

test("a plan's shares must rise and leave something to the baseline", () => {
  const stepsOf = (...percents: number[]) => percents.map((percent) => ({ percent, minimumMs: 0 }));
  const isValid = (...percents: number[]) => RolloutPlan.safeParse({ ...plan, steps: stepsOf(...percents) }).success;
  expect(RolloutPlan.safeParse(plan).success).toBe(true);
  expect([isValid(), isValid(0), isValid(100), isValid(99)]).toEqual([false, false, false, true]);
  expect(sharesRise(plan)).toBe(true);
  expect(sharesRise({ steps: stepsOf(25, 5) })).toBe(false);
  expect(sharesRise({ steps: stepsOf(5, 25, 25) })).toBe(false);
});
