import { afterEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { checks } from "../../../src/app/checks/handler.ts";
import { followRun } from "../../../src/app/commands/follow.ts";
import type { PullValidation } from "../../../src/model/pull-change.ts";
import { keepPullValidation } from "../../../src/protect/pull-validations.ts";
import { APP_ID, commentPayload } from "../payloads.ts";
import { configured, propose, type Proposed } from "../proposed.ts";
import { startTalk, type Talk } from "../talk.ts";

nock.restore();

const WORKFLOW = [
  'run-name: "Whetstone request-${{ inputs.request }}"',
  "on:",
  "  workflow_dispatch:",
  "    inputs: { request: {}, target: {}, mode: {}, session: {}, dry-run: {} }",
  "",
].join("\n");

let talk: Talk;
let ours: Proposed;
const open = async (more?: string) => {
  talk = await startTalk({ ...configured(more), ".github/workflows/whetstone.yml": WORKFLOW });
  ours = await propose(talk);
};
afterEach(async () => {
  expect(talk.github.violations).toEqual([]);
  await talk[Symbol.asyncDispose]();
});

const dispatched = () => talk.github.backend.actions.dispatched;
const validate = (text = "/whetstone validate", on = ours.pull, comment = 900) => talk.say(text, { comment, on });
const shown = async (sha = ours.head) =>
  Object.fromEntries(
    (await talk.repository.host.checks.on(sha)).map((one) => [one.name, one.conclusion ?? one.status]),
  );
const push = () => talk.github.backend.commit(ours.branch, { "a.ts": "3\n" });

/** Opens a pull request of people. */
async function foreign(base = "main"): Promise<{ readonly pull: number; readonly head: string }> {
  const { backend, base: sha } = talk.github;
  await backend.ask("POST", "git/refs", { ref: "refs/heads/people/idea", sha });
  const head = await backend.commit("people/idea", { "a.ts": "4\n" });
  const { data } = await backend.ask("POST", "pulls", { title: "T", head: "people/idea", base });
  return { pull: Number(Reflect.get(Object(data), "number")), head };
}

/** The run ends; what it found of the pull request is what its last job left on the state branch. */
async function end(conclusion: string, found?: Partial<PullValidation>) {
  const { id = 0 } = dispatched().at(-1) ?? {};
  if (found !== undefined) {
    await keepPullValidation(talk.repository.state, {
      schema: "whetstone.pull-validation/1",
      pull: ours.pull,
      headSha: ours.head,
      target: "notes",
      comment: 900,
      run: id,
      at: "2026-11-20T10:00:00.000Z",
      verdict: "pass",
      reasons: ["hypothesis_met"],
      stages: [
        { stage: "validate", verdict: "pass", reasons: ["hypothesis_met"], durationMs: 1, summary: "@all **ok**" },
      ],
      patchDigest: "d".repeat(64),
      baseSha: talk.github.base,
      report: null,
      ...found,
    });
  }
  talk.github.backend.actions.setRun(id, { status: "completed", conclusion });
  const task = talk.tasks.at(-1);
  await followRun.handle(talk.context({ id: task?.id ?? "", name: "task.follow-run", payload: task?.payload }));
}

describe("/whetstone validate on a pull request", () => {
  test("starts a run of just the commit that stands there, which the check run says too", async () => {
    await open();
    const { reactions, answer } = await validate();
    expect(reactions).toEqual(["eyes", "rocket"]);
    expect(answer).toContain(`It proves #${ours.pull} at \`${ours.head}\``);
    const session = `pull:${ours.pull}@${ours.head}`;
    const inputs = { target: "notes", mode: "refinement", session, "dry-run": "true", request: "900" };
    expect(dispatched()).toMatchObject([{ file: "whetstone.yml", ref: "main", inputs }]);
    expect(await shown()).toEqual({ "Whetstone validation": "in_progress" });
  });

  test("shows the fresh verdict at the commit and in the conversation, and it stays when the stages are shown again", async () => {
    await open();
    await validate();
    await end("success", {});
    expect(await shown()).toEqual({ "Whetstone validation": "success" });
    const [said = ""] = await talk.standing(ours.pull);
    expect(said).toContain(`#${ours.pull} at \`${ours.head}\``);
    expect(said).toContain(`patch sha256 \`${"d".repeat(64)}\``);
    // A change may touch what two targets share: the verdict is about one of them.
    expect(said).toContain("for the target notes");
    expect(said).not.toContain("@all");
    expect(talk.github.backend.people.reactions).toEqual(["900 eyes", "900 rocket", "900 hooray"]);
    const payload = { action: "reopened", pull_request: { number: ours.pull } };
    await checks.handle(talk.context({ name: "pull_request.reopened", payload }));
    expect(await shown()).toMatchObject({ "Whetstone validation": "success" });
  });

  test("a push afterwards is not covered by it", async () => {
    await open();
    await validate();
    const head = await push();
    await end("success", {});
    expect((await talk.standing(ours.pull))[0]).toContain("has moved on since");
    const payload = { action: "synchronize", pull_request: { number: ours.pull } };
    const body = [{ author: { login: "ada" }, committer: { login: "ada" } }];
    talk.github.bend((request) =>
      request.endsWith("/commits") ? { when: "before", reply: { status: 200, body } } : undefined,
    );
    await checks.handle(talk.context({ name: "pull_request.synchronize", payload }));
    expect(await shown(head)).toMatchObject({ "Whetstone validation": "action_required" });
    expect(await shown()).toMatchObject({ "Whetstone validation": "success" });
  });

  test("whatever else is left by the run is no pass", async () => {
    await open();
    await validate();
    const ends: readonly (readonly [
      what: string,
      conclusion: string,
      Partial<PullValidation> | undefined,
      state: string,
    ])[] = [
      ["no verdict", "success", undefined, "action_required"],
      ["a refusal", "failure", { verdict: "fail", reasons: ["path_forbidden"] }, "failure"],
      ["an open end", "failure", { verdict: "inconclusive", reasons: ["pull_unfit"] }, "action_required"],
      ["a pass of a run that ended badly", "failure", {}, "action_required"],
      ["the pass of another comment", "success", { comment: 899 }, "action_required"],
      ["the pass of another run", "success", { run: 1 }, "action_required"],
      ["the pass of another commit", "success", { headSha: "e".repeat(40) }, "action_required"],
    ];
    for (const [what, conclusion, found, state] of ends) {
      await end(conclusion, found);
      expect([what, await shown()]).toEqual([what, { "Whetstone validation": state }]);
    }
    expect(talk.github.backend.people.reactions).toEqual(["900 eyes", "900 rocket", "900 confused"]);
  });

  test("a pull request of people is proved for the target that it names or the only one", async () => {
    await open();
    const { pull, head } = await foreign();
    await validate("/whetstone validate notes", pull);
    await validate("/whetstone validate", pull, 901);
    expect(dispatched().map(({ inputs }) => inputs["session"])).toEqual([
      `pull:${pull}@${head}`,
      `pull:${pull}@${head}`,
    ]);
  });

  test("where the target cannot be told the answer says which there are", async () => {
    await open("  more: { command: node a.js, source: [b.ts], workload: w.json }\n");
    const { pull } = await foreign();
    const { reactions, answer } = await validate("/whetstone validate", pull);
    expect(reactions).toEqual(["eyes", "confused"]);
    expect(answer).toContain("### Whetstone: usage");
    expect(answer).toContain("Name one of them: notes, more.");
    expect(dispatched()).toEqual([]);
  });

  test("on an issue it needs a recording", async () => {
    await open();
    const { answer } = await talk.say("/whetstone validate");
    expect(answer).toContain("### Whetstone: usage");
    expect(dispatched()).toEqual([]);
  });

  test("a later attempt leaves what was found; who follows the run says at the commit that it is under way", async () => {
    await open();
    await validate();
    await end("success", {});
    await validate();
    expect(await shown()).toEqual({ "Whetstone validation": "success" });
    const { id = 0 } = dispatched().at(-1) ?? {};
    talk.github.backend.actions.setRun(id, { status: "in_progress" });
    const task = talk.tasks.at(-1);
    await followRun.handle(talk.context({ id: task?.id ?? "", name: "task.follow-run", payload: task?.payload }));
    expect(await shown()).toEqual({ "Whetstone validation": "in_progress" });
    expect(dispatched()).toHaveLength(1);
  });

  test("the check of a pull request of people can be shown again, where its head is the same", async () => {
    await open();
    const { pull, head } = await foreign();
    await validate("/whetstone validate", pull);
    await end("success", { pull, headSha: head });
    const check = { id: 7, head_sha: head, external_id: `whetstone:validation:pull/${pull}`, app: { id: APP_ID } };
    const rerequested = talk.context({ name: "check_run.rerequested", payload: { check_run: check } });
    const writes = () =>
      talk.github.requests.filter((request) => / check-runs/.test(request) && !request.startsWith("GET"));
    const about = { name: "Whetstone validation", sha: head, externalId: check.external_id };
    const text = { title: "?", summary: "?", annotations: [] };
    await talk.repository.host.checks.report({ ...about, ...text, status: "queued" });
    expect(await shown(head)).toEqual({ "Whetstone validation": "queued" });
    await checks.handle(rerequested);
    expect(await shown(head)).toEqual({ "Whetstone validation": "success" });
    await talk.github.backend.commit("people/idea", { "a.ts": "5\n" });
    const before = writes().length;
    await checks.handle(rerequested);
    expect(writes()).toHaveLength(before);
  });

  test("with a recording it proves that, on a pull request too", async () => {
    await open();
    await validate("/whetstone validate session=replay:s/a.json");
    expect(dispatched()).toMatchObject([{ inputs: { session: "replay:s/a.json" } }]);
    await end("success");
    expect(await shown()).toEqual({});
  });
});

describe("a pull request whose change is not run", () => {
  const refused = async (said: Promise<{ readonly answer: string }>, why: string) => {
    const { answer } = await said;
    expect(answer).toContain("### Whetstone: usage");
    expect(answer.replaceAll("\\", "")).toContain(why);
    expect(dispatched()).toEqual([]);
  };

  test("one from a fork, with the reason", async () => {
    await open();
    const fork = { repo: { full_name: "mallory/notes" } };
    talk.github.bend((request) => {
      if (request !== `GET pulls/${ours.pull}`) return undefined;
      const { branch: ref, head: sha, pull: number } = ours;
      const facts = {
        number,
        html_url: "https://x",
        title: "T",
        body: "",
        state: "open",
        labels: [],
        base: { ref: "main" },
      };
      return { when: "before", reply: { status: 200, body: { ...facts, head: { ref, sha, ...fork } } } };
    });
    await refused(validate(), "comes from a fork");
  });

  test("one that is closed", async () => {
    await open();
    await talk.github.backend.ask("PATCH", `pulls/${ours.pull}`, { state: "closed" });
    await refused(validate(), "is closed");
  });

  test("one that is merged", async () => {
    await open();
    await talk.github.backend.ask("PUT", `pulls/${ours.pull}/merge`, {});
    await refused(validate(), "is merged");
  });

  test("one for another branch", async () => {
    await open();
    await talk.github.backend.ask("POST", "git/refs", { ref: "refs/heads/release", sha: talk.github.base });
    const { pull } = await foreign("release");
    await refused(validate("/whetstone validate", pull), "is for release");
  });

  const pushedAt = (timestamp: string, after = ours.head) =>
    talk.github.bend((request) =>
      request.startsWith("GET activity")
        ? { when: "before", reply: { status: 200, body: [{ timestamp, after }] } }
        : undefined,
    );
  /** The comment as GitHub delivers it, with its time. */
  const written = (created_at: string, event = {}) => {
    const payload = commentPayload("/whetstone validate", { id: 900, user: { id: 3, login: "ada", type: "User" } });
    const comment = { ...payload.comment, created_at };
    const issue = { number: ours.pull, pull_request: {} };
    return talk.say("/whetstone validate", {
      comment: 900,
      on: ours.pull,
      event: { payload: { ...payload, comment, issue }, ...event },
    });
  };

  test.each(["2026-11-20T10:00:01Z", "2026-11-20T10:00:00Z"])(
    "one that was pushed to at %s, after the comment",
    async (at) => {
      await open();
      pushedAt(at);
      await refused(written("2026-11-20T10:00:00Z"), "was pushed to at");
    },
  );

  test("one whose last push is not listed yet is asked for again", async () => {
    await open();
    pushedAt("2026-11-20T09:59:59Z", "f".repeat(40));
    await expect(written("2026-11-20T10:00:00Z")).rejects.toMatchObject({ code: "api_failed" });
    expect(dispatched()).toEqual([]);
  });

  test("but what was pushed before the comment was seen; a later push does not change what was asked for", async () => {
    await open();
    pushedAt("2026-11-20T09:59:59Z");
    await written("2026-11-20T10:00:00Z");
    await push();
    pushedAt("2026-11-20T10:00:05Z");
    await written("2026-11-20T10:00:00Z", { attempt: 2 });
    expect(dispatched()).toMatchObject([{ inputs: { session: `pull:${ours.pull}@${ours.head}` } }]);
  });
});
