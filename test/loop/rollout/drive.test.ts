import { describe, expect, test } from "@jest/globals";
import { advance, ENDED, startRollout } from "../../../src/canary/rollout.ts";
import type { Rollout, RolloutPlan } from "../../../src/canary/rollout-record.ts";
import { openMemoryState } from "../../../src/github/memory-state.ts";
import { driveRollout, takeStep, type RolloutDeps } from "../../../src/loop/rollout/drive.ts";
import type { Deployment, RolloutLook } from "../../../src/loop/rollout/port.ts";
import { stateRollouts } from "../../../src/loop/rollout/records.ts";
import type { ReasonCode } from "../../../src/model/codes.ts";
import type { LedgerEntry } from "../../../src/model/ledger.ts";
import { formatInstant, manualClock } from "../../../src/model/time.ts";
import { readLedger } from "../../../src/protect/ledger.ts";

const plan: RolloutPlan = {
  steps: [
    { percent: 5, minimumMs: 60_000 },
    { percent: 50, minimumMs: 60_000 },
  ],
  minimumCalls: 1,
  staging: { soakMs: 60_000 },
  deadlineMs: 3_600_000,
  atDeadline: "inconclusive",
  hookMs: 60_000,
  hookAttempts: 2,
};

/** Everything outside, which outlives the process that drives: traffic split, deployments, records, clock. */
function world(change: Partial<RolloutPlan> = {}) {
  const clock = manualClock();
  const log: string[] = [];
  const records = stateRollouts(openMemoryState());
  const begun = startRollout(
    { id: "r1", target: "notes", candidate: "abc", plan: { ...plan, ...change } },
    formatInstant(clock.now()),
  );
  const did = (what: string) => () => {
    log.push(what);
    return Promise.resolve(what);
  };
  const deployment: Deployment = {
    stage: did("stage"),
    check: () => {
      log.push("check");
      return Promise.resolve({ ok: true, detail: "9 specs" });
    },
    expose: (percent) => did(`expose ${percent}`)(),
    promote: did("promote"),
    rollback: did("rollback"),
  };
  const verdict: { now: RolloutLook } = { now: { verdict: { verdict: "promote", reasons: ["ok"] }, stepCalls: 9 } };
  const deps: RolloutDeps = {
    records,
    deployment,
    judge: () => Promise.resolve(verdict.now),
    clock,
    mayGoOn: () => Promise.resolve(),
    untilNextLook: () => {
      clock.advance(60_000);
      return Promise.resolve();
    },
    told: ({ phase, step }) => void log.push(`= ${phase} ${step}`),
  };
  return { clock, log, records, begun, deps, verdict };
}

const hooks = (log: readonly string[]): string[] => log.filter((line) => !line.startsWith("="));
const says = (verdict: RolloutLook["verdict"]["verdict"], reason: ReasonCode): RolloutLook => ({
  verdict: { verdict, reasons: [reason] },
  stepCalls: 9,
});

describe("a rollout", () => {
  test("runs its hooks in order and is kept after every phase", async () => {
    const { records, begun, deps, log } = world();
    await records.save(begun);
    const over = await driveRollout(begun, deps);
    expect(over.phase).toBe("promoted");
    expect(hooks(log)).toEqual(["stage", "check", "check", "expose 5", "expose 50", "promote"]);
    expect(await records.load("notes")).toEqual(over);
  });

  test("that harms is taken from the traffic before its hook runs", async () => {
    const { records, begun, deps, log, verdict } = world({ staging: null });
    verdict.now = says("rollback", "errors_increased");
    await records.save(begun);
    expect(await driveRollout(begun, deps)).toMatchObject({ phase: "rolled_back" });
    expect(hooks(log)).toEqual(["expose 5", "expose 0", "rollback"]);
  });

  test("with `once` waits for nobody: the next look goes on", async () => {
    const { records, begun, deps, clock } = world();
    await records.save(begun);
    const still = { ...deps, untilNextLook: () => Promise.reject(new Error("nobody waits")) };
    const seen = new Set<string>();
    let rollout = begun;
    for (let looks = 0; looks < 10 && !ENDED.includes(rollout.phase); looks += 1) {
      rollout = await driveRollout((await records.load("notes")) ?? begun, still, true);
      seen.add(rollout.phase);
      clock.advance(60_000);
    }
    expect([...seen]).toEqual(["staging_soak", "exposure", "promoted"]);
  });

  test("a hook that hangs or fails is ended at its limit, tried again, and then the candidate is taken back", async () => {
    const { records, begun, deps, log } = world({ hookMs: 5 });
    await records.save(begun);
    let aborted = 0;
    const stage: Deployment["stage"] = ({ signal }) =>
      new Promise(() => signal.addEventListener("abort", () => (aborted += 1)));
    const over = await driveRollout(begun, { ...deps, deployment: { ...deps.deployment, stage } });
    expect(over.phase).toBe("rolled_back");
    expect(aborted).toBe(2);
    expect(hooks(log)).toEqual(["expose 0", "rollback"]);
    expect(over.history.find(({ phase }) => phase === "rollback")).toMatchObject({
      reasons: ["hook_failed"],
      detail: "it took longer than 5 ms",
    });
  });

  test("a rollback that cannot be done is left to people, who can have it tried again", async () => {
    const { records, begun, deps, clock } = world({ staging: null });
    await records.save(begun);
    const broken: Deployment = {
      ...deps.deployment,
      expose: () => Promise.reject(new Error("the proxy does not answer")),
    };
    const stuck = await driveRollout(begun, { ...deps, deployment: broken });
    expect(stuck).toMatchObject({ phase: "failed" });
    const again = advance(stuck, { type: "decided", decision: "rollback", by: "ada" }, formatInstant(clock.now()));
    await records.save(again);
    expect((await driveRollout(again, deps)).phase).toBe("rolled_back");
  });

  test("does nothing while the kill switch is set, but what is being taken back is", async () => {
    const { records, begun, deps, log, verdict } = world({ staging: null });
    await records.save(begun);
    const stopped = { ...deps, mayGoOn: () => Promise.reject(new Error("stopped")) };
    await expect(driveRollout(begun, stopped)).rejects.toThrow("stopped");
    expect(log).toEqual([]);
    verdict.now = says("rollback", "errors_increased");
    const exposed = await driveRollout(begun, { ...deps, untilNextLook: () => Promise.reject(new Error("looked")) });
    expect(exposed.phase).toBe("rolled_back");
    const back = { ...exposed, phase: "rollback" as const };
    const over = await takeStep(back, { ...stopped, records: { ...records, save: () => Promise.resolve() } });
    expect(over.phase).toBe("rolled_back");
  });

  test("follows a person who decides between two looks", async () => {
    const { records, begun, deps, verdict, log } = world({ staging: null });
    verdict.now = says("continue", "undecided");
    await records.save(begun);
    let looks = 0;
    const untilNextLook = async (): Promise<void> => {
      await deps.untilNextLook(begun);
      looks += 1;
      const current = await records.load("notes");
      if (looks !== 3 || current === undefined) return;
      await records.save(
        advance(current, { type: "decided", decision: "rollback", by: "ada" }, formatInstant(deps.clock.now())),
      );
    };
    expect((await driveRollout(begun, { ...deps, untilNextLook })).phase).toBe("rolled_back");
    expect(hooks(log).at(-1)).toBe("rollback");
  });

  test("follows a person who decides while a hook runs", async () => {
    const { records, begun, deps } = world({ staging: null });
    await records.save(begun);
    const expose: Deployment["expose"] = async (percent, call) => {
      const current = await records.load("notes");
      if (percent === 5 && current?.phase === "exposure_change") {
        await records.save(
          advance(current, { type: "decided", decision: "rollback", by: "ada" }, formatInstant(deps.clock.now())),
        );
      }
      return deps.deployment.expose(percent, call);
    };
    const over = await driveRollout(begun, { ...deps, deployment: { ...deps.deployment, expose } });
    expect(over.phase).toBe("rolled_back");
    expect(over.history.some(({ phase }) => phase === "exposure")).toBe(false);
  });
});

/** A process that dies at its n-th act: before it, or right after, before anybody hears of it. Then it does nothing more. */
function mortal(deps: RolloutDeps, { dies, isAfter }: { dies: number; isAfter: boolean }): RolloutDeps {
  let acts = 0;
  const act = <A extends unknown[], R>(work: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      acts += 1;
      if (acts > dies || (acts === dies && !isAfter)) throw new Error("killed");
      const result = await work(...args);
      if (acts === dies) throw new Error("killed");
      return result;
    };
  };
  const { deployment, records } = deps;
  return {
    ...deps,
    records: { load: records.load, save: act(records.save) },
    deployment: {
      stage: act(deployment.stage),
      check: act(deployment.check),
      expose: act(deployment.expose),
      promote: act(deployment.promote),
      rollback: act(deployment.rollback),
    },
    judge: act(deps.judge),
  };
}

describe("killed at any act and started again", () => {
  test.each([
    ["good", says("promote", "ok"), "promoted"],
    ["bad", says("rollback", "errors_increased"), "rolled_back"],
    ["open", says("continue", "undecided"), "held"],
  ] as const)("a %s rollout ends as it would have, with every phase and in order", async (_, verdict, end) => {
    const whole = world({ hookAttempts: 3 });
    whole.verdict.now = verdict;
    await whole.records.save(whole.begun);
    const undisturbed = await driveRollout(whole.begun, whole.deps);
    expect(undisturbed.phase).toBe(end);
    const phases = ({ history }: Rollout) => history.map(({ phase, step }) => `${phase} ${step}`);
    const killedIn = new Set<string>();
    for (const isAfter of [false, true]) {
      for (let dies = 1; dies <= 24; dies += 1) {
        const { records, begun, deps, verdict: own, log } = world({ hookAttempts: 3 });
        own.now = verdict;
        await records.save(begun);
        await driveRollout(begun, mortal(deps, { dies, isAfter })).catch(async (error: Error) => {
          expect(error.message).toBe("killed");
          killedIn.add((await records.load("notes"))?.phase ?? "");
        });
        const found = await records.load("notes");
        const over = await driveRollout(found ?? begun, deps);
        expect(phases(over)).toEqual(phases(undisturbed));
        // What was interrupted may be done twice; nothing is left out or comes too early.
        expect([...new Set(hooks(log))]).toEqual([...new Set(hooks(whole.log))]);
      }
    }
    expect(killedIn.size).toBeGreaterThan(4);
  });
});

describe("the records", () => {
  test("put every new phase into the ledger, by the same commit", async () => {
    const { deps, begun, clock } = world({ staging: null });
    const state = openMemoryState();
    const entryOf = ({ phase, target, id }: Rollout): LedgerEntry => ({
      actor: { type: "bot", id: "whetstone" },
      operation: "rollout",
      target,
      decision: "allow",
      reasonCode: "ok",
      result: phase,
      parametersDigest: "0".repeat(64),
      run: id,
    });
    const records = stateRollouts(state, { entryOf, clock });
    await records.save(begun);
    const over = await driveRollout(begun, { ...deps, records });
    const ledger = await readLedger(await state.view());
    expect(ledger.records.map(({ result }) => result)).toEqual(over.history.map(({ phase }) => phase));
  });

  test("take a rollout only after the one that was read, and a new one only when the old is over", async () => {
    const { records, begun, clock } = world();
    await records.save(begun);
    const next = advance(begun, { type: "done", detail: "" }, formatInstant(clock.now()));
    await records.save(next);
    await expect(records.save(next)).rejects.toMatchObject({ code: "conflict" });
    await expect(records.save({ ...begun, id: "r2" })).rejects.toMatchObject({ code: "conflict" });
    expect(await records.load("notes")).toEqual(next);
    const over = { ...next, phase: "rolled_back" as const, revision: next.revision + 1 };
    await records.save(over);
    await records.save({ ...begun, id: "r2" });
    expect((await records.load("notes"))?.id).toBe("r2");
    expect(await records.load("other")).toBeUndefined();
  });

  test("a file that is no rollout is said, not guessed", async () => {
    const state = openMemoryState();
    await state.update("broken", () =>
      Promise.resolve({ change: new Map([["rollouts/notes.json", '{"phase":"promoted"}']]), value: undefined }),
    );
    await expect(stateRollouts(state).load("notes")).rejects.toMatchObject({ code: "input_unreadable" });
  });
});
