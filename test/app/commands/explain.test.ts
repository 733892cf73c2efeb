import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { explanationOf } from "../../../src/app/commands/explanation.ts";
import { REASON_CODES } from "../../../src/model/codes.ts";
import { readOutcomes, recordRun } from "../../../src/protect/outcomes.ts";
import { configured, propose, type Proposed } from "../proposed.ts";
import { recordedRun } from "../recorded-run.ts";
import { startTalk, type Talk } from "../talk.ts";

nock.restore();

let talk: Talk;
let proposed: Proposed;
beforeEach(async () => {
  talk = await startTalk(configured());
});
afterEach(async () => {
  expect(talk.github.violations).toEqual([]);
  await talk[Symbol.asyncDispose]();
});

describe("/whetstone explain", () => {
  test("says why a run ended as it did: reasons in words, and the stage at which it turned", async () => {
    const stage = { verdict: "pass", reasons: ["ok" as const], durationMs: 1, summary: "fine" };
    const stages = [
      { ...stage, stage: "scope" },
      { ...stage, stage: "replay", verdict: "fail", summary: "2 of 40 results @octocat changed" },
    ];
    const outcome = { status: "rejected", reasons: ["replay_result_changed"] } as const;
    const run = recordedRun("2", {
      outcome: { ...outcome, reasons: [...outcome.reasons], at: "2026-11-21T10:00:00.000Z" },
      manifest: { stages, verdict: "rejected", digest: "a".repeat(64) },
    });
    await recordRun(talk.repository.state, run, talk.clock);
    const { reactions, answer } = await talk.say("/whetstone explain notes");
    expect(reactions).toEqual(["eyes", "hooray"]);
    expect(answer).toContain("**the change was rejected**");
    expect(answer).toContain(`\`replay_result_changed\`: ${REASON_CODES.replay_result_changed}`);
    expect(answer).toContain("It turned at the stage **replay**: 2 of 40 results");
    expect(answer).not.toContain("@octocat");
  });

  test("without any run says so", async () => {
    expect((await talk.say("/whetstone explain")).answer).toContain("No run of this target has ended yet");
  });

  test("on a proposal speaks of that proposal; its status too", async () => {
    proposed = await propose(talk);
    const { answer } = await talk.say("/whetstone explain", { on: proposed.pull });
    expect(answer).toContain("**the change passed every stage and waits for people**");
    const status = (await talk.say("/whetstone status", { on: proposed.pull })).answer;
    expect(status).toContain("This proposal for notes: proposed; not approved: nobody has approved it.");
  });

  test("with words on a proposal keeps them, once; on another pull request it does not", async () => {
    proposed = await propose(talk);
    const view = () => talk.repository.state.view();
    await talk.say("/whetstone explain it is slower for @callers", { on: proposed.pull });
    expect(await explanationOf(await view(), proposed.pull)).toMatchObject({
      text: "it is slower for @callers",
      by: { id: "ada" },
    });
    const { head } = await view();
    await talk.say("/whetstone explain it is slower for @callers", { on: proposed.pull });
    expect((await view()).head).toBe(head);
    const other = await talk.say("/whetstone explain it is slower", { isPull: true, on: talk.issue });
    expect(other.reactions).toEqual(["eyes", "confused"]);
  });

  test("with words on a proposal that was closed puts them on record with its end, once", async () => {
    proposed = await propose(talk);
    await talk.repository.host.pulls.close(proposed.pull);
    // After the run that is on record.
    talk.clock.advance(4 * 365 * 86_400_000);
    const said = { on: proposed.pull, comment: 900 };
    await talk.say("/whetstone explain it is slower", said);
    await talk.say("/whetstone explain it is slower", said);
    const outcomes = await readOutcomes(await talk.repository.state.view(), "notes");
    expect(outcomes.filter(({ status }) => status === "closed")).toMatchObject([
      { reasons: ["latency_increased"], note: "it is slower" },
    ]);
  });
});
