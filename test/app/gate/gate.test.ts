import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { gate } from "../../../src/app/gate/handler.ts";
import { readOutcomes } from "../../../src/protect/outcomes.ts";
import { readLedger } from "../../../src/protect/ledger.ts";
import { BOT_LOGIN } from "../../support/github.ts";
import { BRANCH, ENVIRONMENT, type Gated, startGated } from "./gated.ts";

nock.restore();

const EQUAL = [
  { arm: "baseline", calls: 300, failing: 20 },
  { arm: "canary", calls: 300, failing: 20 },
] as const;
const HARMFUL = [
  { arm: "baseline", calls: 200, failing: 50 },
  { arm: "canary", calls: 200, failing: 4 },
] as const;

const decisions = ({ github }: Gated) => github.backend.actions.gate.filter(({ state }) => state !== undefined);
const reports = ({ github }: Gated) => github.backend.actions.gate.filter(({ state }) => state === undefined);
const entries = async ({ repository }: Gated) =>
  (await readLedger(await repository.state.view())).records.filter(({ operation }) => operation === "gate");
const outcomes = async ({ repository }: Gated) =>
  (await readOutcomes(await repository.state.view(), "notes")).map(({ status }) => status);
const check = async (place: Gated) => {
  const found = await place.repository.host.checks.on(place.head);
  return found.find(({ name }) => name === "Whetstone canary");
};

describe("the gate of a deployment", () => {
  test("watches a canary, reports, and lets one pass that is as good, with the evidence", async () => {
    await using place = await startGated();
    await place.handle(place.waitingRun());
    expect(reports(place)).toHaveLength(1);
    expect(reports(place)[0]?.comment).toContain("no_canary_traffic");
    expect(await check(place)).toMatchObject({ status: "in_progress" });
    for (let minute = 0; minute < 12; minute += 1) {
      await place.minute(...EQUAL);
      await place.tasksOnce();
    }
    const [decision, ...others] = decisions(place);
    expect(others).toEqual([]);
    expect(decision).toMatchObject({ run: place.runId, environment_name: ENVIRONMENT, state: "approved" });
    expect(decision?.comment).toMatch(/^\*\*Whetstone approved this deployment\*\*: errors_within_margin/);
    expect(decision?.comment).toContain("baseline 3000, canary 3000");
    expect(await place.gates()).toMatchObject([
      { decision: { state: "approved", by: { type: "bot", id: BOT_LOGIN } }, end: { how: "answered" } },
    ]);
    expect(await check(place)).toMatchObject({ status: "completed", conclusion: "success" });
    expect((await entries(place)).map(({ result }) => result)).toEqual(["watching", "approved", "answered"]);
    expect(await outcomes(place)).toEqual(["proposed", "promoted"]);
    expect(place.github.violations).toEqual([]);
  });

  test("rejects one that does harm at once, whatever the window", async () => {
    await using place = await startGated({ gate: "{ windowMinutes: 600 }" });
    await place.handle(place.waitingRun());
    await place.minute(...HARMFUL);
    await place.tasksOnce();
    expect(decisions(place)).toMatchObject([{ state: "rejected" }]);
    expect(decisions(place)[0]?.comment).toContain("errors_increased");
    expect(await outcomes(place)).toEqual(["proposed", "rolled_back"]);
    expect(await check(place)).toMatchObject({ conclusion: "failure" });
  });

  test("lets nothing pass before the window is over, nor on too few calls", async () => {
    await using place = await startGated({ gate: "{ windowMinutes: 30, minimumCalls: 4000 }" });
    await place.handle(place.waitingRun());
    for (let minute = 0; minute < 11; minute += 1) await place.minute(...EQUAL);
    await place.tasksOnce();
    expect((await place.gates())[0]?.decision).toBeNull();
    for (let minute = 0; minute < 20; minute += 1) await place.minute();
    await place.tasksOnce();
    // The window is over, but there are 3,300 calls of each arm.
    expect((await place.gates())[0]?.decision).toBeNull();
    expect(decisions(place)).toEqual([]);
  });

  test.each([
    ["a silent canary", [{ arm: "baseline", calls: 300, failing: 20 }], "no_canary_traffic"],
    ["a silent baseline", [{ arm: "canary", calls: 300, failing: 20 }], "no_baseline_traffic"],
  ] as const)("%s never passes; the deadline ends it", async (_name, traffic, reason) => {
    await using place = await startGated({ gate: "{ deadlineMinutes: 60 }" });
    await place.handle(place.waitingRun());
    for (let minute = 0; minute < 30; minute += 1) await place.minute(...traffic);
    await place.tasksOnce();
    expect(decisions(place)).toEqual([]);
    place.clock.advance(30 * 60_000);
    await place.tasksOnce();
    expect(decisions(place)).toMatchObject([{ state: "rejected" }]);
    expect((await place.gates())[0]?.decision?.reasons).toEqual(expect.arrayContaining([reason, "deadline_reached"]));
  });

  test("a server without telemetry lets nothing pass", async () => {
    await using place = await startGated({ telemetry: false, gate: "{ deadlineMinutes: 5, windowMinutes: 0 }" });
    await place.handle(place.waitingRun());
    expect(reports(place)[0]?.comment).toContain("holds no telemetry");
    place.clock.advance(5 * 60_000);
    await place.tasksOnce();
    expect(decisions(place)).toMatchObject([{ state: "rejected" }]);
  });

  test("with `atDeadline: wait` an undecided canary waits for people", async () => {
    await using place = await startGated({ gate: "{ deadlineMinutes: 5, atDeadline: wait }" });
    await place.handle(place.waitingRun());
    place.clock.advance(20 * 60_000);
    await place.tasksOnce();
    expect(decisions(place)).toEqual([]);
    expect((await place.gates())[0]).toMatchObject({ decision: null, end: null });
  });

  test("what nobody approved does not pass, however good it is", async () => {
    await using place = await startGated({ gate: "{ deadlineMinutes: 15, windowMinutes: 0 }" });
    const { backend } = place.github;
    const head = await backend.commit(BRANCH, { "a.ts": "sneaked\n" });
    await place.handle(place.waitingRun({ display_title: `Canary ${head} of pull request ${place.pull}` }));
    for (let minute = 0; minute < 12; minute += 1) await place.minute(...EQUAL);
    await place.tasksOnce();
    expect(decisions(place)).toEqual([]);
    place.clock.advance(3 * 60_000);
    await place.tasksOnce();
    expect(decisions(place)).toMatchObject([{ state: "rejected" }]);
    expect((await place.gates())[0]?.decision?.reasons).toEqual(["authorization_missing", "deadline_reached"]);
  });

  test("exchanged arms decide nothing", async () => {
    await using place = await startGated();
    await place.handle(place.waitingRun());
    for (let minute = 0; minute < 12; minute += 1) {
      await place.minute(
        { arm: "baseline", calls: 200, failing: 4, version: place.head },
        { arm: "canary", calls: 200, failing: 50, version: place.github.base },
      );
    }
    await place.tasksOnce();
    expect(decisions(place)).toEqual([]);
    expect((await place.gates())[0]?.decision).toBeNull();
  });

  test("calls of another commit's canary are left out", async () => {
    await using place = await startGated();
    await place.handle(place.waitingRun());
    await place.minute(
      { arm: "baseline", calls: 200, failing: 50 },
      { arm: "canary", calls: 200, failing: 2, version: "f".repeat(40) },
      { arm: "canary", calls: 200, failing: 50, version: place.head.slice(0, 12) },
    );
    await place.tasksOnce();
    expect((await place.gates())[0]?.decision).toBeNull();
  });
});

describe("a gate that is asked or ends otherwise", () => {
  test("asked twice it is one gate, and one answer", async () => {
    await using place = await startGated();
    const event = place.waitingRun();
    await place.handle(event);
    await place.minute(...HARMFUL);
    await place.handle({ ...event, id: "delivery-2" });
    await place.handle({ ...event, id: "delivery-3" });
    expect(decisions(place)).toHaveLength(1);
    expect(await place.gates()).toHaveLength(1);
    expect(new Set(place.tasks.map(({ id }) => id)).size).toBe(1);
  });

  test.each([
    ["reject", "rejected"],
    ["approve", "approved"],
  ])("a deployment without a proposal follows `unknown: %s`", async (unknown, state) => {
    await using place = await startGated({ gate: `{ unknown: ${unknown} }` });
    await place.handle(place.waitingRun({ display_title: "deploy", path: ".github/workflows/deploy.yml" }));
    expect(decisions(place)).toMatchObject([{ state }]);
    expect((await place.gates())[0]).toMatchObject({ proposal: null, decision: { reasons: ["proposal_unknown"] } });
  });

  test.each([
    ["another workflow", { path: ".github/workflows/other.yml" }],
    ["another branch", { head_branch: "x" }],
    ["another event", { event: "push" }],
    ["a fork", { head_repository: { id: 2 } }],
    ["another commit", { display_title: `Canary ${"e".repeat(40)} of pull request 1` }],
  ])("a title is believed of the canary workflow of the default branch alone, not of %s", async (_name, change) => {
    await using place = await startGated();
    await place.handle(place.waitingRun(change));
    expect((await place.gates())[0]).toMatchObject({ proposal: null, decision: { state: "rejected" } });
  });

  test("a stop rejects what waits", async () => {
    await using place = await startGated();
    await place.handle(place.waitingRun());
    await place.repository.killSwitch.stop({ by: { type: "person", id: "ada" }, why: "x" });
    await place.tasksOnce();
    expect(decisions(place)).toMatchObject([{ state: "rejected" }]);
    expect((await place.gates())[0]?.decision?.reasons).toEqual(["disabled"]);
  });

  test("an administrator's bypass is an end of its own", async () => {
    await using place = await startGated();
    await place.handle(place.waitingRun());
    place.github.backend.actions.bypass(place.runId, ENVIRONMENT, "grace");
    await place.tasksOnce();
    expect((await place.gates())[0]).toMatchObject({ decision: null, end: { how: "bypassed", by: "grace" } });
    expect((await entries(place)).at(-1)).toMatchObject({ reasonCode: "gate_bypassed", result: "bypassed by grace" });
    expect(await outcomes(place)).toEqual(["proposed", "promoted"]);
    expect(await check(place)).toMatchObject({ conclusion: "neutral" });
  });

  test("a run that was cancelled is no more waited for", async () => {
    await using place = await startGated();
    await place.handle(place.waitingRun());
    place.github.backend.actions.setRun(place.runId, { status: "completed", conclusion: "cancelled" });
    await place.tasksOnce();
    expect((await place.gates())[0]).toMatchObject({ decision: null, end: { how: "gone", by: null } });
    expect(await check(place)).toMatchObject({ conclusion: "cancelled" });
    expect(decisions(place)).toEqual([]);
  });

  test("whoever was faster between the look and the answer is not overruled", async () => {
    await using place = await startGated({ gate: "{ unknown: approve }" });
    const event = place.waitingRun({ display_title: "deploy", path: ".github/workflows/deploy.yml" });
    const { actions } = place.github.backend;
    let bypassed = false;
    place.github.bend((request) => {
      if (bypassed || !request.endsWith("deployment_protection_rule")) return undefined;
      bypassed = true;
      actions.bypass(place.runId, ENVIRONMENT, "grace");
      return undefined;
    });
    await place.handle(event);
    expect(decisions(place)).toMatchObject([{ state: "approved", login: "grace" }]);
    expect((await place.gates())[0]).toMatchObject({
      decision: { state: "approved" },
      end: { how: "bypassed", by: "grace" },
    });
  });

  test("a run that GitHub does not list yet is on its way, and answered", async () => {
    await using place = await startGated({ gate: "{ unknown: approve }" });
    const event = place.waitingRun({ display_title: "deploy", path: ".github/workflows/deploy.yml" });
    place.github.bend((request) =>
      request.endsWith("pending_deployments") ? { when: "before", reply: { status: 200, body: [] } } : undefined,
    );
    await place.handle(event);
    expect(decisions(place)).toMatchObject([{ state: "approved" }]);
  });

  test("looks come by the minute at first, and rarely after days", async () => {
    await using place = await startGated({ gate: "{ deadlineMinutes: 40000 }" });
    await place.handle(place.waitingRun());
    const payload = { gate: `${place.runId}-1-${ENVIRONMENT}` };
    const pause = async () => {
      const handled = await gate.handle(place.contextOf({ name: "task.gate", payload }));
      return handled.kind === "again" ? handled.at - Number(place.clock.now() / 1_000_000n) : undefined;
    };
    expect(await pause()).toBe(60_000);
    place.clock.advance(10 * 86_400_000);
    expect(await pause()).toBe(8_640_000);
  });

  test("ten reports and no more, however long it takes", async () => {
    await using place = await startGated({ gate: "{ deadlineMinutes: 60, atDeadline: wait }" });
    await place.handle(place.waitingRun());
    for (let look = 0; look < 16; look += 1) {
      place.clock.advance(5 * 60_000);
      await place.tasksOnce();
    }
    expect(reports(place)).toHaveLength(10);
    for (const { comment = "" } of reports(place)) expect(comment.length).toBeLessThanOrEqual(1_024);
    expect(place.github.violations).toEqual([]);
  });

  test("an event of another kind or without what is used is refused, not guessed", async () => {
    await using place = await startGated();
    const empty = { name: "deployment_protection_rule.requested", payload: {} };
    expect(await gate.handle(place.contextOf(empty))).toEqual({ kind: "done" });
    expect(await place.gates()).toEqual([]);
    expect(await entries(place)).toMatchObject([{ reasonCode: "callback_forbidden", decision: "deny" }]);
  });
});
