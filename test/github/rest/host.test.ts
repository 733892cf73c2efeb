import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import type { Annotation, CheckReport, Host } from "../../../src/github/host-port.ts";
import { openRestHost } from "../../../src/github/rest/host.ts";
import { BOT_LOGIN, type Fault, type GitHub, OWNER, REPO, startGitHub } from "../../support/github.ts";
import { openGitHubClient } from "../../../src/github/client.ts";

nock.restore();

const hostOf = (github: GitHub): Host =>
  openRestHost({ owner: OWNER, repo: REPO, client: github.client(), self: BOT_LOGIN });
const otherHost = ({ baseUrl }: GitHub): Host => {
  const client = openGitHubClient({ token: { reveal: () => "ghs_other" }, baseUrl, paced: false, secondMs: 1 });
  return openRestHost({ owner: OWNER, repo: REPO, client, self: "mallory" });
};
const writesOf = (github: GitHub, from: number) => github.requests.slice(from).filter((one) => !one.startsWith("GET "));

let github: GitHub;
let host: Host;
beforeAll(async () => {
  github = await startGitHub();
  host = hostOf(github);
  for (const branch of ["p1", "p2", "p3", "p4"]) {
    await github.backend.ask("POST", "git/refs", { ref: `refs/heads/${branch}`, sha: github.base });
  }
});
afterAll(async () => {
  expect(github.violations).toEqual([]);
  await github[Symbol.asyncDispose]();
});

const NEW = { branch: "p1", base: "main", title: "T", body: "B", draft: true };

/** The faults that a write meets, and what became of it. */
const DISTURBED: readonly (readonly [string, Fault])[] = (["before", "after"] as const).flatMap((when) =>
  (["cut", 502] as const).map((how) => {
    const reply = how === "cut" ? how : { status: how, body: { message: "Bad gateway" } };
    return [`${how} ${when} it was carried out`, { when, reply }] as const;
  }),
);

/** Runs a write disturbed at its request `route`, then once more undisturbed. */
async function twice<T>(route: RegExp, fault: Fault, write: () => Promise<T>): Promise<T> {
  let once = false;
  github.bend((request) => {
    if (once || !route.test(request)) return undefined;
    once = true;
    return fault;
  });
  await write().catch((error: unknown) => {
    expect(error).toMatchObject({ code: "api_failed" });
  });
  github.bend(undefined);
  expect(once).toBe(true);
  return await write();
}

describe("pull requests", () => {
  test.each(DISTURBED)("is opened exactly once: %s", async (_name, fault) => {
    const branch = `x${Math.abs(fault.when.length * 31 + JSON.stringify(fault.reply).length)}`;
    await github.backend.ask("POST", "git/refs", { ref: `refs/heads/${branch}`, sha: github.base });
    const pull = await twice(/^POST pulls$/, fault, () => host.pulls.create({ ...NEW, branch }));
    expect(pull).toMatchObject({
      branch,
      base: "main",
      title: "T",
      body: "B",
      draft: true,
      state: "open",
      merged: false,
    });
    expect(await host.pulls.from(branch)).toEqual([pull]);
  });

  test("are found by branch, edited, labelled, asked for review, reviewed and closed", async () => {
    const { number } = await host.pulls.create(NEW);
    expect(await host.pulls.edit(number, { title: "T2" })).toMatchObject({ title: "T2", body: "B" });
    await host.pulls.label(number, ["whetstone", "risk: low"]);
    await host.pulls.label(number, []);
    expect(await host.pulls.askReview(number, ["ada", "nobody", `@${OWNER}/none`])).toEqual({
      refused: ["nobody", `@${OWNER}/none`],
    });
    await github.backend.ask("POST", `pulls/${number}/reviews`, { event: "COMMENT", body: "hm" });
    expect(await host.pulls.reviews(number)).toMatchObject([
      { user: BOT_LOGIN, person: true, state: "commented", at: expect.stringMatching(/^\d{4}-/) },
    ]);
    const [found] = await host.pulls.from("p1");
    expect(found).toMatchObject({ labels: ["whetstone", "risk: low"], reviewers: ["ada"] });
    expect((await host.pulls.open()).map(({ branch }) => branch)).toContain("p1");
    await host.pulls.close(number);
    expect(await host.pulls.from("p1")).toMatchObject([{ state: "closed", merged: false }]);
    // A closed one does not stand in the way of another.
    expect((await host.pulls.create(NEW)).number).not.toBe(number);
    expect(await host.pulls.from("none")).toEqual([]);
  });

  test("are found by number, with who opened them and who wrote their commits", async () => {
    const { number } = await host.pulls.create({ ...NEW, branch: "p4" });
    const found = await host.pulls.find(number);
    expect(found).toMatchObject({ number, author: BOT_LOGIN, fork: false, mergeSha: undefined, headSha: github.base });
    expect(await host.pulls.authors(number)).toEqual([]);
    expect(await host.pulls.find(number + 1000)).toBeUndefined();
  });

  test.each([
    ["an account that is gone", null, undefined],
    ["a person", { login: "ada" }, "ada"],
  ])("opened by %s and merged from a fork that is gone", async (_name, user, author) => {
    const pull = {
      number: 7,
      html_url: "",
      title: "T",
      body: null,
      state: "closed",
      merged_at: "2026-11-20T10:00:00Z",
      closed_at: "2026-11-20T10:00:00Z",
      merge_commit_sha: "c".repeat(40),
      user,
      head: { ref: "x", sha: "a".repeat(40), repo: null },
      base: { ref: "main" },
      labels: [],
    };
    github.bend((request) =>
      request === "GET pulls/7" ? { when: "before", reply: { status: 200, body: pull } } : undefined,
    );
    const found = await host.pulls.find(7).finally(() => github.bend(undefined));
    expect(found).toMatchObject({
      author,
      fork: true,
      merged: true,
      mergeSha: "c".repeat(40),
      closedAt: "2026-11-20T10:00:00Z",
    });
  });

  test("every author and committer of its commits is named once", async () => {
    const person = (login: string) => ({ login });
    const commits = [
      { author: person("ada"), committer: person("web-flow") },
      { author: null, committer: {} },
      { author: person("grace"), committer: person("ada") },
    ];
    github.bend((request) =>
      request.startsWith("GET pulls/7/commits") ? { when: "before", reply: { status: 200, body: commits } } : undefined,
    );
    expect(await host.pulls.authors(7).finally(() => github.bend(undefined))).toEqual(["ada", "web-flow", "grace"]);
  });

  test("everybody who pushed to a branch is named once, as GitHub saw it", async () => {
    const moves = [
      { actor: { login: "ada" } },
      { actor: null },
      { actor: { login: "app[bot]" } },
      { actor: { login: "ada" } },
    ];
    const asked: string[] = [];
    github.bend((request) => {
      if (!request.startsWith("GET activity")) return undefined;
      asked.push(request);
      return { when: "before", reply: { status: 200, body: moves } };
    });
    const branch = "whetstone/proposal/a+b";
    expect(await host.pulls.pushers(branch).finally(() => github.bend(undefined))).toEqual(["ada", "app[bot]"]);
    expect(asked).toHaveLength(1);
    // A server of an age that keeps no such list.
    expect(await host.pulls.pushers(branch)).toEqual([]);
  });

  test("the last push to a branch is the newest that GitHub lists", async () => {
    const body = [{ timestamp: "2026-11-20T10:00:00Z", after: "a".repeat(40), actor: null }];
    const answer = (moves: unknown) =>
      github.bend((request) =>
        request.startsWith("GET activity") ? { when: "before", reply: { status: 200, body: moves } } : undefined,
      );
    answer(body);
    expect(await host.pulls.lastPush("a+b")).toEqual({ at: "2026-11-20T10:00:00Z", sha: "a".repeat(40) });
    answer([]);
    expect(await host.pulls.lastPush("a+b").finally(() => github.bend(undefined))).toBeUndefined();
    expect(await host.pulls.lastPush("a+b")).toBeUndefined();
  });

  test("are all read, however many pages there are", async () => {
    await using other = await startGitHub();
    for (let n = 0; n < 103; n += 1) {
      await other.backend.ask("POST", "git/refs", { ref: `refs/heads/b${n}`, sha: other.base });
      await other.backend.ask("POST", "pulls", { title: `${n}`, head: `b${n}`, base: "main" });
    }
    const all = await hostOf(other).pulls.open();
    expect(new Set(all.map(({ branch }) => branch)).size).toBe(103);
    expect(other.requests.filter((request) => request.startsWith("GET pulls"))).toHaveLength(2);
  });

  test("of a fork are not ours, whatever their branch is called and whoever owns the fork", async () => {
    const at = (repo: string | null, number: number) => ({
      number,
      html_url: "",
      title: "T",
      body: null,
      state: "open",
      head: {
        ref: "whetstone/proposal/notes/ffffffffffff",
        sha: "a".repeat(40),
        repo: repo === null ? null : { full_name: repo },
      },
      base: { ref: "main" },
      labels: [],
    });
    const body = [
      at(`${OWNER}/${REPO}`, 1),
      at("mallory/notes", 2),
      at(`${OWNER}/notes-copy`, 3),
      at(null, 4),
      at(`Octo-Org/Notes`, 5),
    ];
    github.bend((request) => (request === "GET pulls" ? { when: "before", reply: { status: 200, body } } : undefined));
    expect((await host.pulls.open()).map(({ number }) => number)).toEqual([1, 5]);
    expect((await host.pulls.from("whetstone/proposal/notes/ffffffffffff")).map(({ number }) => number)).toEqual([
      1, 5,
    ]);
    github.bend(undefined);
  });

  test("a body over GitHub's limit is cut, and says so", async () => {
    const { body } = await host.pulls.create({ ...NEW, branch: "p2", body: `\`\`\`\n${"🐎".repeat(40_000)}` });
    expect(body.length).toBeLessThanOrEqual(65_536);
    expect(body).toMatch(/\n```\n\n_Cut: \d+ of 80004 characters are shown; the rest is in the run's artifact\._$/);
    expect(body.isWellFormed()).toBe(true);
  });
});

describe("notes", () => {
  let number: number;
  beforeAll(async () => {
    ({ number } = await host.pulls.create({ ...NEW, branch: "p3" }));
  });
  const comments = async () =>
    (await github.backend.ask("GET", `issues/${number}/comments`)).data as { body: string }[];

  test("a comment is one per purpose: made, kept, updated", async () => {
    const first = await host.notes.comment(number, { purpose: "canary", body: "one" });
    expect(first.action).toBe("created");
    expect(await host.notes.comment(number, { purpose: "canary", body: "one" })).toEqual({
      id: first.id,
      action: "kept",
    });
    expect(await host.notes.comment(number, { purpose: "canary", body: "two" })).toEqual({
      id: first.id,
      action: "updated",
    });
    const other = await host.notes.comment(number, { purpose: "canary-b", body: "x" });
    expect(other.id).not.toBe(first.id);
    expect((await comments()).map(({ body }) => body)).toEqual([
      "<!-- whetstone:canary -->\ntwo",
      "<!-- whetstone:canary-b -->\nx",
    ]);
  });

  test.each(DISTURBED)("a comment is there exactly once: %s", async (name, fault) => {
    const purpose = `p-${name.replaceAll(" ", "-")}`;
    await twice(/^POST issues\/\d+\/comments$/, fault, () => host.notes.comment(number, { purpose, body: "x" }));
    expect((await comments()).filter(({ body }) => body.startsWith(`<!-- whetstone:${purpose} -->`))).toHaveLength(1);
  });

  test("somebody else's comment with our mark is not ours to change", async () => {
    const theirs = await otherHost(github).notes.comment(number, { purpose: "status", body: "mine" });
    const ours = await host.notes.comment(number, { purpose: "status", body: "ours" });
    expect(ours).toMatchObject({ action: "created" });
    expect(ours.id).not.toBe(theirs.id);
  });

  test("an issue is one per purpose while it is open", async () => {
    const note = { purpose: "failure-notes", title: "notes: the loop fails", body: "why", labels: ["whetstone"] };
    const first = await host.notes.issue(note);
    expect(first.action).toBe("created");
    expect(await host.notes.issue(note)).toEqual({ id: first.id, action: "kept" });
    expect(await host.notes.issue({ ...note, body: "again" })).toEqual({ id: first.id, action: "updated" });
    expect(await host.notes.issue({ ...note, purpose: "failure-mail" })).toMatchObject({ action: "created" });
    expect(await host.notes.standing("failure-notes")).toEqual({ number: first.id, body: "again" });
    expect(await host.notes.closeIssue("failure-notes")).toBe(true);
    expect(await host.notes.standing("failure-notes")).toBeUndefined();
    expect(await host.notes.closeIssue("failure-notes")).toBe(false);
    expect((await host.notes.issue(note)).id).not.toBe(first.id);
  });
});

describe("check runs", () => {
  const remark = (line: number): Annotation => ({
    path: "a.ts",
    startLine: line,
    endLine: line,
    level: "notice",
    message: `line ${line}`,
  });
  const check = (externalId: string, annotations: number, more: Partial<CheckReport> = {}): CheckReport => ({
    name: "Whetstone",
    sha: github.base,
    externalId,
    conclusion: "success",
    title: "T",
    summary: "S",
    annotations: Array.from({ length: annotations }, (_, index) => remark(index + 1)),
    ...more,
  });
  const lines = async (id: number) => {
    const path = `/repos/${OWNER}/${REPO}/check-runs/${id}/annotations`;
    const { data } = await github.client().request(`GET ${path}`);
    return (data as { start_line: number }[]).map((one) => one.start_line);
  };

  test("carry any number of annotations, each once, in batches that GitHub takes", async () => {
    const from = github.requests.length;
    const { id, action } = await host.checks.report(check("many", 123));
    expect(action).toBe("created");
    expect(writesOf(github, from).map((one) => one.split(" ")[0])).toEqual(["POST", "PATCH", "PATCH"]);
    expect(await lines(id)).toEqual(Array.from({ length: 123 }, (_, index) => index + 1));
    expect(await host.checks.report(check("many", 123))).toEqual({ id, action: "kept" });
    expect(await host.checks.report(check("many", 123, { summary: "S2" }))).toEqual({ id, action: "updated" });
    expect(await lines(id)).toHaveLength(123);
  });

  test.each(DISTURBED)("are complete after a rerun, and nothing is doubled: %s", async (name, fault) => {
    for (const route of [/^POST check-runs$/, /^PATCH check-runs/]) {
      const externalId = `${name} ${route.source}`;
      const { id } = await twice(route, fault, () => host.checks.report(check(externalId, 120)));
      expect(await lines(id)).toEqual(Array.from({ length: 120 }, (_, index) => index + 1));
    }
  });

  test("are listed by commit", async () => {
    expect(await host.checks.on(github.base)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "Whetstone", conclusion: "success", status: "completed" }),
      ]),
    );
  });
});

describe("deployments and environments", () => {
  test("one per commit, environment and task; a state that stands is not repeated", async () => {
    const wanted = {
      sha: github.base,
      environment: "canary",
      task: "whetstone",
      description: "d".repeat(200),
      production: false,
    };
    const { id, action } = await host.deployments.create(wanted);
    expect(action).toBe("created");
    expect(await host.deployments.create(wanted)).toEqual({ id, action: "kept" });
    expect(github.backend.deployments[0]).toMatchObject({
      auto_merge: false,
      required_contexts: [],
      description: expect.stringMatching(/^d{139}…$/),
    });
    const state = { state: "in_progress", description: "watching" } as const;
    expect(await host.deployments.setState(id, state)).toMatchObject({ action: "created" });
    expect(await host.deployments.setState(id, state)).toMatchObject({ action: "kept" });
    await host.deployments.setState(id, { state: "success", description: "held", logUrl: "https://x.example/" });
    expect((await host.deployments.states(id)).map((one) => one.state)).toEqual(["success", "in_progress"]);
  });

  test("environments are set and listed", async () => {
    await host.environments.set({
      name: "canary",
      waitMinutes: 0,
      preventSelfReview: true,
      reviewers: [{ type: "User", id: 3 }],
      protectedBranchesOnly: true,
    });
    expect(await host.environments.list()).toEqual(["canary"]);
    expect(github.backend.environments.get("canary")).toMatchObject({
      deployment_branch_policy: { protected_branches: true, custom_branch_policies: false },
    });
  });
});

describe("workflows, artifacts and the repository", () => {
  test("a workflow that is not there is told", async () => {
    expect(await host.workflows.state("none.yml")).toBeUndefined();
    const start = { ref: "main", inputs: { target: "notes" } };
    await expect(host.workflows.dispatch("none.yml", start)).rejects.toMatchObject({
      code: "api_failed",
      data: { status: 404 },
    });
    await expect(host.workflows.disable("none.yml")).rejects.toMatchObject({ data: { status: 404 } });
  });

  test("a start whose answer is lost is not sent again", async () => {
    const from = github.requests.length;
    github.bend((request) => (request.includes("dispatches") ? { when: "before", reply: "cut" } : undefined));
    await expect(host.workflows.dispatch("x.yml", { ref: "main", inputs: {} })).rejects.toMatchObject({
      code: "api_failed",
    });
    github.bend(undefined);
    expect(writesOf(github, from)).toHaveLength(1);
  });

  test("the id of the run that was started is told, by servers that tell it", async () => {
    for (const [reply, runId] of [
      [{ status: 200, body: { workflow_run_id: 12, run_url: "", html_url: "" } }, 12],
      [{ status: 204, body: undefined }, undefined],
    ] as const) {
      github.bend((request) => (request.includes("dispatches") ? { when: "before", reply } : undefined));
      expect(await host.workflows.dispatch("x.yml", { ref: "main", inputs: { a: "b" } })).toEqual({ runId });
    }
    github.bend(undefined);
  });

  test("artifacts: found, listed by run, downloaded; digests in GitHub's form only", async () => {
    const meta = {
      id: 4,
      name: "p",
      size_in_bytes: 2,
      expired: false,
      workflow_run: { id: 5, repository_id: 1, head_repository_id: 1 },
    };
    github.backend.artifacts.set(4, {
      meta: { ...meta, digest: `sha256:${"a".repeat(64)}` },
      bytes: new Uint8Array([80, 75]),
    });
    github.backend.artifacts.set(6, { meta: { ...meta, id: 6, digest: "md5:x" }, bytes: new Uint8Array() });
    const found = await host.artifacts.find(4);
    expect(found).toEqual({
      id: 4,
      name: "p",
      bytes: 2,
      expired: false,
      digest: "a".repeat(64),
      runId: 5,
      headRepositoryId: 1,
      repositoryId: 1,
    });
    expect((await host.artifacts.ofRun(5)).map(({ id, digest }) => [id, digest])).toEqual([
      [4, "a".repeat(64)],
      [6, undefined],
    ]);
    expect([...(await host.artifacts.download(4))]).toEqual([80, 75]);
    expect(await host.artifacts.find(99)).toBeUndefined();
    await expect(host.artifacts.download(99)).rejects.toMatchObject({ code: "api_failed", data: { status: 404 } });
  });

  test("facts, variables, permissions and runs", async () => {
    expect(await host.repository.facts()).toEqual({ id: 1, defaultBranch: "main" });
    github.backend.variables.set("WHETSTONE_DISABLED", "true");
    expect(await host.repository.variable("WHETSTONE_DISABLED")).toBe("true");
    expect(await host.repository.variable("NONE")).toBeUndefined();
    expect(await host.repository.permission(BOT_LOGIN)).toBe("admin");
    expect(await host.repository.permission("stranger")).toBe("none");
    github.backend.runs.set(5, { run_attempt: 2, head_sha: github.base });
    expect(await host.repository.run(5)).toEqual({ attempt: 2, headSha: github.base });
    expect(await host.repository.run(6)).toBeUndefined();
  });
});
