import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { LONGEST_GATE_COMMENT, MOST_REPORTS } from "../../../src/github/gate-port.ts";
import { openRestHost } from "../../../src/github/rest/host.ts";
import type { Host } from "../../../src/github/host-port.ts";
import { BOT_LOGIN, type GitHub, OWNER, REPO, startGitHub } from "../../support/github.ts";

nock.restore();

const environment = "production";
let github: GitHub;
let host: Host;
let run = 100;
beforeAll(async () => {
  github = await startGitHub();
  host = openRestHost({ owner: OWNER, repo: REPO, client: github.client(), self: BOT_LOGIN });
});
afterAll(async () => {
  expect(github.violations).toEqual([]);
  await github[Symbol.asyncDispose]();
});

/** A run that waits at the environment. */
function newRun(change: Readonly<Record<string, unknown>> = {}): number {
  run += 1;
  const facts = { id: run, run_attempt: 2, head_sha: github.base, head_branch: "main" };
  github.backend.actions.setRun(run, { ...facts, ...change });
  github.backend.actions.wait(run, environment);
  return run;
}

describe("a run that waits", () => {
  test("says whose it is, and at which address it was asked for", async () => {
    const id = newRun({
      path: ".github/workflows/a.yml@refs/heads/main",
      actor: { login: "ada" },
      triggering_actor: null,
    });
    expect(await host.runs.find(id)).toMatchObject({
      id,
      attempt: 2,
      headSha: github.base,
      branch: "main",
      path: ".github/workflows/a.yml",
      status: "waiting",
      conclusion: undefined,
      ownCode: true,
      actors: ["ada", undefined],
      address: `${github.baseUrl}/repos/${OWNER}/${REPO}/actions/runs/${id}`,
    });
    expect(await host.runs.find(9)).toBeUndefined();
  });

  test.each([
    ["another repository's", { head_repository: { id: 2 } }],
    ["of one that is gone", { head_repository: null }],
    ["of nobody knows whom", { head_repository: null, repository: null }],
  ])("code that is %s is not our own", async (_name, change) => {
    expect((await host.runs.find(newRun(change)))?.ownCode).toBe(false);
  });

  test("is reported on and answered once; both are listed", async () => {
    const id = newRun();
    expect(await host.gates.waiting(id)).toEqual([environment]);
    await host.gates.report(id, { environment, comment: "watching" });
    await host.gates.letPass(id, { environment, comment: "fine" });
    expect(await host.gates.waiting(id)).toEqual([]);
    expect(await host.gates.answers(id)).toEqual([
      { environments: [environment], state: "pending", user: BOT_LOGIN, comment: "watching" },
      { environments: [environment], state: "approved", user: BOT_LOGIN, comment: "fine" },
    ]);
    await expect(host.gates.refuse(id, { environment, comment: "late" })).rejects.toMatchObject({
      code: "api_failed",
      data: { status: 422 },
    });
  });

  test("takes so many reports of so many characters", async () => {
    const id = newRun();
    const comment = "x".repeat(LONGEST_GATE_COMMENT);
    for (let count = 0; count < MOST_REPORTS; count += 1) await host.gates.report(id, { environment, comment });
    await expect(host.gates.report(id, { environment, comment })).rejects.toMatchObject({ data: { status: 422 } });
    await host.gates.refuse(id, { environment, comment });
    expect((await host.gates.answers(id)).at(-1)).toMatchObject({ state: "rejected" });
  });

  test.each(["report", "letPass", "refuse"] as const)("%s is never sent twice by itself", async (name) => {
    const id = newRun();
    const from = github.requests.length;
    github.bend((request) =>
      request.endsWith("deployment_protection_rule") ? { when: "before", reply: "cut" } : undefined,
    );
    await expect(host.gates[name](id, { environment, comment: "c" })).rejects.toMatchObject({ code: "api_failed" });
    github.bend(undefined);
    expect(github.requests.slice(from)).toHaveLength(1);
  });
});

describe("what is known around a gate", () => {
  test("rules of an environment are those that are there; none where the plan has none", async () => {
    expect(await host.gates.rules("staging")).toEqual([]);
    github.backend.actions.rules.set("staging", [7, 8]);
    expect(await host.gates.rules("staging")).toEqual([7, 8]);
  });

  test("a commit belongs to the pull requests that it is the head of", async () => {
    const sha = await github.backend.commit("topic", { "a.ts": "1\n" });
    expect(await host.gates.pullsOf(sha)).toEqual([]);
    const { data } = await github.backend.ask("POST", "pulls", { title: "T", head: "topic", base: "main" });
    expect(await host.gates.pullsOf(sha)).toEqual([Reflect.get(Object(data), "number")]);
  });
});
