import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { comments } from "../../src/app/comments.ts";
import { parseEnv } from "../../src/config/env.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { Watcher } from "../../src/loop/execute.ts";
import { runRelayJob } from "../../src/loop/relay.ts";
import type { Asked } from "../../src/loop/relay-order.ts";
import { AskedRun } from "../../src/model/asked-run.ts";
import { askedRunFile, readAskedRun, takeAskedRun } from "../../src/protect/asked-runs.ts";
import { readLedger } from "../../src/protect/ledger.ts";
import { type GitHubPlace, systemClock } from "../../src/wire.ts";
import { openRepository } from "../../src/wire-app.ts";
import { commentPayload } from "../app/payloads.ts";
import { type TestRepository, temporaryFolder } from "../support/git-repository.ts";
import { BOT_LOGIN, type GitHub, OWNER, REPO, startGitHub, TOKEN } from "../support/github.ts";
import { cloneOf } from "../support/github-clone.ts";
import { sampleProject } from "../support/sample-project.ts";

nock.restore();

const watcher: Watcher = { observer: { started: () => {}, ended: () => {} }, progress: () => {}, note: () => {} };
const REFINE: Asked = { mode: "refinement", session: { kind: "claude", budgetUsd: null }, question: null };
const WORKFLOW = 'run-name: "request-${{ inputs.request }}"\non: workflow_dispatch\n';

let github: GitHub;
let clone: TestRepository;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  const project = await sampleProject();
  const files: Record<string, string> = { ".github/workflows/whetstone.yml": WORKFLOW };
  for (const name of project.git("ls-files").split("\n"))
    files[name] = await readFile(join(project.root, name), "utf8");
  await project.remove();
  github = await startGitHub({ files });
  github.backend.people.permissions.set(BOT_LOGIN, "none").set("ada", "write");
  await github.backend.ask("POST", "issues", { title: "talk" });
  clone = await cloneOf(github);
  folder = await temporaryFolder();
});
afterAll(async () => {
  await clone[Symbol.asyncDispose]();
  await github[Symbol.asyncDispose]();
  await rm(folder.path, { recursive: true });
});

const repository = () => {
  const self = { appId: 1, login: BOT_LOGIN };
  const place = { owner: OWNER, repo: REPO, self, client: github.client(), clock: systemClock };
  return openRepository({ ...place, folder: folder.path, run: "delivery-1" });
};
const asked = async (comment: number) => readAskedRun(await repository().desk.state.view(), comment);

/** A comment of ada's reaches the App; the id of the run that it started. */
async function say(text: string, comment: number): Promise<number> {
  const payload = commentPayload(text, { id: comment, user: { id: 3, login: "ada", type: "User" } });
  await comments.handle({
    event: {
      id: `d-${comment}`,
      name: "issue_comment.created",
      payload: { ...payload, issue: { number: 1 } },
      attempt: 1,
      receivedAt: 0,
    },
    repository: repository(),
    clock: systemClock,
    schedule: async () => undefined,
    log: () => undefined,
  });
  return (await asked(comment))?.run ?? 0;
}

/** The gate of a workflow run that the App started. */
async function gate(id: number) {
  const { baseUrl } = github;
  const place: GitHubPlace = { owner: OWNER, repo: REPO, baseUrl, self: BOT_LOGIN, token: { reveal: () => TOKEN } };
  const end = await runRelayJob(
    {
      job: "gate",
      places: { cwd: clone.root, github: place },
      env: parseEnv({ PATH: process.env["PATH"] ?? "" }),
      actor: { type: "workflow", id: `octo-org/notes/actions/runs/${id} by ${BOT_LOGIN}` },
      startedBy: [BOT_LOGIN],
      workflow: { id, attempt: 1 },
      target: undefined,
      dryRun: false,
      variables: {},
      asked: REFINE,
    },
    watcher,
  );
  await rm(join(clone.root, ".whetstone", "relay"), { recursive: true });
  return end;
}

describe("a run that the App started because a person asked", () => {
  test("passes the gate with the permission that the person gave, once", async () => {
    const run = await say("/whetstone refine", 900);
    const end = await gate(run);
    expect(end).toMatchObject({ go: true, last: { verdict: "pass" } });
    expect(await asked(900)).toMatchObject({ loop: end.run, by: { type: "person", id: "ada" } });
    const { records } = await readLedger(await repository().desk.state.view());
    expect(records.filter(({ operation }) => operation === "session.refine").map(({ decision }) => decision)).toEqual([
      "allow",
    ]);
    // Run again it is another run of the loop, which nobody has permitted.
    await expect(gate(run)).rejects.toMatchObject({ code: "unauthorized", data: { reason: "authorization_missing" } });
  });

  test("is refused when its permission was given for another state of the default branch", async () => {
    const run = await say("/whetstone refine", 902);
    const record = await asked(902);
    const first = await asked(900);
    const altered = AskedRun.parse({
      ...record,
      permission: { ...first?.permission, authorization: "a-20260101T000000Z-000000" },
    });
    await repository().desk.state.update("altered", async () => ({
      change: new Map([askedRunFile(altered)]),
      value: undefined,
    }));
    await expect(gate(run)).rejects.toMatchObject({ code: "unauthorized", data: { reason: "digest_mismatch" } });
  });
});

describe("the wish behind a run", () => {
  const wish = (change: Partial<AskedRun>): AskedRun => ({
    schema: "whetstone.asked-run/1",
    comment: 1,
    conversation: 1,
    word: "analyze",
    target: "notes",
    by: { type: "person", id: "ada" },
    app: "whetstone[bot]",
    at: "2026-11-20T10:00:00.000Z",
    workflow: "whetstone.yml",
    inputs: {},
    permission: null,
    run: null,
    loop: null,
    ...change,
  });
  const arrival = { app: "whetstone[bot]", run: 17, target: "notes", loop: "r-1", mark: true };
  const take = async (wishes: readonly AskedRun[], change: Partial<typeof arrival> = {}) => {
    const state = openMemoryState();
    await state.update("wishes", async () => ({ change: new Map(wishes.map(askedRunFile)), value: undefined }));
    return { state, found: await takeAskedRun(state, { ...arrival, ...change }) };
  };

  test("is known by the run's number, and marked", async () => {
    const { state, found } = await take([wish({ run: 16 }), wish({ comment: 2, run: 17 }), wish({ comment: 3 })]);
    expect(found).toMatchObject({ asked: { comment: 2 }, isFirst: true });
    expect(await readAskedRun(await state.view(), 2)).toMatchObject({ loop: "r-1" });
    expect(await takeAskedRun(state, arrival)).toMatchObject({ isFirst: true });
    expect(await takeAskedRun(state, { ...arrival, loop: "r-2" })).toMatchObject({ isFirst: false });
  });

  test("that has no number yet is taken where it is the only one", async () => {
    const { state, found } = await take([wish({ comment: 3 })]);
    expect(found).toMatchObject({ asked: { comment: 3 }, isFirst: true });
    expect(await readAskedRun(await state.view(), 3)).toMatchObject({ run: 17, loop: "r-1" });
    expect((await take([wish({ comment: 3 }), wish({ comment: 4 })])).found).toBeUndefined();
  });

  test.each([
    ["another App", { app: "other[bot]" }],
    ["another target", { target: "hub" }],
    ["another run", { run: 18 }],
  ])("is not that of %s", async (_name, change) => {
    expect((await take([wish({ run: 17 })], change)).found).toBeUndefined();
  });

  test("a dry run marks nothing and takes no permission", async () => {
    const { state, found } = await take([wish({ run: 17 })], { mark: false });
    expect(found?.isFirst).toBe(false);
    expect(await readAskedRun(await state.view(), 1)).toMatchObject({ loop: null });
  });
});
