import { createRequire } from "node:module";
import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { checks } from "../../../src/app/checks/handler.ts";
import { BUTTONS, parseStageCheck, showStage, STAGES, stageCheckName } from "../../../src/app/checks/stage-check.ts";
import { type StageFacts, stagesOf } from "../../../src/app/checks/stages.ts";
import { formatInstant } from "../../../src/model/time.ts";
import { APP_ID } from "../payloads.ts";
import { BRANCH, FINGERPRINT, type Gated, startGated, WORKFLOW } from "../gate/gated.ts";
import { recordedRun } from "../recorded-run.ts";

nock.restore();

const EXAMPLES = createRequire(import.meta.url)("@octokit/webhooks-examples/api.github.com/index.json") as readonly {
  readonly name: string;
  readonly examples: readonly Readonly<Record<string, unknown>>[];
}[];

/** A press of a button, or the wish to have a check run again. */
const pressed = (place: Gated, change: Readonly<Record<string, unknown>> = {}, identifier = "start-canary") => ({
  name: "check_run.requested_action",
  payload: {
    action: "requested_action",
    check_run: {
      id: 77,
      head_sha: place.head,
      external_id: `whetstone:review:pull/${place.pull}`,
      app: { id: APP_ID },
      started_at: formatInstant(place.clock.now()),
      completed_at: null,
    },
    requested_action: { identifier },
    sender: { login: "ada", type: "User" },
    ...change,
  },
});
const handle = (place: Gated, event: { readonly name: string; readonly payload: unknown }) =>
  checks.handle(place.contextOf(event));
/** What GitHub would not send today: payloads of years ago, or odd ones. */
const handleAsItIs = (place: Gated, { name, payload }: { readonly name: string; readonly payload: unknown }) => {
  const context = place.contextOf({ name, payload: {} });
  return checks.handle({ ...context, event: { ...context.event, payload } });
};
const dispatched = ({ github }: Gated) => github.backend.actions.dispatched;
const answers = async (place: Gated): Promise<string> => {
  const { data } = await place.github.backend.ask("GET", `issues/${place.pull}/comments`);
  return (data as { body: string }[]).map(({ body }) => body).join("\n");
};
const shown = async (place: Gated, sha = place.head) =>
  Object.fromEntries(
    (await place.repository.host.checks.on(sha)).map((one) => [one.name, one.conclusion ?? one.status]),
  );

describe("a button of a check run", () => {
  test("starts the canary for who may write, answers in the conversation, once however often it is handled", async () => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("ada", "write");
    await handle(place, pressed(place));
    await handle(place, pressed(place));
    expect(dispatched(place)).toMatchObject([{ file: WORKFLOW, inputs: { sha: place.head } }]);
    expect((await answers(place)).match(/### Whetstone: start canary/g)).toHaveLength(1);
    expect(place.github.violations).toEqual([]);
  });

  test.each<[string, (place: Gated) => Readonly<Record<string, unknown>>]>([
    ["a reader", () => ({ sender: { login: "eve", type: "User" } })],
    ["a bot", () => ({ sender: { login: "ada", type: "Bot" } })],
    [
      "a check run of another App",
      ({ head, pull }) => ({
        check_run: { id: 7, head_sha: head, external_id: `whetstone:review:pull/${pull}`, app: { id: 1 } },
      }),
    ],
    [
      "a check run that is of no stage",
      ({ head }) => ({
        check_run: { id: 7, head_sha: head, external_id: "whetstone:evil:pull/1", app: { id: APP_ID } },
      }),
    ],
    ["a button that is not ours", () => ({ requested_action: { identifier: "constructor" } })],
    ["a button without a name", () => ({ requested_action: { identifier: undefined } })],
  ])("does nothing for %s", async (_name, change) => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("eve", "read");
    expect(await handle(place, pressed(place, change(place)))).toEqual({ kind: "done" });
    expect(dispatched(place)).toEqual([]);
    expect(await answers(place)).toBe("");
  });

  test("does nothing for nobody", async () => {
    await using place = await startGated();
    expect(await handleAsItIs(place, pressed(place, { sender: null }))).toEqual({ kind: "done" });
    expect(dispatched(place)).toEqual([]);
  });

  test("of an older commit starts nothing and says so", async () => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("ada", "write");
    const old = pressed(place);
    await place.github.backend.commit(BRANCH, { "a.ts": "3\n" });
    await handle(place, old);
    expect(dispatched(place)).toEqual([]);
    expect(await answers(place)).toContain("not what stands here now");
  });

  test.each([
    ["completed", { started_at: "2020-01-01T00:00:00Z", completed_at: 59 }, true],
    ["completed", { started_at: "2020-01-01T00:00:00Z", completed_at: 61 }, false],
    ["begun", { started_at: 61, completed_at: null }, false],
  ])("of a check run that was %s %j days ago: starts something %s", async (_, times, starts) => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("ada", "write");
    const now = Number(place.clock.now() / 1_000_000n);
    const at = (time: string | number | null) =>
      typeof time === "number" ? new Date(now - time * 86_400_000).toISOString() : time;
    const { check_run } = pressed(place).payload;
    const [started_at, completed_at] = [at(times.started_at), at(times.completed_at)];
    await handle(place, pressed(place, { check_run: { ...check_run, started_at, completed_at } }));
    expect(dispatched(place)).toHaveLength(starts ? 1 : 0);
    expect((await answers(place)).includes("its buttons do nothing any more")).toBe(!starts);
  });

  test("is refused to people with a reason while everything is stopped", async () => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("ada", "write");
    await place.repository.killSwitch.stop({ by: { type: "person", id: "grace" }, why: "x" });
    await handle(place, pressed(place));
    expect(dispatched(place)).toEqual([]);
    expect(await answers(place)).toMatch(/stop/i);
  });

  test("roll back without anything merged says that there is nothing", async () => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("ada", "write");
    await handle(place, pressed(place, {}, "roll-back"));
    expect(await answers(place)).toContain("### Whetstone: roll back");
  });

  test("approve refinement is the command of that meaning: without the loop's workflow it says what is missing", async () => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("ada", "admin");
    await handle(place, pressed(place, {}, "approve-refinement"));
    expect(await answers(place)).toContain("whetstone.yml");
  });
});

describe("check runs of a proposal", () => {
  test("are shown when its pull request opens, and again when asked for; none for a foreign one", async () => {
    await using place = await startGated();
    const { backend } = place.github;
    await handle(place, { name: "pull_request.opened", payload: { pull_request: { number: place.pull } } });
    expect(await shown(place)).toMatchObject({ "Whetstone analysis": "success", "Whetstone validation": "success" });
    const { check_run, sender } = pressed(place).payload;
    await handle(place, { name: "check_run.rerequested", payload: { check_run, sender } });
    expect(Object.keys(await shown(place))).toHaveLength(2);
    const sha = await backend.commit("feature", { "b.ts": "1\n" });
    const { data } = await backend.ask("POST", "pulls", { title: "T", head: "feature", base: "main" });
    const number = Number(Reflect.get(Object(data), "number"));
    await handle(place, { name: "pull_request.opened", payload: { pull_request: { number } } });
    expect(await shown(place, sha)).toEqual({});
    expect(place.github.violations).toEqual([]);
  });

  test("what somebody else pushed was not validated, whatever names its commits bear, and passes no rule that asks for it", async () => {
    await using place = await startGated();
    const bodies: Readonly<Record<string, unknown>> = {
      "GET activity": [{ actor: { login: "eve" } }, { actor: { login: "github-actions[bot]" } }],
      commits: [{ author: { login: "github-actions[bot]" }, committer: { login: "web-flow" } }],
    };
    place.github.bend((request) => {
      const asked = Object.keys(bodies).find((name) => request.startsWith(name) || request.endsWith(`/${name}`));
      return asked === undefined ? undefined : { when: "before", reply: { status: 200, body: bodies[asked] } };
    });
    await handle(place, { name: "pull_request.synchronize", payload: { pull_request: { number: place.pull } } });
    expect(await shown(place)).toMatchObject({ "Whetstone validation": "action_required" });
    // To delete a branch after the merge is no push.
    const [eve] = bodies["GET activity"] as readonly object[];
    Object.assign(eve ?? {}, { activity_type: "branch_deletion" });
    await handle(place, { name: "pull_request.closed", payload: { pull_request: { number: place.pull } } });
    expect(await shown(place)).toMatchObject({ "Whetstone validation": "success" });
  });

  test("say what the records say, not more", () => {
    const { outcome, manifest } = recordedRun("1", { outcome: { fingerprint: FINGERPRINT, status: "proposed" } });
    const pull = { number: 3, headSha: "a".repeat(40), merged: false };
    const proposal = {
      target: "notes",
      fingerprint: FINGERPRINT,
      dossier: outcome.dossier,
      dossierId: manifest.id,
      baseSha: manifest.baseSha,
      hypothesis: undefined,
      outcome,
      pull,
    } as StageFacts["proposal"];
    const facts: StageFacts = { proposal, stages: manifest.stages, others: [] };
    expect(stagesOf(facts).map(({ stage, state }) => [stage, state])).toEqual([
      ["analysis", "success"],
      ["validation", "success"],
    ]);
    const edited = stagesOf({ ...facts, others: ["eve @all"] })[1];
    expect(edited).toMatchObject({ state: "action_required", title: "Changed since it was validated" });
    expect(edited?.summary).not.toContain("@all");
    const over = (status: "held" | "rolled_back" | "promoted" | "rejected", merged: boolean) =>
      stagesOf({ ...facts, proposal: { ...proposal, outcome: { ...outcome, status }, pull: { ...pull, merged } } });
    expect(over("held", true)[2]).toMatchObject({ stage: "held", state: "success", buttons: ["roll-back"] });
    expect(over("promoted", false)[2]).toMatchObject({ state: "in_progress", buttons: [] });
    expect(over("rolled_back", true)[2]).toMatchObject({ state: "failure", buttons: [] });
    expect(over("rejected", false)).toHaveLength(2);
    expect(over("rejected", false)[1]).toMatchObject({ state: "failure" });
  });
});

describe("a run of the loop", () => {
  const RUN = 900;
  const setRun = (place: Gated, change: Readonly<Record<string, unknown>> = {}) =>
    place.github.backend.actions.setRun(RUN, {
      id: RUN,
      run_attempt: 1,
      path: ".github/workflows/whetstone.yml",
      event: "workflow_dispatch",
      display_title: "Whetstone",
      head_sha: place.github.base,
      head_branch: "main",
      status: "in_progress",
      conclusion: null,
      actor: { login: "ada" },
      triggering_actor: { login: "ada" },
      ...change,
    });
  const event = { name: "workflow_run.in_progress", payload: { workflow_run: { id: RUN } } };

  test("is shown while it runs and as it ended", async () => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("ada", "write");
    for (const [change, state] of [
      [{ status: "queued" }, "queued"],
      [{ status: "in_progress" }, "in_progress"],
      [{ status: "completed", conclusion: "failure" }, "failure"],
      [{ status: "completed", conclusion: "stale" }, "neutral"],
    ] as const) {
      setRun(place, change);
      await handle(place, event);
      expect(await shown(place, place.github.base)).toEqual({ "Whetstone analysis": state });
    }
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ["of another workflow", { path: ".github/workflows/other.yml" }],
    ["of a fork's code", { head_repository: { id: 2 } }],
    ["started by a reader", { actor: { login: "eve" } }],
    ["that a reader had run again", { triggering_actor: { login: "eve" } }],
    ["of an account that is gone", { actor: null }],
  ])("%s is not shown", async (_name, change) => {
    await using place = await startGated();
    const { permissions } = place.github.backend.people;
    permissions.set("ada", "write");
    permissions.set("eve", "read");
    setRun(place, change);
    await handle(place, event);
    expect(await shown(place, place.github.base)).toEqual({});
  });
});

test("GitHub's own examples of every event are understood, and are nobody's business here", async () => {
  await using place = await startGated();
  const own = EXAMPLES.flatMap(({ name, examples }) =>
    examples.map((payload) => ({ name: `${name}.${String(payload["action"])}`, payload })),
  ).filter(({ name }) => checks.events.includes(name));
  expect(new Set(own.map(({ name }) => name)).size).toBeGreaterThan(5);
  for (const event of own) expect(await handleAsItIs(place, event)).toEqual({ kind: "done" });
  expect(place.github.requests.filter((one) => one.includes("check-runs"))).toEqual([]);
  expect(place.github.violations).toEqual([]);
});

describe("check runs of stages", () => {
  test("are found again by what they are of, and by nothing else", async () => {
    for (const stage of STAGES) {
      expect(parseStageCheck(`whetstone:${stage}:pull/12`)).toEqual({ stage, about: "pull/12" });
    }
    for (const other of [
      "",
      "whetstone:canary:",
      "whetstone:canary:pull/0",
      "whetstone:canary:pull/1\n",
      "x:canary:pull/1",
    ])
      expect(parseStageCheck(other)).toBeUndefined();
    expect(stageCheckName("canary")).toBe("Whetstone canary");
  });

  test("offer buttons that GitHub takes", async () => {
    await using place = await startGated();
    const view = {
      sha: place.head,
      stage: "held",
      about: "pull/1",
      state: "success",
      title: "T",
      summary: "S",
    } as const;
    const names = Object.keys(BUTTONS) as (keyof typeof BUTTONS)[];
    await showStage(place.repository, { ...view, title: "x".repeat(300), buttons: names });
    expect(names).toHaveLength(3);
    expect(place.github.requests.filter((one) => one === "POST check-runs")).toHaveLength(1);
    expect(place.github.violations).toEqual([]);
  });
});
