import { afterEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { readApproval } from "../../../src/app/approval/approval-record.ts";
import { approvalOf } from "../../../src/app/approval/approval.ts";
import { reviews } from "../../../src/app/approval/reviews.ts";
import { askedRunFile } from "../../../src/protect/asked-runs.ts";
import { appendLedger, readLedger } from "../../../src/protect/ledger.ts";
import { type Counterpart, startCounterpart } from "../counterpart.ts";
import { configured, propose, type Proposed } from "../proposed.ts";

nock.restore();

const CANARY = 'run-name: "Canary ${{ inputs.sha }} of pull request ${{ inputs.pull }}"\non: workflow_dispatch\n';
let place: Counterpart;
let proposed: Proposed;
const open = async (app = "{}", files: Readonly<Record<string, string>> = {}) => {
  const canary = { ".github/workflows/whetstone-canary.yml": CANARY };
  place = await startCounterpart({ files: { ...configured(`app: ${app}\n`), ...canary, ...files } });
  proposed = await propose(place);
};
afterEach(async () => {
  expect(place.github.violations).toEqual([]);
  await place[Symbol.asyncDispose]();
});

const give = (login: "ada" | "grace" | "mallory", event: string, commit = proposed.head) =>
  place.github.backend.people
    .as(login)("POST", `pulls/${proposed.pull}/reviews`, { event, body: "x", commit_id: commit })
    .then(({ id }) => Number(id));
const deliver = (id = "delivery-1", name = "pull_request_review.submitted") =>
  reviews.handle(place.context({ id, name, payload: { pull_request: { number: proposed.pull } } }));
const record = async () => readApproval(await place.repository.state.view(), proposed.pull);
const entries = async () => {
  const { records } = await readLedger(await place.repository.state.view());
  return records
    .filter(({ operation }) => operation === "proposal.review")
    .map(({ actor, decision, result }) => `${actor.id} ${decision} ${result}`);
};
const check = async (sha: string) => {
  const { data } = await place.github.backend.ask("GET", `commits/${sha}/check-runs`);
  const runs = (data as { check_runs: { name: string; conclusion: string; output: { summary: string } }[] }).check_runs;
  return runs.find(({ name }) => name === "Whetstone review");
};
const started = () => place.github.backend.actions.dispatched.map(({ inputs }) => inputs["sha"]);

describe("a review of a proposal", () => {
  test("that approves is on record once, with its ledger entry and as a check run", async () => {
    await open();
    await give("ada", "APPROVE");
    await deliver();
    await deliver();
    await deliver("delivery-2");
    expect(await record()).toMatchObject({ kind: "approved", by: "ada", sha: proposed.head, target: "notes" });
    expect(await entries()).toEqual([`ada allow pull request ${proposed.pull}: approved`]);
    expect(await check(proposed.head)).toMatchObject({ conclusion: "success" });
    expect(started()).toEqual([]);
  });

  test("is stale after a push, and on record as such; nothing is started for what was pushed", async () => {
    await open("{ approval: { starts: canary } }");
    await give("ada", "APPROVE");
    await deliver();
    const pushed = await place.github.backend.commit(proposed.branch, { "a.ts": "3\n" });
    await deliver("delivery-2", "pull_request.synchronize");
    expect(await record()).toMatchObject({ kind: "stale", by: "ada", sha: proposed.head, head: pushed });
    expect(await check(pushed)).toMatchObject({ conclusion: "action_required" });
    expect(started()).toEqual([proposed.head]);
    await give("grace", "APPROVE", pushed);
    await deliver("delivery-3");
    expect(started()).toEqual([proposed.head, pushed]);
    expect(await entries()).toHaveLength(3);
  });

  test("that is dismissed counts no more", async () => {
    await open();
    const id = await give("ada", "APPROVE");
    await deliver();
    await place.github.backend.ask("PUT", `pulls/${proposed.pull}/reviews/${id}/dismissals`, { message: "no" });
    await deliver("delivery-2", "pull_request_review.dismissed");
    expect(await record()).toMatchObject({ kind: "missing", by: null });
    expect(await check(proposed.head)).toMatchObject({ conclusion: "action_required" });
  });

  test.each(["read", "none", "gone"])(
    "of somebody with permission %s starts and records nothing",
    async (permission) => {
      await open("{ approval: { starts: canary } }");
      place.github.backend.people.permissions.set("ada", permission);
      await give("ada", "APPROVE");
      await deliver();
      expect(await record()).toBeUndefined();
      expect(started()).toEqual([]);
    },
  );

  test("of a pull request that is none of ours is left alone, whatever its branch is called", async () => {
    await open("{ approval: { starts: canary } }");
    const branch = `whetstone/proposal/notes/${"d".repeat(12)}`;
    await place.github.backend.ask("POST", "git/refs", { ref: `refs/heads/${branch}`, sha: place.github.base });
    const { data } = await place.github.backend.ask("POST", "pulls", { title: "T", head: branch, base: "main" });
    proposed = { ...proposed, pull: Number(Reflect.get(Object(data), "number")), head: place.github.base };
    await give("ada", "APPROVE");
    const from = place.github.requests.length;
    await deliver();
    expect(place.github.requests.slice(from).filter((one) => !one.startsWith("GET "))).toEqual([]);
  });

  test("a forged delivery that says approved starts nothing: GitHub is asked", async () => {
    await open("{ approval: { starts: canary } }");
    const payload = {
      pull_request: { number: proposed.pull },
      review: { state: "approved", user: { login: "ada" }, commit_id: proposed.head },
    };
    await reviews.handle(place.context({ name: "pull_request_review.submitted", payload }));
    expect(started()).toEqual([]);
  });
});

describe("with the two-person rule", () => {
  test.each([
    ["started the run by hand", "octo-org/notes/actions/runs/1 by Ada", undefined],
    ["asked the App for it", "octo-org/notes/actions/runs/1 by whetstone[bot]", "ada"],
  ])("who %s cannot approve what came of it", async (_name, starter, asker) => {
    await open("{}\nprotection: { twoPerson: true }");
    const { state } = place.repository;
    const start = {
      actor: { type: "workflow", id: starter },
      operation: "loop.start",
      target: "notes",
      decision: "allow",
      reasonCode: "ok",
      result: "started",
      parametersDigest: "a".repeat(64),
      run: "r-1",
    } as const;
    await appendLedger(state, [start], { clock: place.clock });
    const by = { type: "person", id: asker ?? "linus" } as const;
    const wish = {
      schema: "whetstone.asked-run/1",
      comment: 1,
      conversation: 1,
      word: "refine",
      target: "notes",
    } as const;
    const facts = {
      app: "whetstone[bot]",
      at: "2026-11-20T10:00:00.000Z",
      workflow: "whetstone.yml",
      inputs: {},
    } as const;
    const file = askedRunFile({
      ...wish,
      ...facts,
      by,
      permission: null,
      run: 1,
      loop: asker === undefined ? "r-0" : "r-1",
    });
    await state.update("asked", async () => ({ change: new Map([file]), value: undefined }));
    await give("ada", "APPROVE");
    expect(await approvalOf(place.repository, proposed.pull)).toMatchObject({ why: "not_independent" });
    await give("grace", "APPROVE");
    expect(await approvalOf(place.repository, proposed.pull)).toMatchObject({ kind: "approved", by: "grace" });
  });
});

describe("what an approval starts", () => {
  test("two approvals at the same time start one canary", async () => {
    await open("{ approval: { starts: canary } }");
    await give("ada", "APPROVE");
    await give("grace", "APPROVE");
    await Promise.all([deliver("delivery-1"), deliver("delivery-2")]);
    expect(started()).toEqual([proposed.head]);
    expect((await entries()).length).toBeLessThanOrEqual(2);
  });

  test("staging is one deployment per commit, however often it is asked for", async () => {
    await open("{ approval: { starts: staging, environment: stage-1 } }");
    await give("ada", "APPROVE");
    await deliver();
    await deliver("delivery-2");
    expect(place.github.backend.deployments).toMatchObject([{ sha: proposed.head, environment: "stage-1" }]);
    expect(place.github.backend.deployments).toHaveLength(1);
  });

  test.each(["canary", "staging"])("nothing while everything is stopped (%s), and that is said", async (starts) => {
    await open(`{ approval: { starts: ${starts} } }`);
    await place.repository.killSwitch.stop({ by: { type: "person", id: "grace" }, why: null });
    await give("ada", "APPROVE");
    await deliver();
    expect(started()).toEqual([]);
    expect(place.github.backend.deployments).toEqual([]);
    expect((await check(proposed.head))?.output.summary).toContain("Not started");
    expect(await record()).toMatchObject({ kind: "approved" });
  });

  test("what cannot start is said where it was approved", async () => {
    await open("{ approval: { starts: canary }, gate: { workflow: none.yml } }");
    await give("ada", "APPROVE");
    await deliver();
    const { data } = await place.github.backend.ask("GET", `issues/${proposed.pull}/comments`);
    expect(JSON.stringify(data)).toContain("has no workflow none.yml");
  });

  test("after a cut at any write the next attempt completes it: one canary, one entry", async () => {
    await open("{ approval: { starts: canary } }");
    const isWrite = (request: string) => !request.startsWith("GET ");
    for (let cut = 1; cut <= 16; cut += 5) {
      const head = await place.github.backend.commit(proposed.branch, { "a.ts": `cut ${cut}\n` });
      await give("ada", "APPROVE", head);
      let seen = 0;
      place.github.bend((request) => {
        if (!isWrite(request)) return undefined;
        seen += 1;
        return seen >= cut ? { when: seen === cut ? "after" : "before", reply: "cut" } : undefined;
      });
      await deliver(`d-${cut}`).catch(() => undefined);
      place.github.bend(undefined);
      await deliver(`d-${cut}`).catch(() => place.clock.advance(121_000));
      await deliver(`d-${cut}`);
      expect(started().filter((sha) => sha === head)).toHaveLength(1);
      expect(await check(head)).toMatchObject({ conclusion: "success" });
    }
    expect(await entries()).toHaveLength(4);
  });
});
