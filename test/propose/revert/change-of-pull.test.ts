import { expect, test } from "@jest/globals";
import { changeOfPull } from "../../../src/propose/revert/change-of-pull.ts";
import { knownGood } from "../../../src/propose/revert/known-good.ts";

const sha = (digit: string): string => digit.repeat(40);
const [A, B, C, D] = ["a", "b", "c", "d"].map(sha) as [string, string, string, string];

/** Commits by id, with parents and message, and the messages of the pull request's own. */
const historyOf = (
  commits: Readonly<Record<string, readonly [readonly string[], string]>>,
  messages: readonly string[],
) => ({
  commit: async (id: string) => {
    const [parents, message] = commits[id] ?? [];
    return parents === undefined || message === undefined ? undefined : { parents, message };
  },
  messagesOfPull: async () => messages,
});
const pull = (mergeSha: string) => ({ number: 7, mergeSha });

test.each([
  ["merge", A, { [C]: [[A, B], "Merge pull request #7"] }, ["one"]],
  ["squash", A, { [C]: [[A], "one (#7)"] }, ["one"]],
  ["squash", A, { [C]: [[A], "one (#7)"], [A]: [[D], "other"] }, ["one", "two"]],
  ["rebase", A, { [C]: [[B], "two"], [B]: [[A], "one"], [A]: [[D], "one"] }, ["one", "two\n"]],
  // The messages look like a rebase until the last one, which somebody else wrote.
  ["squash", B, { [C]: [[B], "two"], [B]: [[A], "other"] }, ["one", "two"]],
] as const)("%s: the change begins at %s", async (...row) => {
  const [how, before, commits, messages] = row;
  const history = historyOf(commits as Parameters<typeof historyOf>[0], messages);
  expect(await changeOfPull(history, pull(C))).toEqual({ how, before, changed: C });
});

test("a merge that is not there any more, or has nothing before it, is said", async () => {
  await expect(changeOfPull(historyOf({}, []), pull(C))).rejects.toMatchObject({ code: "not_found" });
  await expect(changeOfPull(historyOf({ [C]: [[], "first"] }, []), pull(C))).rejects.toMatchObject({
    code: "not_found",
  });
});

test.each([
  [
    "the newest success on the line before the change",
    [
      [C, "success"],
      [B, "inactive success"],
      [A, "success"],
    ],
    { sha: B, by: "deployment" },
  ],
  [
    "a failure first, then a success of the same version",
    [
      [B, "failure"],
      [B, "success"],
    ],
    { sha: B, by: "deployment" },
  ],
  [
    "never a version that is not on that line, such as a canary of the change",
    [[D, "success"]],
    { sha: B, by: "parent" },
  ],
  ["none: the commit before the change", [], { sha: B, by: "parent" }],
] as const)("known good: %s", async (_name, deployed, expected) => {
  const history = {
    deployed: async () => deployed.map(([one], index) => ({ id: index, sha: one, task: "deploy" })),
    // A is the parent of B; C and D are elsewhere.
    contains: async (descendant: string, ancestor: string) => descendant === B && ancestor === A,
  };
  const deployments = {
    states: async (id: number) => (deployed[id]?.[1] ?? "").split(" ").map((state) => ({ state, description: "" })),
  };
  expect(await knownGood({ history, deployments }, { environment: "production", before: B })).toEqual(expected);
});
