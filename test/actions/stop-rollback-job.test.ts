import { afterAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import type { JobContext, Toolkit } from "../../src/actions/job.ts";
import { ROLLBACK_OUTPUTS, runRollbackJob } from "../../src/actions/rollback-job.ts";
import { runStopJob, STOP_OUTPUTS } from "../../src/actions/stop-job.ts";
import { rollBackOnGitHub } from "../../src/loop/on-github.ts";
import type { RolledBack } from "../../src/propose/revert/roll-back.ts";
import { CONTEXT, toolkitFor } from "../support/action-job.ts";
import { OWNER, REPO, TOKEN } from "../support/github.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { type Merged, startMerged } from "../app/rollback/merged.ts";

nock.restore();
const folder = await temporaryFolder();
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

/** What a job's step was given, and what came of it. */
async function step(
  { github }: Merged,
  inputs: Readonly<Record<string, string>>,
  run: (job: {
    core: Toolkit;
    context: JobContext;
    given: readonly string[];
    workspace: string;
    secrets: [];
  }) => Promise<void>,
) {
  const { core, said } = toolkitFor(inputs);
  const context = {
    ...CONTEXT,
    actor: "ada",
    runId: 77,
    apiUrl: github.baseUrl,
    repo: { owner: OWNER, repo: REPO },
  };
  await run({ core, context, given: Object.keys(inputs), workspace: folder.path, secrets: [] });
  return { ...said, failed: said.failures, summary: said.summaries.at(-1) ?? "" };
}

const rollBack = (merged: Merged, inputs: Readonly<Record<string, string>>) =>
  step(merged, inputs, (job) => runRollbackJob({ ...job, act: rollBackOnGitHub }));

describe("the action rollback", () => {
  test("opens the pull request in the name of who started it", async () => {
    await using merged = await startMerged();
    const inputs = { pull: String(merged.pull), why: "slower", token: TOKEN };
    const first = await rollBack(merged, inputs);
    expect(first).toMatchObject({
      outputs: { decision: "allow", "reason-code": "rollback_proposed", result: "proposed" },
      failed: [],
      masked: [TOKEN],
    });
    expect(Object.keys(first.outputs).toSorted()).toEqual(ROLLBACK_OUTPUTS.toSorted());
    expect(first.summary).toContain("Applies cleanly");
    const { data } = await merged.github.backend.ask("GET", "pulls?state=all");
    expect(data).toHaveLength(2);
    expect(merged.github.violations).toEqual([]);
  });

  const place = { github: { baseUrl: "http://127.0.0.1:1" } } as Merged;
  const answering = (said: RolledBack, asked: string[] = []) => ({
    asked,
    act: (inputs: Readonly<Record<string, string>>) =>
      step(place, inputs, (job) =>
        runRollbackJob({
          ...job,
          act: async ({ actor }, { pull, why }) => {
            asked.push(`${actor.type} ${actor.id}: ${pull} ${why}`);
            return said;
          },
        }),
      ),
  });

  test.each([
    ["nothing", "ok"],
    ["blocked", "revert_conflict"],
  ] as const)("%s is red, says %s, and holds what was said", async (kind, reason) => {
    const { act, asked } = answering({ kind, said: "why it is so" });
    const ended = await act({ pull: "99", token: TOKEN });
    expect(ended.outputs).toEqual({ decision: "deny", "reason-code": reason, result: kind, "pull-request": "" });
    expect([ended.failed.length, asked]).toEqual([1, ["person ada: 99 no reason was given"]]);
    expect(ended.summary).toContain("why it is so");
  });

  test.each([{ pull: "x" }, { pull: "0" }, { pull: "1; rm" }, { token: "" }, { "dry-run": "true" }, { other: "1" }])(
    "refuses %j before it asks anybody",
    async (change) => {
      const { act, asked } = answering({ kind: "nothing", said: "" });
      const ended = await act({ pull: "1", token: TOKEN, ...change });
      expect(ended.outputs).toMatchObject({ decision: "deny", "reason-code": "usage", result: "error" });
      expect(asked).toEqual([]);
    },
  );
});

describe("the action stop", () => {
  test("a part that fails makes it red and is named; one that cannot be tried out is refused", async () => {
    const failures = [{ what: "switching off loop.yml", detail: "403" }];
    const asked: unknown[] = [];
    const act = async (_place: unknown, request: unknown) => {
      asked.push(request);
      return { flagged: true, off: [], ending: [], failures };
    };
    const run = (inputs: Readonly<Record<string, string>>) =>
      step({ github: { baseUrl: "http://127.0.0.1:1" } } as Merged, inputs, (job) => runStopJob({ ...job, act }));
    const ended = await run({ token: TOKEN });
    expect(ended).toMatchObject({ outputs: { result: "incomplete", "reason-code": "api_error" } });
    expect([ended.failed.length, ended.summary]).toEqual([1, expect.stringContaining("switching off loop.yml")]);
    expect(Object.keys(ended.outputs).toSorted()).toEqual(STOP_OUTPUTS.toSorted());
    // The run that it is in must not end itself.
    expect(asked).toEqual([{ why: null, ownRun: 77 }]);
    expect((await run({ token: TOKEN, "dry-run": "true" })).outputs["reason-code"]).toBe("usage");
    expect(asked).toHaveLength(1);
  });
});
