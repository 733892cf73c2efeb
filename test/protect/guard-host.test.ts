import { describe, expect, test } from "@jest/globals";
import type { Commits } from "../../src/github/commit-port.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import type { Guard } from "../../src/protect/guard.ts";
import { guardCommits, guardHost, type GuardedHost } from "../../src/protect/guard-host.ts";
import { issuePermit } from "../../src/protect/permit.ts";

const ACTING = { actor: { type: "workflow", id: "run 1" }, target: "notes", run: "r-1" } as const;
/** What only reads; everything else of a host writes. */
const READS = [
  "pulls.from",
  "pulls.open",
  "pulls.authors",
  "pulls.pushers",
  "pulls.lastPush",
  "pulls.find",
  "pulls.reviews",
  "checks.on",
  "deployments.states",
  "environments.list",
  "runs.find",
  "runs.dispatched",
  "gates.answers",
  "gates.waiting",
  "gates.rules",
  "gates.pullsOf",
  "notes.standing",
  "runs.underWay",
  "workflows.state",
  "workflows.list",
];
/** What is asked for a write that is none of a pull request. */
const OPERATIONS: Readonly<Record<string, string>> = {
  "pulls.close": "proposal.close",
  "checks.report": "check.write",
  "gates.report": "gate.reject",
  "gates.refuse": "gate.reject",
  "gates.letPass": "gate.approve",
  "notes.comment": "comment.write",
  "notes.amend": "comment.write",
  "notes.react": "comment.write",
  "notes.issue": "issue.write",
  "notes.closeIssue": "issue.write",
  "deployments.create": "deployment.write",
  "deployments.setState": "deployment.write",
  "workflows.dispatch": "workflow.start",
  "workflows.enable": "workflow.switch",
  "workflows.disable": "workflow.switch",
  "runs.cancel": "workflow.cancel",
  "runs.forceCancel": "workflow.cancel",
};
const PARTS = ["pulls", "checks", "notes", "deployments", "environments", "gates", "runs", "workflows"] as const;

/** A host whose every member puts down that it was reached. */
function recorded(): { readonly host: GuardedHost; readonly commits: Commits; readonly reached: string[] } {
  const reached: string[] = [];
  const part = (name: string) =>
    new Proxy(
      {},
      {
        get: (_target, member) => () => {
          reached.push(`${name}.${String(member)}`);
          return Promise.resolve();
        },
      },
    );
  const parts = [...PARTS, "artifacts", "repository"].map((name) => [name, part(name)]);
  return { host: Object.fromEntries(parts) as GuardedHost, commits: part("commits") as Commits, reached };
}

/** A guard that notes what it is asked, and permits it or not. */
function asked(permits: boolean): { readonly guard: Guard; readonly questions: string[] } {
  const questions: string[] = [];
  return {
    questions,
    guard: {
      permit: async (operation, { target, actor }) => {
        questions.push(operation);
        if (!permits) throw new WhetstoneError("stopped", "Everything was stopped.");
        return issuePermit({ operation, target, actor });
      },
    },
  };
}

/** Every function of a guarded host, by the name of its part and its own. */
function members(host: GuardedHost): (readonly [string, (...values: unknown[]) => Promise<unknown>])[] {
  return PARTS.flatMap((part) =>
    Object.entries(host[part]).map(([name, member]) => [`${part}.${name}`, member] as const),
  );
}

describe("guardHost", () => {
  test("asks before everything that is no reading, and then does it", async () => {
    for (const [name] of members(guardHost(recorded().host, asked(true).guard, ACTING))) {
      const { host, reached } = recorded();
      const { guard, questions } = asked(true);
      const member = members(guardHost(host, guard, ACTING)).find(([other]) => other === name)?.[1];
      await member?.();
      expect([name, reached]).toEqual([name, [name]]);
      const operation = OPERATIONS[name] ?? "proposal.publish";
      expect([name, questions]).toEqual([name, READS.includes(name) ? [] : [operation]]);
    }
  });

  test("without leave nothing is written, and reading goes on", async () => {
    const { host, reached } = recorded();
    for (const [name, member] of members(guardHost(host, asked(false).guard, ACTING))) {
      if (READS.includes(name)) await member();
      else await expect(member()).rejects.toMatchObject({ code: "stopped" });
    }
    expect(reached.toSorted()).toEqual(READS.toSorted());
  });

  test("offers nothing that approves or merges", () => {
    const { host } = recorded();
    const names = members(guardHost(host, asked(true).guard, ACTING)).map(([name]) => name);
    expect(names.filter((name) => /merge|approve/i.test(name))).toEqual([]);
  });
});

test("guardCommits asks before a commit", async () => {
  const { commits, reached } = recorded();
  const commit = { branch: "b", baseSha: "0".repeat(40), title: "t", body: "", files: [] } as const;
  await expect(guardCommits(commits, asked(false).guard, ACTING).put(commit)).rejects.toMatchObject({
    code: "stopped",
  });
  expect(reached).toEqual([]);
  const { guard, questions } = asked(true);
  await guardCommits(commits, guard, ACTING).put(commit);
  expect([reached, questions]).toEqual([["commits.put"], ["proposal.open"]]);
});
