import { afterEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { followRun } from "../../../src/app/commands/follow.ts";
import { readAskedRun } from "../../../src/protect/asked-runs.ts";
import { readLedger } from "../../../src/protect/ledger.ts";
import type { Fault } from "../../support/github.ts";
import { configured } from "../proposed.ts";
import { startTalk, type Talk } from "../talk.ts";

nock.restore();

const WORKFLOW = [
  'run-name: "Whetstone request-${{ inputs.request }}"',
  "on:",
  "  workflow_dispatch:",
  "    inputs: { request: {}, target: {}, mode: {}, session: {}, dry-run: {} }",
  "",
].join("\n");
const FILE = ".github/workflows/whetstone.yml";

let talk: Talk;
const open = async (more?: string) => {
  talk = await startTalk({ ...configured(more), [FILE]: WORKFLOW });
};
afterEach(async () => {
  expect(talk.github.violations).toEqual([]);
  await talk[Symbol.asyncDispose]();
});

const dispatched = () => talk.github.backend.actions.dispatched;
const asks = async () => {
  const { records } = await readLedger(await talk.repository.state.view());
  return records.filter(({ operation }) => operation === "loop.ask");
};
/** Carries out the task that follows the run, once. */
const follow = async (payload: unknown = talk.tasks.at(-1)?.payload) => {
  const id = talk.tasks.at(-1)?.id ?? "";
  return await followRun.handle(talk.context({ id, name: "task.follow-run", payload }));
};

describe("a run of the loop that a comment asks for", () => {
  test.each([
    ["/whetstone analyze", { target: "notes", mode: "analysis" }],
    ["/whetstone analyze notes", { target: "notes", mode: "analysis" }],
    ["/whetstone refine session=replay:s/a.json", { target: "notes", mode: "refinement", session: "replay:s/a.json" }],
    [
      "/whetstone validate session=replay:s/a.json",
      { target: "notes", mode: "refinement", session: "replay:s/a.json", "dry-run": "true" },
    ],
  ])("%s starts the workflow of the default branch", async (text, inputs) => {
    await open();
    const { reactions, answer } = await talk.say(text, { comment: 900 });
    expect(reactions).toEqual(["eyes", "rocket"]);
    expect(answer).toContain(`run ${dispatched()[0]?.id}`);
    expect(dispatched()).toMatchObject([{ file: "whetstone.yml", ref: "main", inputs: { ...inputs, request: "900" } }]);
    expect(await asks()).toMatchObject([{ actor: { type: "person", id: "ada" }, target: "notes", decision: "allow" }]);
  });

  test("is followed: how it stands and how it ended is said in the same comment", async () => {
    await open();
    await talk.say("/whetstone analyze", { comment: 900 });
    const { id = 0 } = dispatched()[0] ?? {};
    const first = await follow();
    expect(first).toMatchObject({ kind: "again", payload: { told: "queued" } });
    const { backend } = talk.github;
    backend.actions.setRun(id, { status: "in_progress" });
    const second = await follow(first.kind === "again" ? first.payload : {});
    expect((await talk.standing())[0]).toContain("is under way");
    backend.actions.setRun(id, { status: "completed", conclusion: "failure" });
    expect(await follow(second.kind === "again" ? second.payload : {})).toEqual({ kind: "done" });
    expect(await follow(second.kind === "again" ? second.payload : {})).toEqual({ kind: "done" });
    const standing = await talk.standing();
    expect(standing).toHaveLength(1);
    expect(standing[0]).toContain("ended: **failure**");
    expect(backend.people.reactions).toEqual(["900 eyes", "900 rocket", "900 confused"]);
  });

  test("a run that is gone, or does not end, is followed no longer", async () => {
    await open();
    await talk.say("/whetstone analyze", { comment: 900 });
    talk.clock.advance(36 * 86_400_000);
    expect(await follow()).toEqual({ kind: "done" });
    expect((await talk.standing())[0]).toContain("has not ended in 35 days");
    talk.github.backend.runs.clear();
    expect(await follow()).toEqual({ kind: "done" });
    expect((await talk.standing())[0]).toContain("is not there any more");
  });

  const CUTS: readonly Fault["reply"][] = ["cut", { status: 502, body: { message: "Bad gateway" } }];
  test.each([
    ["before", 1, CUTS[0]],
    ["after", 2, CUTS[0]],
    ["before", 3, CUTS[1]],
    ["after", 4, CUTS[1]],
  ] as const)(
    "is started once though a write was disturbed (%s, from write %i on) by %j",
    async (when, first, reply) => {
      await open();
      let writes = 0;
      const count = (request: string) => (request.startsWith("GET ") ? 0 : (writes += 1));
      talk.github.bend((request) => void count(request));
      await talk.say("/whetstone analyze", { comment: 900 });
      const total = writes;
      let asked = 1;
      for (let cut = first; cut <= total; cut += 4) {
        asked += 1;
        writes = 0;
        talk.github.bend((request) => (count(request) === cut ? { when, reply: reply ?? "cut" } : undefined));
        const before = dispatched().length;
        const said = { comment: 1_000 + cut };
        await talk.say("/whetstone analyze", said).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "api_failed" });
        });
        talk.github.bend(undefined);
        const again = { ...said, event: { attempt: 2 } };
        // What was asked for without an answer may run unseen for a while; until then nothing is started.
        await talk.say("/whetstone analyze", again).catch(() => talk.clock.advance(121_000));
        await talk.say("/whetstone analyze", { ...said, event: { attempt: 3 } });
        expect(dispatched().slice(before)).toHaveLength(1);
        expect(await readAskedRun(await talk.repository.state.view(), said.comment)).toMatchObject({
          run: dispatched().at(-1)?.id,
        });
      }
      expect(await asks()).toHaveLength(asked);
    },
  );

  test("a run that somebody else started under the title of the one that is looked for is not taken for it", async () => {
    await open();
    const { actions } = talk.github.backend;
    talk.github.bend((request) => (request.endsWith("/dispatches") ? { when: "before", reply: "cut" } : undefined));
    await expect(talk.say("/whetstone analyze", { comment: 900 })).rejects.toMatchObject({ code: "api_failed" });
    talk.github.bend(undefined);
    const facts = { event: "workflow_dispatch", path: ".github/workflows/whetstone.yml", head_sha: talk.github.base };
    const mallory = { login: "mallory" };
    actions.setRun(77, { id: 77, ...facts, display_title: "Whetstone request-900", actor: mallory });
    talk.clock.advance(121_000);
    await talk.say("/whetstone analyze", { comment: 900, event: { attempt: 2 } });
    expect(dispatched()).toHaveLength(1);
    expect(await readAskedRun(await talk.repository.state.view(), 900)).toMatchObject({ run: dispatched()[0]?.id });
  });

  test("two deliveries of one comment start one run", async () => {
    await open();
    await talk.say("/whetstone analyze", { comment: 900 });
    await talk.say("/whetstone analyze", { comment: 900, event: { id: "delivery-other" } });
    expect(dispatched()).toHaveLength(1);
    expect(new Set(talk.tasks.map(({ id }) => id)).size).toBe(1);
  });

  test("is not started while everything is stopped, and the answer says what to do", async () => {
    await open();
    await talk.repository.killSwitch.stop({ by: { type: "person", id: "grace" }, why: null });
    const { reactions, answer } = await talk.say("/whetstone analyze");
    expect(reactions).toEqual(["eyes", "confused"]);
    expect(answer).toContain("### Whetstone: stopped");
    expect(dispatched()).toEqual([]);
  });

  test.each([
    ["nots", 'has no target "nots"'],
    ["__proto__", "has no target"],
  ])("the target %s is a usage error", async (target, message) => {
    await open();
    const { answer } = await talk.say(`/whetstone analyze ${target}`);
    expect(answer.replaceAll("\\", "")).toContain(message);
    expect(dispatched()).toEqual([]);
  });

  test("without the workflow, or with one that is switched off, the answer says so", async () => {
    await open("app: { loop: { workflow: other.yml } }\n");
    expect((await talk.say("/whetstone analyze")).answer).toContain("is not on the default branch");
    await talk.github.backend.commit("main", { ...configured(), [FILE]: WORKFLOW });
    await talk.repository.host.workflows.disable("whetstone.yml");
    expect((await talk.say("/whetstone analyze")).answer).toContain("is switched off");
  });

  test("a workflow that does not take the request is told to be brought up to date", async () => {
    await open();
    const refused = { status: 422, body: { message: 'Unexpected inputs provided: ["request"]' } };
    talk.github.bend((request) => (request.endsWith("/dispatches") ? { when: "before", reply: refused } : undefined));
    const { answer } = await talk.say("/whetstone analyze");
    talk.github.bend(undefined);
    expect(answer).toContain("### Whetstone: usage");
    expect(answer).toContain("whetstone init");
  });
});

describe("a refinement by Claude Code", () => {
  test("uses up the permission for the commit that it starts from; no token reaches GitHub", async () => {
    await open();
    await talk.say("/whetstone refine", { comment: 900 });
    const asked = await readAskedRun(await talk.repository.state.view(), 900);
    expect(asked?.permission).toEqual({ authorization: expect.stringMatching(/^a-/), baseSha: talk.github.base });
    expect(JSON.stringify(dispatched())).not.toContain("wha1.");
    expect(dispatched()[0]?.inputs).toEqual({ target: "notes", mode: "refinement", session: "claude", request: "900" });
  });

  test("needs a second person where the rule says so, and is then done in the name of who asked", async () => {
    await open("protection: { twoPerson: true }\n");
    const { reactions, answer } = await talk.say("/whetstone refine notes");
    expect(reactions).toEqual(["eyes", "confused"]);
    const [, id = ""] = /\/whetstone approve (a-[0-9TZ]+-[0-9a-f]+)/.exec(answer.replaceAll("\\", "")) ?? [];
    expect(id).not.toBe("");
    expect(dispatched()).toEqual([]);
    const own = await talk.say(`/whetstone approve ${id}`);
    expect(own.reactions).toEqual(["eyes", "confused"]);
    expect(dispatched()).toEqual([]);
    const grace = { id: 4, login: "grace", type: "User" };
    const permitted = await talk.say(`/whetstone approve ${id}`, { user: grace });
    expect(permitted.reactions).toEqual(["eyes", "rocket"]);
    expect(permitted.answer).toContain("Asked for by ada, permitted by grace.");
    expect(dispatched()).toHaveLength(1);
    expect(await asks()).toMatchObject([{ actor: { id: "ada" }, authorization: id }]);
    const standing = (await talk.standing()).join("\n");
    expect(standing).toContain(`| \`${id}\` | session.refine of notes |`);
    expect(standing).toMatch(/\| used \|/);
    // A second consent to what is done does nothing.
    const late = await talk.say(`/whetstone approve ${id}`, { user: grace });
    expect(late.reactions).toEqual(["eyes", "confused"]);
    expect(dispatched()).toHaveLength(1);
  });
});
