import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { Octokit } from "@octokit/core";
import { comments } from "../../src/app/comments.ts";
import type { GitHubGraph } from "../../src/github/graphql.ts";
import { manualClock } from "../../src/model/time.ts";
import { openRepository } from "../../src/wire-app.ts";
import { INSTALLATION_TOKEN, startGitHubServer } from "./github-server.ts";
import { APP_ID, type CommentPayload, commentPayload, ISSUE, OWNER, REPO } from "./payloads.ts";
import { newAppKey } from "./rsa-key.ts";

const MARKER = "<!-- whetstone:answer -->";
const repository = `/repos/${OWNER}/${REPO}`;
const thread = `${repository}/issues/${ISSUE}/comments`;
const github = () => nock("https://api.github.com");

/** A client that repeats nothing: what a command makes of an answer is looked at here, not the patience of clients. */
function clientAt(baseUrl = "https://api.github.com"): GitHubGraph {
  const octokit = new Octokit({ auth: INSTALLATION_TOKEN, baseUrl });
  return {
    request: (route, parameters) => octokit.request(route, parameters),
    graphql: (query, variables) => octokit.graphql(query, variables),
  };
}

/** Runs the handler on one delivery; GitHub is at nock's edge unless another client is given. */
async function deliver(payload: CommentPayload, client = clientAt()): Promise<void> {
  const clock = manualClock();
  const self = { appId: APP_ID, login: "whetstone[bot]" };
  const place = { owner: OWNER, repo: REPO, self, client, clock, folder: "/nowhere", run: "delivery-1" };
  const event = { id: "delivery-1", name: `issue_comment.${payload.action}`, payload, attempt: 1, receivedAt: 0 };
  if (!comments.events.includes(event.name)) return;
  const context = { event, repository: openRepository(place), clock };
  await comments.handle({ ...context, schedule: async () => undefined, log: () => undefined });
}

const permission = (level: string, login = "monalisa") =>
  github().get(`${repository}/collaborators/${login}/permission`).reply(200, { permission: level });
const reaction = (content: string) =>
  github().post(`${repository}/issues/comments/1001/reactions`, { content }).reply(201, { id: 1, content });
const listed = (found: readonly unknown[], page = 1) =>
  github().get(`${thread}?per_page=100&page=${page}`).reply(200, found);
const own = (id: number, body = `${MARKER}\nold`) => ({ id, body, performed_via_github_app: { id: APP_ID } });

/** Expects a comment to be made, or changed at `path`; resolves with its text. */
function written(at: { readonly post: string } | { readonly patch: string }, status = 201): Promise<string> {
  return new Promise((resolve) => {
    const take = (body: { body: string }): boolean => {
      resolve(body.body);
      return true;
    };
    const scope = github();
    const interceptor = "post" in at ? scope.post(at.post, take) : scope.patch(at.patch, take);
    interceptor.reply(status, { id: 5, message: "said by GitHub" });
  });
}

/** No run is recorded: the branch is absent, the repository is there. */
function emptyState(): void {
  github().get(`${repository}/git/ref/heads%2Fwhetstone%2Fstate`).reply(404, { message: "Not Found" });
  github().get(repository).reply(200, { id: 1 });
}

beforeEach(() => {
  if (!nock.isActive()) nock.activate();
});
afterEach(() => {
  const unused = nock.pendingMocks();
  nock.cleanAll();
  expect(unused).toEqual([]);
});

describe("commands", () => {
  test.each(["/whetstone help", "/whetstone"])("%s answers with every command: 👀, one comment, 🎉", async (text) => {
    permission("write");
    reaction("eyes");
    listed([{ id: 1, body: "hello" }]);
    const body = written({ post: thread });
    reaction("hooray");
    await deliver(commentPayload(text));
    expect((await body).startsWith(`${MARKER}\n`)).toBe(true);
    expect(await body).toContain("- `/whetstone help`: ");
    expect(await body).toContain("- `/whetstone status`: ");
  });

  test("status updates the App's own comment in place", async () => {
    permission("admin");
    reaction("eyes");
    emptyState();
    listed([{ id: 1, body: "hello" }, own(77)]);
    const body = written({ patch: `${repository}/issues/comments/77` }, 200);
    reaction("hooray");
    await deliver(commentPayload("Please:\n\n/whetstone status\n"));
    expect(await body).toContain("As of 2023-11-14T22:13:20.000Z, nothing is recorded yet.");
    expect(await body).toContain("No outcome is recorded.");
  });

  test("what GitHub answers badly while a command works becomes the answer, with 😕", async () => {
    permission("write");
    reaction("eyes");
    github()
      .get(`${repository}/git/ref/heads%2Fwhetstone%2Fstate`)
      .reply(403, { message: "limit" }, { "retry-after": "60" });
    listed([]);
    const body = written({ post: thread });
    reaction("confused");
    await deliver(commentPayload("/whetstone status"));
    expect(await body).toContain("### Whetstone: api_failed");
    expect(await body).toContain("run it again in 60 s.");
  });

  test.each([
    ["/whetstone statsu", 'There is no command "statsu"', 'Did you mean "/whetstone status"?'],
    ["/whetstone frobnicate", 'There is no command "frobnicate"', "Known words: help, status."],
    ["/whetstone help\n/whetstone status", "The comment holds 2 commands.", "one command per comment"],
    [
      "/whetstone status of notes",
      '"status" takes nothing after it, but "of notes" was there.',
      "on a line of its own",
    ],
    ["/whetstone @octocat<b>", "@\u200boctocat&lt;b>", "Known words"],
  ])("%j is a usage error with 😕", async (text, message, remedy) => {
    permission("write");
    reaction("eyes");
    listed([]);
    const body = written({ post: thread });
    reaction("confused");
    await deliver(commentPayload(text));
    expect(await body).toContain("### Whetstone: usage");
    expect(await body).toContain(message);
    expect(await body).toContain(remedy);
  });
});

describe("who may command", () => {
  test.each(["read", "triage", "maintain", "none", "owner"])("permission %s: 👎 and nothing else", async (level) => {
    permission(level);
    reaction("-1");
    await deliver(commentPayload("/whetstone status"));
  });

  test("no collaborator at all: 👎 and nothing else", async () => {
    github().get(`${repository}/collaborators/monalisa/permission`).reply(404, { message: "Not Found" });
    reaction("-1");
    await deliver(commentPayload("/whetstone status"));
  });

  test.each([
    ["a bot", { login: "whetstone[bot]", type: "Bot" }],
    ["an organization", { login: "octo-org", type: "Organization" }],
    ["an account that is gone", null],
  ])("%s is refused without asking for its permission", async (_, user) => {
    reaction("-1");
    await deliver(commentPayload("/whetstone status", { user }));
  });

  test("a person whose name looks like a bot's is asked for as everybody else", async () => {
    permission("write", "renovate%5Bbot%5D");
    reaction("eyes");
    listed([]);
    const body = written({ post: thread });
    reaction("hooray");
    await deliver(commentPayload("/whetstone help", { user: { login: "renovate[bot]", type: "User" } }));
    expect(await body).toContain(MARKER);
  });

  test("when the permission cannot be had, nothing is done and the delivery fails", async () => {
    github().get(`${repository}/collaborators/monalisa/permission`).reply(500, { message: "down" });
    await expect(deliver(commentPayload("/whetstone status"))).rejects.toThrow(/GitHub answered 500/);
  });
});

describe("what is no command", () => {
  test.each(["thank you", "> /whetstone status", "```\n/whetstone status\n```", "<!-- \n/whetstone status\n-->"])(
    "%j asks GitHub for nothing",
    (text) => deliver(commentPayload(text)),
  );

  test.each(["edited", "deleted"])("a comment that is %s asks GitHub for nothing", (action) =>
    deliver({ ...commentPayload("/whetstone status"), action }),
  );
});

describe("the App's one comment", () => {
  /** A writer asks for help; `expectWrite` says where the answer must go. */
  async function askForHelp(expectWrite: () => Promise<string>): Promise<string> {
    permission("write");
    reaction("eyes");
    const body = expectWrite();
    reaction("hooray");
    await deliver(commentPayload("/whetstone help"));
    return await body;
  }

  test("is not one that somebody else gave the marker", async () => {
    const copies = [
      { id: 7, body: `${MARKER}\nforged`, performed_via_github_app: null },
      { id: 8, body: `${MARKER}\nforged`, performed_via_github_app: { id: APP_ID + 1 } },
      { id: 9, body: `> ${MARKER}`, performed_via_github_app: { id: APP_ID } },
    ];
    listed(copies);
    expect(await askForHelp(() => written({ post: thread }))).toContain(MARKER);
  });

  test("is found on a later page", async () => {
    listed(Array.from({ length: 100 }, (_, id) => ({ id, body: "talk" })));
    listed([own(505)], 2);
    expect(await askForHelp(() => written({ patch: `${repository}/issues/comments/505` }, 200))).toContain(MARKER);
  });

  test("is made anew when it was deleted in the meantime", async () => {
    listed([own(77)]);
    github().patch(`${repository}/issues/comments/77`).reply(404, { message: "Not Found" });
    expect(await askForHelp(() => written({ post: thread }))).toContain(MARKER);
  });

  test("stays one when several commands come", async () => {
    await using server = await startGitHubServer(newAppKey());
    server.permissions.set("monalisa", "write");
    const client = clientAt(server.git.baseUrl);
    const texts = ["/whetstone help", "/whetstone status", "/whetstone x"];
    // The queue does works of one issue one after the other.
    for (const text of texts) await deliver(commentPayload(text), client);
    expect([...server.comments.keys()]).toEqual([500]);
    const writes = server.effects.filter((effect) => effect.includes("comment"));
    expect(writes).toEqual(["POST comment 500", "PATCH comment 500", "PATCH comment 500"]);
  });

  test("when it cannot be written: 😕, and the delivery fails", async () => {
    permission("write");
    reaction("eyes");
    listed([]);
    github().post(thread).reply(403, { message: "locked" });
    reaction("confused");
    await expect(deliver(commentPayload("/whetstone help"))).rejects.toThrow(/locked/);
  });

  test("the failure to write is told even when the reaction fails too", async () => {
    permission("write");
    reaction("eyes");
    listed([]);
    github().post(thread).reply(403, { message: "locked" });
    github().post(`${repository}/issues/comments/1001/reactions`).reply(500, { message: "also down" });
    await expect(deliver(commentPayload("/whetstone help"))).rejects.toThrow(/locked/);
  });
});
