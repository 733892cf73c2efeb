import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import type { CheckReport, CheckText, Host, RunningCheck } from "../../../src/github/host-port.ts";
import { openRestHost } from "../../../src/github/rest/host.ts";
import { BOT_LOGIN, type GitHub, OWNER, REPO, startGitHub } from "../../support/github.ts";

nock.restore();

let github: GitHub;
let host: Host;
beforeAll(async () => {
  github = await startGitHub();
  host = openRestHost({ owner: OWNER, repo: REPO, client: github.client(), self: BOT_LOGIN });
});
afterAll(async () => {
  expect(github.violations).toEqual([]);
  await github[Symbol.asyncDispose]();
});

const text = (externalId: string, more: Partial<CheckText> = {}): CheckText => ({
  name: "Whetstone canary",
  sha: github.base,
  externalId,
  title: "T",
  summary: "S",
  annotations: [],
  ...more,
});
const running = (externalId: string, status: RunningCheck["status"], more: Partial<CheckText> = {}): RunningCheck => ({
  ...text(externalId, more),
  status,
});
const ended = (
  externalId: string,
  conclusion: CheckReport["conclusion"],
  more: Partial<CheckText> = {},
): CheckReport => ({
  ...text(externalId, more),
  conclusion,
});
const standing = async (id: number) => (await host.checks.on(github.base)).find((one) => one.id === id);
/** Bodies of the writes while `work` runs. */
async function written(work: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const bodies: Record<string, unknown>[] = [];
  github.bend((_request, { method, body }) => {
    if (method !== "GET") bodies.push(Object(body) as Record<string, unknown>);
    return undefined;
  });
  await work();
  github.bend(undefined);
  return bodies;
}

describe("a check run that is under way", () => {
  test("goes from queued to its end and is open again when it goes on, as one check run", async () => {
    const { id, action } = await host.checks.report(running("live", "queued"));
    expect(action).toBe("created");
    expect(await standing(id)).toMatchObject({ status: "queued", conclusion: undefined, externalId: "live" });
    expect(await host.checks.report(running("live", "queued"))).toEqual({ id, action: "kept" });
    expect(await host.checks.report(running("live", "in_progress"))).toEqual({ id, action: "updated" });
    expect(await standing(id)).toMatchObject({ status: "in_progress" });
    expect(await host.checks.report(ended("live", "failure"))).toEqual({ id, action: "updated" });
    expect(await standing(id)).toMatchObject({ status: "completed", conclusion: "failure" });
    expect(await host.checks.report(running("live", "in_progress"))).toEqual({ id, action: "updated" });
    expect(await standing(id)).toMatchObject({ status: "in_progress", conclusion: undefined });
  });

  test("is updated for another text alone, and keeps what stands", async () => {
    const { id } = await host.checks.report(running("text", "in_progress", { text: "details" }));
    expect(await host.checks.report(running("text", "in_progress", { text: "details" }))).toEqual({
      id,
      action: "kept",
    });
    expect(await host.checks.report(running("text", "in_progress", { text: "more" }))).toEqual({
      id,
      action: "updated",
    });
    expect(await host.checks.report(running("text", "in_progress", { title: "U", text: "more" }))).toMatchObject({
      action: "updated",
    });
  });

  test("texts that GitHub would refuse are cut and say so", async () => {
    const long = "x".repeat(70_000);
    const bodies = await written(() => host.checks.report(ended("long", "success", { summary: long, text: long })));
    const output = bodies[0]?.["output"] as { summary: string; text: string };
    for (const part of [output.summary, output.text]) {
      expect(part.length).toBeLessThanOrEqual(65_535);
      expect(part).toContain("of 70000 characters are shown");
    }
    expect((await host.checks.report(ended("long", "success", { summary: long, text: long }))).action).toBe("kept");
  });
});

describe("buttons of a check run", () => {
  const action = { label: "Start canary", description: "Deploy this commit to a canary", identifier: "start-canary" };

  test("are sent with each state, and taken away by an empty list", async () => {
    const first = await written(() => host.checks.report(running("b", "queued", { actions: [action] })));
    const second = await written(() => host.checks.report(ended("b", "success", { actions: [] })));
    expect([first[0]?.["actions"], second[0]?.["actions"]]).toEqual([[action], []]);
  });

  test.each([
    ["four of them", [action, action, action, action]],
    ["a label of 21 characters", [{ ...action, label: "x".repeat(21) }]],
    ["a description of 41 characters", [{ ...action, description: "x".repeat(41) }]],
    ["an identifier of 21 characters", [{ ...action, identifier: "x".repeat(21) }]],
    ["a label without text", [{ ...action, label: "" }]],
  ])("%s are refused before GitHub is asked", async (_name, actions) => {
    const before = github.requests.length;
    await expect(host.checks.report(running("bad", "queued", { actions }))).rejects.toMatchObject({ code: "defect" });
    expect(github.requests).toHaveLength(before);
  });
});
