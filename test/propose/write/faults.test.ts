import { describe, expect, test } from "@jest/globals";
import { parsePullRequest } from "../../../src/propose/pull-request.ts";
import { writeProposal } from "../../../src/propose/write/write.ts";
import { secondGit, startWorld, type World } from "./world.ts";

const BRANCH = `whetstone/proposal/notes/${"f".repeat(12)}`;

/** Everything is there, exactly once. */
async function expectComplete({ github, deps }: World): Promise<void> {
  const pulls = await deps.host.pulls.from(BRANCH);
  expect(pulls).toHaveLength(1);
  const [pull] = pulls;
  expect(pull).toMatchObject({ draft: true, state: "open", labels: ["whetstone"] });
  expect([...(pull?.reviewers ?? [])].sort()).toEqual(["ada", "grace"]);
  expect(parsePullRequest(pull!)?.edited).toBe(false);
  const { data } = await github.backend.ask("GET", `git/commits/${pull?.headSha ?? ""}`);
  expect(data).toMatchObject({ parents: [{ sha: github.base }] });
  const runs = (await github.backend.ask("GET", `commits/${pull?.headSha ?? ""}/check-runs`)).data;
  expect(runs).toMatchObject({ total_count: 1 });
  expect(github.violations).toEqual([]);
}

const isWrite = (request: string) => !request.startsWith("GET ");

/** Writes of an undisturbed job, in order. */
async function steps(): Promise<readonly string[]> {
  await using world = await startWorld();
  await writeProposal(world.deps, world.request());
  await expectComplete(world);
  return world.github.requests.filter(isWrite);
}

describe("a write job that is disturbed in the middle", () => {
  test("writes in a known order: branch, commit, pull request, label, reviewers, check run", async () => {
    expect(await steps()).toEqual([
      "POST git/refs",
      "POST /graphql createCommitOnBranch",
      "POST pulls",
      "POST issues/1/labels",
      "POST pulls/1/requested_reviewers",
      "POST pulls/1/requested_reviewers",
      "POST check-runs",
    ]);
  });

  test.each([
    ["the answer of a write is lost", "after", "cut"],
    ["GitHub fails before it writes", "before", 502],
  ] as const)("%s: whichever it is, a rerun completes all of it exactly once", async (_name, when, how) => {
    const count = (await steps()).length;
    for (let at = 0; at < count; at += 1) {
      await using world = await startWorld();
      let seen = -1;
      world.github.bend((request) => {
        if (!isWrite(request)) return undefined;
        seen += 1;
        return seen === at ? { when, reply: how === "cut" ? how : { status: how, body: { message: "x" } } } : undefined;
      });
      await writeProposal(world.deps, world.request()).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "api_failed" });
      });
      world.github.bend(undefined);
      const again = await writeProposal(world.deps, world.request());
      expect(again.verdict).toBe("pass");
      await expectComplete(world);
    }
  });

  test("two jobs at once write one proposal", async () => {
    await using world = await startWorld();
    await using git = await secondGit(world.github);
    const both = await Promise.all([
      writeProposal(world.deps, world.request()),
      writeProposal({ ...world.deps, git }, world.request()),
    ]);
    expect(both.map(({ verdict }) => verdict)).toEqual(["pass", "pass"]);
    expect(new Set(both.map(({ value }) => value.sha)).size).toBe(1);
    expect(await world.deps.host.pulls.from(BRANCH)).toMatchObject([{ state: "open", draft: true }]);
    expect((await world.forge.proposals("whetstone")).map(({ branch }) => branch)).toEqual([BRANCH]);
  });

  test("somebody else's commit on the branch is not overwritten without notice", async () => {
    await using world = await startWorld();
    await writeProposal(world.deps, world.request());
    // A person pushed to the branch; the next run of the same proposal starts from the base again only by their leave.
    await world.github.backend.commit(BRANCH, { "src/a.ts": "mine\n" });
    const again = writeProposal(world.deps, world.request());
    await expect(again).rejects.toMatchObject({ code: "ref_moved", data: { branch: BRANCH } });
    expect(await world.github.backend.files(BRANCH)).toEqual({ "src/a.ts": "mine\n" });
  });
});
