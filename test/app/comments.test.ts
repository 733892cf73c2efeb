import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { comments } from "../../src/app/comments.ts";
import { COMMANDS } from "../../src/app/commands/catalogue.ts";
import { usageOf } from "../../src/app/commands/parameters.ts";
import { RETRY } from "../../src/app/retry.ts";
import { BOT_LOGIN } from "../support/github.ts";
import { APP_ID, commentPayload } from "./payloads.ts";
import { startTalk, type Talk } from "./talk.ts";

nock.restore();

const BOT_ID = 49_699_333;
let talk: Talk;
beforeAll(async () => {
  talk = await startTalk({ "whetstone.yaml": `version: 1\napp: { bots: [${BOT_ID}] }\n` });
});
afterEach(() => talk.github.bend(undefined));
afterAll(async () => {
  expect(talk.github.violations).toEqual([]);
  await talk[Symbol.asyncDispose]();
});

const writes = (from: number) => talk.github.requests.slice(from).filter((one) => !one.startsWith("GET "));

describe("a command", () => {
  test.each(["/whetstone help", "/whetstone"])("%s answers with every command: 👀, one comment, 🎉", async (text) => {
    const { reactions, answer } = await talk.say(text);
    expect(reactions).toEqual(["eyes", "hooray"]);
    for (const command of COMMANDS) expect(answer).toContain(`- \`${usageOf(command)}\`: `);
  });

  test("👀 is the first thing that is written", async () => {
    const from = talk.github.requests.length;
    await talk.say("/whetstone help");
    expect(writes(from)[0]).toMatch(/^POST issues\/comments\/\d+\/reactions$/);
  });

  test("the answers stand in one comment, newest first", async () => {
    await talk.say("/whetstone status");
    const { answer } = await talk.say("/whetstone help");
    const own = (await talk.standing()).filter((body) => body.startsWith("<!-- whetstone:answer -->"));
    expect(own).toHaveLength(1);
    expect(answer.indexOf("### Whetstone\n")).toBeLessThan(answer.indexOf("### Whetstone status"));
  });

  test.each([
    ["/whetstone statsu", 'There is no command "statsu"', 'Did you mean "/whetstone status"?'],
    ["/whetstone frobnicate", 'There is no command "frobnicate"', "Known words: analyze, refine"],
    ["/whetstone help\n/whetstone status", "The comment holds 2 commands.", "one command per comment"],
    ["/whetstone help me", '"help" takes nothing after it, but "me" was there.', 'Write "/whetstone help"'],
    ["/whetstone canary", '"canary" is about a pull request', "on the pull request"],
    ["/whetstone approve x", '"x" is no id', "\\[ID\\]"],
    ["/whetstone validate", '"validate" needs a change', "session="],
    ["/whetstone refine sesion=replay:a.json", '"refine" has no "sesion"', 'Did you mean "session="?'],
    ["/whetstone refine session=replay:../x", "is no session", "replay:FILE"],
    ["/whetstone @octocat<b>", "@\u200boctocat&lt;b>", "Known words"],
  ])("%j is a usage error with 😕", async (text, message, remedy) => {
    const { reactions, answer } = await talk.say(text);
    expect(reactions).toEqual(["eyes", "confused"]);
    const said = answer.split("<!-- /whetstone:section -->")[0] ?? "";
    expect(said).toContain("### Whetstone: usage");
    expect(said.replaceAll("\u200b", "")).toContain(message.replaceAll("\u200b", ""));
    expect(said.replaceAll("\\", "")).toContain(remedy.replaceAll("\\", ""));
    expect(said).not.toContain("@octocat");
  });

  test("a comment of GitHub's greatest length with 1,000 commands is one usage error", async () => {
    const line = "/whetstone stop everything at once, now, please, all of it\n\n";
    const text = line.repeat(1_000).slice(0, 65_536);
    const from = talk.github.requests.length;
    const { reactions, answer } = await talk.say(text);
    expect(reactions).toEqual(["eyes", "confused"]);
    expect(answer).toContain("The comment holds 1000 commands.");
    expect(writes(from)).toHaveLength(3);
    expect(talk.lines.at(-1)?.length).toBeLessThan(300);
  });
});

test("an old delivery that is sent again, under whatever id, does nothing; a late one is heard", async () => {
  const DAY = 86_400_000;
  const written = Date.parse("2026-11-01T10:00:00Z");
  const say = (days: number, comment: number) => {
    const payload = commentPayload("/whetstone help", { id: comment, user: { id: 3, login: "ada", type: "User" } });
    const dated = { ...payload, issue: { number: talk.issue } };
    const sent = { ...dated, comment: { ...dated.comment, created_at: "2026-11-01T10:00:00Z" } };
    const event = { id: `again-${comment}`, receivedAt: written + days * DAY, payload: sent };
    return talk.say("", { comment, event });
  };
  const from = talk.github.requests.length;
  expect((await say(7.1, 700_001)).reactions).toEqual([]);
  expect(talk.github.requests.slice(from).filter((request) => !request.startsWith("GET issues/"))).toEqual([]);
  expect((await say(3, 700_002)).reactions).toEqual(["eyes", "hooray"]);
});

describe("who is heard", () => {
  test.each(["read", "triage", "none", "gone"])("a person with permission %s: 👎 and nothing else", async (level) => {
    talk.github.backend.people.permissions.set("mallory", level);
    const from = talk.github.requests.length;
    const { reactions } = await talk.say("/whetstone stop", { user: { id: 2, login: "mallory", type: "User" } });
    expect(reactions).toEqual(["-1"]);
    expect(writes(from)).toHaveLength(1);
  });

  test.each(["write", "maintain", "admin"])("a person with permission %s", async (level) => {
    talk.github.backend.people.permissions.set("grace", level);
    const { reactions } = await talk.say("/whetstone help", { user: { id: 4, login: "grace", type: "User" } });
    expect(reactions).toEqual(["eyes", "hooray"]);
  });

  test.each([
    ["a bot that is not listed", { id: 1, login: "renovate[bot]", type: "Bot" }],
    ["a bot with the name of the listed one and another id", { id: 5, login: "dependabot[bot]", type: "Bot" }],
    ["a person with the id of the listed bot", { id: BOT_ID, login: "nobody-known", type: "User" }],
    ["an organization", { id: BOT_ID, login: "octo-org", type: "Organization" }],
    ["an account that is gone", null],
  ])("%s is refused", async (_, user) => {
    const { reactions } = await talk.say("/whetstone help", { user });
    expect(reactions).toEqual(["-1"]);
  });

  test("the listed bot is heard, by its id", async () => {
    const { reactions } = await talk.say("/whetstone help", {
      user: { id: BOT_ID, login: "dependabot[bot]", type: "Bot" },
    });
    expect(reactions).toEqual(["eyes", "hooray"]);
  });

  test.each([
    ["under its own name", { user: { id: BOT_ID, login: BOT_LOGIN, type: "Bot" } }],
    ["through a person's account", { via: APP_ID }],
  ])("the App does not hear itself: %s", async (_name, said) => {
    const from = talk.github.requests.length;
    expect((await talk.say("/whetstone help", said)).reactions).toEqual([]);
    expect(writes(from)).toEqual([]);
  });

  test("what the App says of a command that quotes commands, mentions and closing words is no command and does nothing", async () => {
    await talk.say("/whetstone explain x\n\n@octocat fixes #1");
    await talk.say("/whetstone frob fixes #1 @octocat/team https://evil.test /whetstone stop");
    const { answer } = await talk.say("/whetstone status fixes #1");
    expect(answer).not.toMatch(/@octocat|[^\u200b]#1\b|https:\/\/evil/);
    const from = talk.github.requests.length;
    const quoted = answer
      .split("\n")
      .map((line) => `> ${line}`)
      .join("\n");
    for (const text of [answer, quoted]) expect((await talk.say(text)).reactions).toEqual([]);
    expect(writes(from)).toEqual([]);
  });

  test.each(["thank you", "> /whetstone status", "```\n/whetstone status\n```", "<!-- \n/whetstone status\n-->"])(
    "%j asks GitHub for nothing",
    async (text) => {
      const from = talk.github.requests.length;
      const payload = commentPayload(text);
      await comments.handle(talk.context({ name: "issue_comment.created", payload }));
      expect(talk.github.requests.slice(from)).toEqual([]);
    },
  );

  test("edits and deletions are not listened to", () => {
    expect(comments.events).toEqual(["issue_comment.created"]);
  });
});

describe("what GitHub answers badly", () => {
  const FAULTS = [500, 502, 401, 403, 429, "cut"] as const;

  test.each(FAULTS)("%s at any call is tried again, and the command is answered once", async (how) => {
    const from = talk.github.requests.length;
    await talk.say("/whetstone status");
    const calls = talk.github.requests.slice(from, -1).map((request) => request.split("?")[0] ?? "");
    const places = calls.map((call, index) => calls.slice(0, index).filter((one) => one === call).length);
    for (const [index, call] of calls.entries()) {
      // Each call meets two of the six.
      if ((index + FAULTS.indexOf(how)) % 3 !== 0) continue;
      const before = (await talk.standing()).length;
      const comment = 50_000 + FAULTS.indexOf(how) * 1_000 + index;
      let seen = 0;
      talk.github.bend((request) => {
        if (request.replace(String(comment), "") !== call.replace(/\d{4,}(?=\/reactions)/, "")) return undefined;
        seen += 1;
        if (seen !== (places[index] ?? 0) + 1) return undefined;
        return { when: "before", reply: how === "cut" ? how : { status: how, body: { message: "no" } } };
      });
      await talk.say("/whetstone status", { comment }).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "api_failed" });
      });
      talk.github.bend(undefined);
      const { reactions, answer } = await talk.say("/whetstone status", { comment, event: { attempt: 2 } });
      expect(reactions).toEqual(["eyes", "hooray"]);
      expect(answer.split(`section ${comment} `)).toHaveLength(2);
      expect((await talk.standing()).length).toBe(before);
    }
  });

  test("a refusal that will stay is the answer at once", async () => {
    talk.github.bend((request) =>
      request.startsWith("GET git/ref/")
        ? { when: "before", reply: { status: 422, body: { message: "no" } } }
        : undefined,
    );
    expect((await talk.say("/whetstone status")).reactions).toEqual(["eyes", "confused"]);
  });

  test("an answer that somebody deleted between two requests is written anew", async () => {
    await talk.say("/whetstone help");
    let gone = 0;
    talk.github.bend((request) => {
      if (!request.startsWith("PATCH issues/comments/")) return undefined;
      gone += 1;
      return gone === 1 ? { when: "before", reply: { status: 404, body: { message: "Not Found" } } } : undefined;
    });
    expect((await talk.say("/whetstone help")).reactions).toEqual(["eyes", "hooray"]);
    expect(gone).toBe(2);
  });

  test("at the last attempt it becomes the answer, and the delivery fails visibly", async () => {
    talk.github.bend((request) =>
      request.startsWith("GET git/ref/")
        ? { when: "before", reply: { status: 403, body: { message: "limit" } } }
        : undefined,
    );
    const comment = 70_000;
    const event = { attempt: RETRY.attempts };
    await expect(talk.say("/whetstone status", { comment, event })).rejects.toMatchObject({ code: "api_failed" });
    expect((await talk.standing()).join("\n")).toContain("### Whetstone: api_failed");
    expect(talk.github.backend.people.reactions).toContain(`${comment} confused`);
  });
});
