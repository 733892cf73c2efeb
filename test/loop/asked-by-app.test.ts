import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { comments } from "../../src/app/comments.ts";
import { parseEnv } from "../../src/config/env.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { Watcher } from "../../src/loop/execute.ts";
import { giveOrder } from "../../src/loop/relay-gate.ts";
import type { LoopRun } from "../../src/loop/run.ts";
import { runRelayJob } from "../../src/loop/relay.ts";
import type { Asked } from "../../src/loop/relay-order.ts";
import type { AskedRun } from "../../src/model/asked-run.ts";
import { askedRunFile, readAskedRun, takeAskedRun } from "../../src/protect/asked-runs.ts";
import { readLedger } from "../../src/protect/ledger.ts";
import { type GitHubPlace, systemClock } from "../../src/wire.ts";
import { openRepository } from "../../src/wire-app.ts";
import { commentPayload } from "../app/payloads.ts";
import { type TestRepository, temporaryFolder } from "../support/git-repository.ts";
import { BOT_LOGIN, type GitHub, OWNER, REPO, startGitHub, TOKEN } from "../support/github.ts";
import { cloneOf } from "../support/github-clone.ts";
import { sampleProject } from "../support/sample-project.ts";
import { askedRun } from "../support/asked-run.ts";

nock.restore();

const watcher: Watcher = { observer: { started: () => {}, ended: () => {} }, progress: () => {}, note: () => {} };
const REFINE: Asked = { mode: "refinement", session: { kind: "claude", budgetUsd: null }, question: null };
const MUCH = { usd: 100, tokens: 90_000_000 };
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
  });

  /** What the gate of the run writes as its order, without the job around it. */
  async function order(
    comment: number,
    change: { readonly isFirst?: boolean; readonly permission?: AskedRun["permission"] },
  ) {
    await say("/whetstone refine", comment);
    const record = await asked(comment);
    if (record === undefined) throw new Error("nothing was asked");
    const { desk, guard, config } = repository();
    const settings = await config();
    const workspace = {
      state: desk.state,
      guard,
      clock: systemClock,
      targetName: record.target,
      config: { ...settings, budgets: { ...settings.budgets, day: MUCH, target: MUCH } },
    };
    const files = new Map<string, string>();
    const actor = { type: "workflow", id: "run 1" };
    const run = { id: `r-${comment}`, actor, files, workspace } as unknown as LoopRun;
    const value = { baseSha: github.base };
    const gated = { verdict: "pass", reasons: ["ok"], summary: "", value } as const;
    const { isFirst = true, permission = record.permission } = change;
    const arrived = { asked: { ...record, permission }, isFirst };
    await giveOrder(run, gated, {
      asked: REFINE,
      dryRun: true,
      person: undefined,
      token: undefined,
      made: undefined,
      arrived,
    });
    return files.get("order.json") ?? [...files.values()].join("");
  }

  test("has the permission in its order", async () => {
    expect(await order(901, {})).toContain(`"actor":{"type":"person","id":"ada"}`);
  });

  test("is refused without it where another run has arrived before", async () => {
    const refused = { code: "unauthorized", data: { reason: "authorization_missing" } };
    await expect(order(902, { isFirst: false })).rejects.toMatchObject(refused);
  });

  test("is refused when what was permitted is on record otherwise, or not at all", async () => {
    const permission = { authorization: "a-20260101T000000Z-000000", baseSha: github.base };
    const refused = { code: "unauthorized", data: { reason: "digest_mismatch" } };
    await expect(order(903, { permission })).rejects.toMatchObject(refused);
  });
});

describe("the wish behind a run", () => {
  const arrival = { app: "whetstone[bot]", run: 17, target: "notes", loop: "r-1", mark: true };
  const take = async (wishes: readonly AskedRun[], change: Partial<typeof arrival> = {}) => {
    const state = openMemoryState();
    await state.update("wishes", async () => ({ change: new Map(wishes.map(askedRunFile)), value: undefined }));
    return { state, found: await takeAskedRun(state, { ...arrival, ...change }) };
  };

  test("is known by the run's number, and marked", async () => {
    const { state, found } = await take([
      askedRun({ run: 16 }),
      askedRun({ comment: 2, run: 17 }),
      askedRun({ comment: 3 }),
    ]);
    expect(found).toMatchObject({ asked: { comment: 2 }, isFirst: true });
    expect(await readAskedRun(await state.view(), 2)).toMatchObject({ loop: "r-1" });
    expect(await takeAskedRun(state, arrival)).toMatchObject({ isFirst: true });
    expect(await takeAskedRun(state, { ...arrival, loop: "r-2" })).toMatchObject({ isFirst: false });
  });

  test("that has no number yet is taken where it is the only one", async () => {
    const { state, found } = await take([askedRun({ comment: 3 })]);
    expect(found).toMatchObject({ asked: { comment: 3 }, isFirst: true });
    expect(await readAskedRun(await state.view(), 3)).toMatchObject({ run: 17, loop: "r-1" });
    expect((await take([askedRun({ comment: 3 }), askedRun({ comment: 4 })])).found).toBeUndefined();
  });

  test.each([
    ["another App", { app: "other[bot]" }],
    ["another target", { target: "hub" }],
    ["another run", { run: 18 }],
  ])("is not that of %s", async (_name, change) => {
    expect((await take([askedRun({ run: 17 })], change)).found).toBeUndefined();
  });

  test("a dry run marks nothing and takes no permission", async () => {
    const { state, found } = await take([askedRun({ run: 17 })], { mark: false });
    expect(found?.isFirst).toBe(false);
    expect(await readAskedRun(await state.view(), 1)).toMatchObject({ loop: null });
  });
});
