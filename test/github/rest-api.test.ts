import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Octokit } from "@octokit/rest";
import nock from "nock";
import { z } from "zod";
import { apiStatus, callGitHub, findOnGitHub } from "../../src/github/rest-api.ts";
import { openRestState } from "../../src/github/rest-state.ts";

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const octokit = new Octokit({ log: silent, auth: "secret-token" });
const repository = "/repos/octo-org/notes";
const state = openRestState({ owner: "octo-org", repo: "notes", octokit, now: () => 1_700_000_000_000_000_000n });
const tip = "1".repeat(40);
const call = {
  route: "GET /repos/{owner}/{repo}",
  parameters: { owner: "octo-org", repo: "notes" },
  answer: z.object({ id: z.number() }),
};

const github = () => nock("https://api.github.com");
beforeEach(() => {
  if (!nock.isActive()) nock.activate();
});
afterEach(() => {
  const unused = nock.pendingMocks();
  nock.cleanAll();
  expect(unused).toEqual([]);
});

describe("callGitHub", () => {
  test("gives the part of the answer that was asked for", async () => {
    github().get(repository).reply(200, { id: 7, name: "notes" });
    expect(await callGitHub(octokit, call)).toEqual({ id: 7 });
  });

  const limits = [
    { status: 403, headers: { "retry-after": "60" }, facts: { retryAfterSeconds: 60 }, remedy: "again in 60 s." },
    { status: 429, headers: { "retry-after": "7" }, facts: { retryAfterSeconds: 7 }, remedy: "again in 7 s." },
    {
      status: 403,
      headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000000" },
      facts: { quotaResetsAt: "2023-11-14T22:13:20.000Z" },
      remedy: "run it again after 2023-11-14T22:13:20.000Z",
    },
    { status: 429, headers: {}, facts: {}, remedy: "in a few minutes" },
  ];
  test.each(limits)("rate limit $status $headers: api_failed says when to come back", async (limit) => {
    const { status, headers, facts, remedy } = limit;
    github().get(repository).reply(status, { message: "You have exceeded a rate limit" }, headers);
    await expect(callGitHub(octokit, call)).rejects.toMatchObject({
      code: "api_failed",
      exitCode: 1,
      remedy: expect.stringContaining(remedy),
      data: { route: call.route, status, said: "You have exceeded a rate limit", ...facts },
    });
  });

  test.each([
    [401, "not valid"],
    [403, "lacks a permission"],
    [404, "owner and name"],
    [422, "See what GitHub says"],
    [500, "GitHub's side"],
    [503, "GitHub's side"],
  ])("%i: the remedy fits", async (status, remedy) => {
    const headers = { "x-ratelimit-remaining": "4999", "x-ratelimit-reset": "1700000000" };
    github().get(repository).reply(status, { message: "No", documentation_url: "https://docs.github.com/x" }, headers);
    const error = await callGitHub(octokit, call).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "api_failed",
      message: `GET /repos/{owner}/{repo}: GitHub answered ${status} (No).`,
      remedy: expect.stringContaining(remedy),
      data: { route: call.route, status, said: "No" },
    });
    expect(error).not.toHaveProperty("data.quotaResetsAt");
    expect(apiStatus(error)).toBe(status);
  });

  test("a connection that is cut has no status, and the error shows no token", async () => {
    github().get(repository).replyWithError("socket hang up");
    const error = await callGitHub(octokit, call).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "api_failed", message: expect.stringContaining("no answer from GitHub") });
    expect(apiStatus(error)).toBeUndefined();
    const { inspect } = await import("node:util");
    expect(inspect(error, { depth: 10 })).not.toContain("secret-token");
  });

  test.each([
    ["cut in the middle", '{"id": 7, "na'],
    ["of another form", '{"id": "seven"}'],
    ["a page of a proxy", "<html>"],
  ])("an answer that is %s is api_failed", async (_, body) => {
    github().get(repository).reply(200, body, { "content-type": "application/json" });
    await expect(callGitHub(octokit, call)).rejects.toMatchObject({ code: "api_failed", data: { route: call.route } });
  });

  test("findOnGitHub takes 404 for absent, and nothing else", async () => {
    github().get(repository).reply(404, { message: "Not Found" });
    expect(await findOnGitHub(octokit, call)).toBeUndefined();
    github().get(repository).reply(410, { message: "Gone" });
    await expect(findOnGitHub(octokit, call)).rejects.toMatchObject({ data: { status: 410 } });
  });
});

describe("an update that GitHub interrupts", () => {
  const tree = { tree: [], truncated: false };
  const author = { name: "whetstone[bot]", email: "bot@whetstone.invalid", date: "2023-11-14T22:13:20.000Z" };
  const ref = { object: { sha: tip, type: "commit" } };
  const change = () => state.update("m", async () => ({ change: new Map([["a", "text"]]), value: "written" }));

  /** Everything up to the move of the branch; the blob is stored by the first attempt only. */
  function upToTheMove(attempt = 1): nock.Scope {
    if (attempt === 1) {
      github()
        .post(`${repository}/git/blobs`, { content: "dGV4dA==", encoding: "base64" })
        .reply(201, { sha: "3".repeat(40) });
    }
    return github()
      .get(`${repository}/git/ref/heads%2Fwhetstone%2Fstate`)
      .reply(200, ref)
      .get(`${repository}/git/commits/${tip}`)
      .twice()
      .reply(200, { tree: { sha: "2".repeat(40) }, parents: [], message: "m", committer: author })
      .get(`${repository}/git/trees/${"2".repeat(40)}?recursive=1`)
      .reply(200, tree)
      .post(`${repository}/git/trees`)
      .reply(201, { sha: "4".repeat(40) })
      .post(`${repository}/git/commits`, { parents: [tip], tree: "4".repeat(40), message: "m", author })
      .reply(201, { sha: "5".repeat(40) });
  }
  const move = `${repository}/git/refs/heads%2Fwhetstone%2Fstate`;
  const body = { sha: "5".repeat(40), force: false };

  test("a rate limit at the move is reported as such and asks GitHub for nothing more", async () => {
    upToTheMove().patch(move, body).reply(403, { message: "secondary rate limit" }, { "retry-after": "30" });
    await expect(change()).rejects.toMatchObject({ code: "api_failed", data: { status: 403, retryAfterSeconds: 30 } });
  });

  test("a refused move whose branch still reads as before, as a late replica would, is planned again", async () => {
    upToTheMove().patch(move, body).reply(422, { message: "Update is not a fast forward" });
    github().get(`${repository}/git/ref/heads%2Fwhetstone%2Fstate`).reply(200, ref);
    upToTheMove(2)
      .patch(move, body)
      .reply(200, { object: { sha: "5".repeat(40), type: "commit" } });
    expect(await change()).toBe("written");
  });

  test("502 at the move, and the branch reads as before: api_failed, the old state stands", async () => {
    upToTheMove().patch(move, body).reply(502, { message: "Server Error" });
    github().get(`${repository}/git/ref/heads%2Fwhetstone%2Fstate`).reply(200, ref);
    await expect(change()).rejects.toMatchObject({ code: "api_failed", data: { status: 502 } });
  });

  test("502 at the move, and the branch is elsewhere: says that it is not known", async () => {
    upToTheMove().patch(move, body).reply(502, { message: "Server Error" });
    github()
      .get(`${repository}/git/ref/heads%2Fwhetstone%2Fstate`)
      .reply(200, { object: { sha: "6".repeat(40), type: "commit" } });
    await expect(change()).rejects.toMatchObject({ data: { commit: "5".repeat(40), branch: "whetstone/state" } });
  });

  test("a connection cut at the move, and the branch is where it should be: written", async () => {
    upToTheMove().patch(move, body).replyWithError("socket hang up");
    github()
      .get(`${repository}/git/ref/heads%2Fwhetstone%2Fstate`)
      .reply(200, { object: { sha: "5".repeat(40), type: "commit" } });
    expect(await change()).toBe("written");
  });

  test("a repository without any commit is refused with what GitHub says", async () => {
    github().get(`${repository}/git/ref/heads%2Fwhetstone%2Fstate`).reply(409, { message: "Git Repository is empty." });
    await expect(change()).rejects.toMatchObject({ message: expect.stringContaining("Git Repository is empty.") });
  });
});
