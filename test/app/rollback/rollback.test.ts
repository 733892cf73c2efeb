import { describe, expect, test } from "@jest/globals";
import { rollBack } from "../../../src/app/rollback/rollback.ts";
import type { Actor } from "../../../src/model/ledger.ts";
import { RollbackRecord } from "../../../src/model/rollback.ts";
import { readLedger } from "../../../src/protect/ledger.ts";
import { readOutcomes } from "../../../src/protect/outcomes.ts";
import { codeOf } from "../../../src/model/error.ts";
import { struck } from "../../support/killed.ts";
import type { Counterpart } from "../counterpart.ts";
import { BASE_FILES, CHANGED_FILES, commitLater, type Merged, ROLLBACK_BRANCH, startMerged } from "./merged.ts";

const ADA: Actor = { type: "person", id: "ada" };
const ask = (merged: Merged, id = "delivery-9") =>
  rollBack(merged.context({ name: "issue_comment.created", payload: {}, id }), {
    pull: merged.pull,
    by: ADA,
    why: "p95 doubled @grace",
  });
type Listed = { number: number; title: string; body: string; draft: boolean; state: string; head: { ref: string } };
const pulls = async ({ github }: Counterpart) => (await github.backend.ask("GET", "pulls?state=all")).data as Listed[];
const reverts = async (merged: Merged) => (await pulls(merged)).filter(({ head }) => head.ref === ROLLBACK_BRANCH);
const issues = async ({ github }: Counterpart) =>
  ((await github.backend.ask("GET", "issues?state=all")).data as (Listed & { pull_request?: unknown })[]).filter(
    (issue) => (issue.pull_request ?? undefined) === undefined,
  );
const comments = async ({ github, pull }: Merged) =>
  (await github.backend.ask("GET", `issues/${pull}/comments`)).data as Listed[];
const statuses = async ({ repository }: Counterpart) =>
  (await readOutcomes(await repository.state.view(), "notes")).map(({ status }) => status);
const acts = async ({ repository }: Counterpart) =>
  (await readLedger(await repository.state.view())).records
    .map(({ operation, decision, reasonCode }) => `${operation} ${decision} ${reasonCode}`)
    .filter((act) => act.startsWith("rollback"));
const recordOf = async ({ repository, pull }: Merged) =>
  RollbackRecord.parse(JSON.parse((await (await repository.state.view()).read(`rollbacks/${pull}.json`)) ?? "null"));

describe("a rollback", () => {
  test("is a draft pull request that restores the base, with proof, check run, record, ledger entry and outcome", async () => {
    await using merged = await startMerged();
    const done = await ask(merged);
    expect(done).toMatchObject({ kind: "proposed", deployed: undefined });
    const [revert, ...others] = await reverts(merged);
    expect(others).toEqual([]);
    expect(revert).toMatchObject({ title: `Revert #${merged.pull} (notes)`, draft: true, state: "open" });
    expect(revert?.body).toContain("Applies cleanly");
    expect(revert?.body).not.toContain("@grace");
    const restored = await merged.github.backend.files(ROLLBACK_BRANCH);
    expect(restored).toMatchObject(BASE_FILES);
    expect(restored["src/b.ts"]).toBeUndefined();
    const record = await recordOf(merged);
    expect(record).toMatchObject({ before: merged.before, changed: merged.mergeSha, verdict: "proposed" });
    const checks = await merged.repository.host.checks.on(record.revert?.sha ?? "");
    expect(checks).toMatchObject([{ name: "Whetstone rollback", conclusion: "success" }]);
    expect(await acts(merged)).toEqual(["rollback.propose allow rollback_proposed"]);
    expect(await statuses(merged)).toEqual(["proposed", "rolled_back"]);
    expect(await comments(merged)).toMatchObject([{ body: expect.stringContaining("### Rollback") }]);
    expect(merged.github.violations).toEqual([]);
  });

  test("keeps what was changed later on other lines", async () => {
    await using merged = await startMerged();
    await commitLater(merged, { "src/a.ts": CHANGED_FILES["src/a.ts"].replace("six", "6"), "src/new.ts": "later\n" });
    expect((await ask(merged)).kind).toBe("proposed");
    expect(await merged.github.backend.files(ROLLBACK_BRANCH)).toMatchObject({
      "src/a.ts": BASE_FILES["src/a.ts"].replace("six", "6"),
      "src/new.ts": "later\n",
    });
  });

  test("asked twice, and again by another delivery: everything once", async () => {
    await using merged = await startMerged();
    const first = await ask(merged);
    expect(await ask(merged)).toEqual(first);
    expect(await ask(merged, "delivery-10")).toEqual(first);
    expect(await reverts(merged)).toHaveLength(1);
    expect(await acts(merged)).toHaveLength(1);
    expect(await statuses(merged)).toEqual(["proposed", "rolled_back"]);
    expect(await comments(merged)).toHaveLength(1);
  });

  test("later changes in the way: nothing is prepared, a person is called by name, and it is said how by hand", async () => {
    await using merged = await startMerged({ app: "{ rollback: { page: [grace, octo-org/oncall] } }" });
    await commitLater(merged, { "src/a.ts": CHANGED_FILES["src/a.ts"].replace("brandNew = 2", "brandNew = 3") });
    const done = await ask(merged);
    expect(done).toMatchObject({
      kind: "blocked",
      said: expect.stringContaining(`git revert -m 1 ${merged.mergeSha}`),
    });
    expect(await reverts(merged)).toEqual([]);
    const [issue] = await issues(merged);
    expect(issue?.body).toContain("@grace @octo-org/oncall: a person is needed.");
    expect(issue?.body).toContain("src/a.ts: later changes touch the same lines");
    expect(await acts(merged)).toEqual(["rollback.propose deny revert_conflict"]);
    expect(await statuses(merged)).toEqual(["proposed"]);
    await ask(merged);
    expect(await issues(merged)).toHaveLength(1);
    expect(await acts(merged)).toHaveLength(1);
  });

  test("later lines that use what goes away are named, and people are called", async () => {
    await using merged = await startMerged({ app: "{ rollback: { page: [grace] } }" });
    await commitLater(merged, { "src/user.ts": "use(brandNew)\n" });
    expect((await ask(merged)).kind).toBe("proposed");
    const record = await recordOf(merged);
    const checks = await merged.repository.host.checks.on(record.revert?.sha ?? "");
    expect(checks).toMatchObject([{ conclusion: "action_required" }]);
    expect((await reverts(merged))[0]?.body).toContain("src/user.ts line 1: brandNew");
    expect((await issues(merged))[0]?.body).toContain("@grace");
  });

  test("after it was merged there is nothing left to take back", async () => {
    await using merged = await startMerged();
    await ask(merged);
    const [revert] = await reverts(merged);
    await merged.github.backend.people.as("ada")("PATCH", `pulls/${revert?.number}`, { draft: false });
    await merged.github.backend.people.as("ada")("PUT", `pulls/${revert?.number}/merge`, { merge_method: "squash" });
    expect((await ask(merged)).kind).toBe("nothing");
    expect(await reverts(merged)).toHaveLength(1);
  });
});

test("killed after any of its writes, it is completed by the next attempt, and nothing is doubled", async () => {
  let at = 1;
  for (; ; at += 1) {
    await using merged = await startMerged({ app: "{ rollback: { mode: automatic } }" });
    const { repository } = merged;
    const first = await struck({ at, blow: "killed after" }, (wrap) => {
      const { host } = repository;
      const writing = {
        commits: wrap(repository.commits),
        state: { ...repository.state, update: wrap({ update: repository.state.update }).update },
        host: {
          ...host,
          checks: wrap(host.checks),
          notes: wrap(host.notes),
          workflows: wrap(host.workflows),
          pulls: { ...host.pulls, create: wrap({ create: host.pulls.create }).create },
        },
      };
      return ask({
        ...merged,
        context: (event) => ({ ...merged.context(event), repository: { ...repository, ...writing } }),
      });
    });
    if (first.calls < at) break;
    expect((await ask(merged)).kind).toBe("proposed");
    expect({ at, pulls: (await reverts(merged)).length, acts: (await acts(merged)).length }).toEqual({
      at,
      pulls: 1,
      acts: 1,
    });
    expect(await statuses(merged)).toEqual(["proposed", "rolled_back"]);
    expect(merged.github.backend.actions.dispatched).toHaveLength(1);
  }
  expect(at).toBeGreaterThan(7);
});

describe("what is no merged proposal of Whetstone", () => {
  test("an open proposal is to be closed instead", async () => {
    await using merged = await startMerged({ merge: false });
    expect(await ask(merged)).toMatchObject({ kind: "nothing", said: expect.stringContaining("not merged") });
  });

  test("a pull request of people, whatever its body claims, and a number that is none", async () => {
    await using merged = await startMerged();
    const { backend, base } = merged.github;
    await backend.ask("POST", "git/refs", { ref: "refs/heads/theirs", sha: base });
    await backend.commit("theirs", { "x.ts": "1\n" });
    const body = '<!-- whetstone:facts {"schema":"whetstone.pull-request/1","target":"notes"} -->';
    const { data } = await backend.ask("POST", "pulls", { title: "T", head: "theirs", base: "main", body });
    const theirs = Number(Reflect.get(Object(data), "number"));
    await backend.people.as("ada")("PUT", `pulls/${theirs}/merge`, { merge_method: "squash" });
    expect((await ask({ ...merged, pull: theirs })).kind).toBe("nothing");
    expect((await ask({ ...merged, pull: 999 })).kind).toBe("nothing");
    expect(await pulls(merged)).toHaveLength(2);
  });

  test("a body that was edited changes nothing: facts come from the record", async () => {
    await using merged = await startMerged();
    const body = "Target: other. Revert `main` instead. /whetstone approve";
    await merged.github.backend.people.as("mallory")("PATCH", `pulls/${merged.pull}`, { title: "x", body });
    expect((await ask(merged)).kind).toBe("proposed");
    expect(await recordOf(merged)).toMatchObject({ target: "notes", changed: merged.mergeSha });
  });

  test("while everything is stopped nothing is opened", async () => {
    await using merged = await startMerged();
    await merged.repository.killSwitch.stop({ by: ADA, why: null });
    expect(await ask(merged).catch(codeOf)).toBe("stopped");
    expect(await reverts(merged)).toEqual([]);
  });
});

describe("automatic", () => {
  const AUTOMATIC = { app: "{ rollback: { mode: automatic } }" };

  test("the version before the change is deployed once, without any deployment on record", async () => {
    await using merged = await startMerged(AUTOMATIC);
    expect(await ask(merged)).toMatchObject({ kind: "proposed", deployed: merged.before });
    await ask(merged);
    const { dispatched } = merged.github.backend.actions;
    expect(dispatched).toMatchObject([
      { file: "whetstone-restore.yml", inputs: { sha: merged.before, reason: "rollback" } },
    ]);
    expect((await recordOf(merged)).deployment).toMatchObject({ sha: merged.before, run: dispatched[0]?.id });
    expect(merged.github.violations).toEqual([]);
  });

  test("a run that was started by an attempt which died is found, and no second one started", async () => {
    await using merged = await startMerged(AUTOMATIC);
    let once = false;
    merged.github.bend((request) => {
      if (once || !request.endsWith("/dispatches")) return undefined;
      once = true;
      return { when: "after", reply: "cut" };
    });
    await ask(merged).catch(() => undefined);
    merged.github.bend(undefined);
    await ask(merged);
    expect(merged.github.backend.actions.dispatched).toHaveLength(1);
  });

  test("a run that somebody else started under its title is not taken for it", async () => {
    await using merged = await startMerged(AUTOMATIC);
    const { actions } = merged.github.backend;
    merged.github.bend((request) => (request.endsWith("/dispatches") ? { when: "before", reply: "cut" } : undefined));
    await ask(merged).catch(() => undefined);
    merged.github.bend(undefined);
    const title = `Restore ${(await recordOf(merged)).deployment?.key}`;
    const facts = {
      event: "workflow_dispatch",
      path: ".github/workflows/whetstone-restore.yml",
      head_sha: merged.before,
    };
    actions.setRun(77, { id: 77, ...facts, display_title: title, actor: { login: "mallory" } });
    await ask(merged);
    expect(actions.dispatched).toHaveLength(1);
    expect((await recordOf(merged)).deployment).toMatchObject({ run: actions.dispatched[0]?.id });
  });

  test("a workflow that is not there is said, and keeps the pull request from nothing", async () => {
    await using merged = await startMerged({ app: "{ rollback: { mode: automatic, workflow: none.yml } }" });
    expect(await ask(merged)).toMatchObject({ kind: "proposed", said: expect.stringContaining("was not deployed") });
  });
});
