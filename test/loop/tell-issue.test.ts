import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { z } from "zod";
import { openRestHost } from "../../src/github/rest/host.ts";
import { tellIssue, type Told } from "../../src/loop/tell-issue.ts";
import { Outcome } from "../../src/model/outcome.ts";
import { outgoingFaults } from "../../src/propose/outgoing.ts";
import { BOT_LOGIN, OWNER, REPO, startGitHub, type GitHub } from "../support/github.ts";
import { outgoingText } from "../support/outgoing.ts";

const URL = "https://github.test/octo-org/notes/actions/runs/7";

const stage = (name: string, verdict: string, summary: string) => ({
  stage: name,
  verdict,
  reasons: ["check_failed" as const],
  durationMs: 1,
  summary,
});

function told(status: Told["report"]["status"], summary = "a test fails", target = "notes"): Told {
  const stages = [stage("gate", "pass", "at abc"), stage("validate", "fail", summary)];
  return { target, url: URL, report: { status, reasons: ["check_failed"], stages } };
}

const Issues = z.array(z.object({ number: z.number(), title: z.string(), state: z.string(), body: z.string() }));

describe("one issue per target", () => {
  let github: GitHub;
  beforeEach(async () => {
    github = await startGitHub();
  });
  afterEach(async () => {
    await github[Symbol.asyncDispose]();
  });
  const notes = () => openRestHost({ owner: OWNER, repo: REPO, client: github.client(), self: BOT_LOGIN }).notes;
  const issues = async () => Issues.parse((await github.backend.ask("GET", "issues?state=all")).data);

  test("opens with the first bad run, follows the next ones, closes with a good one", async () => {
    expect(await tellIssue(notes(), told("rejected"))).toBe("opened");
    expect(await tellIssue(notes(), told("rejected"))).toBe("kept");
    expect(await tellIssue(notes(), told("inconclusive", "the server did not start"))).toBe("updated");
    const [standing, ...others] = await issues();
    expect(others).toEqual([]);
    expect(standing).toMatchObject({ state: "open", title: "Whetstone: the loop on notes ended inconclusive" });
    expect(standing?.body).toContain("the server did not start");
    expect(await tellIssue(notes(), told("proposed"))).toBe("closed");
    expect((await issues()).map(({ state }) => state)).toEqual(["closed"]);
    expect(github.violations).toEqual([]);
  });

  test("targets have issues of their own, and a good run without one says nothing", async () => {
    expect(await tellIssue(notes(), told("no_change"))).toBe("none");
    await tellIssue(notes(), told("rejected", "no", "notes"));
    await tellIssue(notes(), told("rejected", "no", "mail"));
    expect((await issues()).length).toBe(2);
    expect(await tellIssue(notes(), told("promoted", "", "mail"))).toBe("closed");
    expect((await issues()).filter(({ state }) => state === "open").length).toBe(1);
  });
});

test("every status of an outcome either opens or closes", async () => {
  for (const status of Outcome.shape.status.options) {
    const done: string[] = [];
    await tellIssue(
      {
        issue: async () => ({ id: done.push("issue"), action: "created" }),
        closeIssue: async () => done.push("close") > 0,
      },
      told(status),
    );
    const well = ["no_change", "proposed", "promoted", "merged", "held"].includes(status);
    expect([status, done]).toEqual([status, [well ? "close" : "issue"]]);
  }
});

test("nothing that a stage says sends anything out", async () => {
  await fc.assert(
    fc.asyncProperty(outgoingText, outgoingText, async (summary, target) => {
      const texts: string[] = [];
      const issue = async ({ title, body }: { readonly title: string; readonly body: string }) => {
        texts.push(title, body);
        return { id: 1, action: "created" } as const;
      };
      await tellIssue({ issue, closeIssue: async () => false }, told("rejected", summary, target));
      for (const text of texts) expect(outgoingFaults(text, { urls: [URL], longest: 65_536 })).toEqual([]);
    }),
  );
});
