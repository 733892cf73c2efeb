import { describe, expect, test } from "@jest/globals";
import { Octokit } from "@octokit/rest";
import { gitText } from "../../src/github/git.ts";
import { openGitState } from "../../src/github/git-state.ts";
import { openRestState } from "../../src/github/rest-state.ts";
import { appendLine } from "./append-line.ts";
import { type Fault, type GitDataOptions, OWNER, REPO, startGitDataServer } from "./git-data-server.ts";
import { stateContract } from "./state-contract.ts";
import type { StateStore } from "../../src/github/state-port.ts";

const now = () => 1_700_000_000_123_456_789n;
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

stateContract("GitHub's Git Data API", async (options) => {
  const server = await startGitDataServer();
  return {
    writer: () => open(server.baseUrl, options),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
});

function open(baseUrl: string, options: { retries?: number; repo?: string; branch?: string } = {}): StateStore {
  const octokit = new Octokit({ baseUrl, log: silent });
  return openRestState({ owner: OWNER, repo: REPO, octokit, now, ...options });
}

const write = (store: StateStore, files: Record<string, string | null>) =>
  store.update("m", async () => ({ change: new Map(Object.entries(files)), value: undefined }));

async function withServer(options: GitDataOptions) {
  const server = await startGitDataServer(options);
  return { server, store: open(server.baseUrl) };
}

describe("what git sees", () => {
  test("commits of an orphan branch with the bot, the message and the clock's time; git reads the same state", async () => {
    await using server = await startGitDataServer();
    const store = open(server.baseUrl);
    await appendLine(store, "one");
    await appendLine(store, "two");
    const log = await gitText({
      args: ["log", "--format=%an|%ae|%cn|%at|%ct|%s|%P", "whetstone/state"],
      cwd: server.root,
    });
    const [second = "", first = ""] = log.split("\n");
    const bot = "whetstone[bot]|bot@whetstone.invalid|whetstone[bot]|1700000000|1700000000";
    expect(first).toBe(`${bot}|one|`);
    expect(second).toMatch(/\|two\|[0-9a-f]{40}$/);
    const same = await openGitState({ cwd: server.root, now }).view();
    expect(await same.read("log")).toBe("one\ntwo\n");
    expect(same.head).toBe((await store.view()).head);
    expect(await gitText({ args: ["fsck", "--strict"], cwd: server.root })).toBe("");
  });

  test("another's branch of that name is neither read as the state nor written; one that a person mended is", async () => {
    await using server = await startGitDataServer();
    const byHand = async (...args: string[]): Promise<string> => {
      const env = { GIT_AUTHOR_EMAIL: "ada@example.org", GIT_COMMITTER_EMAIL: "ada@example.org" };
      return await gitText({ args, cwd: server.root, env });
    };
    const other = open(server.baseUrl, { branch: "other" });
    await write(other, { "README.md": "mine\n" });
    const tree = await byHand("rev-parse", "other^{tree}");
    await byHand("update-ref", "refs/heads/whetstone/state", await byHand("commit-tree", tree, "-m", "work of mine"));
    const store = open(server.baseUrl);
    await expect((await store.view()).list("")).rejects.toMatchObject({ code: "state_foreign" });
    await expect(appendLine(store, "x")).rejects.toMatchObject({ code: "state_foreign" });
    await write(other, { "ledger-tip.json": "{}\n" });
    const mended = await byHand("commit-tree", await byHand("rev-parse", "other^{tree}"), "-m", "mended");
    await byHand("update-ref", "refs/heads/whetstone/state", mended);
    await appendLine(store, "x");
    expect(await (await store.view()).list("")).toEqual(["README.md", "ledger-tip.json", "log"]);
  });

  test("writes to the branch that it is told, whatever is in its name", async () => {
    await using server = await startGitDataServer();
    await write(open(server.baseUrl, { branch: "other/st#te" }), { a: "1" });
    expect(await gitText({ args: ["show", "refs/heads/other/st#te:a"], cwd: server.root })).toBe("1");
    expect((await open(server.baseUrl).view()).head).toBeUndefined();
  });

  test("stores each blob once, although a lost race makes the plan run again", async () => {
    await using server = await startGitDataServer();
    let raced = false;
    await open(server.baseUrl).update("slow", async () => {
      if (!raced) await write(open(server.baseUrl), { fast: "1" });
      raced = true;
      return { change: new Map([["slow", "2"]]), value: undefined };
    });
    expect(server.requests.filter((request) => request === "POST git/blobs")).toHaveLength(2);
    expect(server.requests.filter((request) => request === "POST git/commits")).toHaveLength(3);
  });

  test("writes nothing for a file that stays as it is", async () => {
    await using server = await startGitDataServer();
    const store = open(server.baseUrl);
    await write(store, { a: "1" });
    const before = server.requests.length;
    await write(store, { a: "1", gone: null });
    expect(server.requests.slice(before).filter((request) => !request.startsWith("GET "))).toEqual([]);
  });

  test("a branch that was reset under the writer is a lost race", async () => {
    await using server = await startGitDataServer();
    const store = open(server.baseUrl);
    await write(store, { a: "1" });
    let rounds = 0;
    await store.update("m", async (view) => {
      rounds += 1;
      if (rounds === 1) await gitText({ args: ["update-ref", "-d", "refs/heads/whetstone/state"], cwd: server.root });
      return { change: new Map([["b", (await view.read("a")) ?? "none"]]), value: undefined };
    });
    expect(rounds).toBe(2);
    expect(await (await store.view()).read("b")).toBe("none");
  });
});

describe("large trees", () => {
  const files = { "a/1": "1", "a/2": "2", "b/c/1": "3", "b/c/2": "4", top: "5" };

  test("a listing that GitHub cuts off is read folder by folder", async () => {
    const { server, store } = await withServer({ treeLimit: 3 });
    await using _ = server;
    await write(store, files);
    const view = await store.view();
    expect(await view.list("")).toEqual(Object.keys(files).sort());
    expect(await view.read("b/c/2")).toBe("4");
    await write(store, { "a/1": null, "b/c/3": "6" });
    expect(await (await store.view()).list("")).toEqual(["a/2", "b/c/1", "b/c/2", "b/c/3", "top"]);
  });

  test("a single folder over the limit is refused, not read in part", async () => {
    const { server, store } = await withServer({ treeLimit: 2 });
    await using _ = server;
    await write(store, files);
    await expect((await store.view()).list("")).rejects.toMatchObject({
      code: "api_failed",
      data: { folder: "", listed: 2 },
    });
    await expect(write(store, { more: "1" })).rejects.toMatchObject({ code: "api_failed" });
  });
});

describe("answers that are lost", () => {
  /** A fault at the first request of that name, none afterwards. */
  const once = (name: RegExp, fault: Fault) => {
    let done = false;
    return (request: string) => {
      if (done || !name.test(request)) return undefined;
      done = true;
      return fault;
    };
  };
  const broken = { status: 502, body: { message: "Server Error" } };

  test.each([
    ["502 instead of the answer", broken],
    ["the connection is cut", "cut" as const],
    ["an answer of another form", { status: 200, body: "half an ans" }],
  ])("%s, but the branch moved: the update counts, and happens once", async (_, reply) => {
    const { server, store } = await withServer({ fault: once(/^(POST|PATCH) git\/refs/, { when: "after", reply }) });
    await using _server = server;
    await appendLine(store, "first");
    expect(await (await store.view()).read("log")).toBe("first\n");
    await appendLine(store, "second");
    expect(await (await store.view()).read("log")).toBe("first\nsecond\n");
    expect(await gitText({ args: ["rev-list", "--count", "whetstone/state"], cwd: server.root })).toBe("2");
  });

  test.each([/^POST git\/blobs/, /^POST git\/trees/, /^POST git\/commits/, /^PATCH git\/refs/])(
    "a failure before %s leaves the old state, and the next run writes",
    async (name) => {
      let broke = false;
      const fault = (request: string): Fault | undefined =>
        broke && name.test(request) ? { when: "before", reply: broken } : undefined;
      const { server, store } = await withServer({ fault });
      await using _ = server;
      await appendLine(store, "first");
      broke = true;
      await expect(appendLine(store, "lost")).rejects.toMatchObject({ code: "api_failed", data: { status: 502 } });
      broke = false;
      await appendLine(store, "second");
      expect(await (await store.view()).read("log")).toBe("first\nsecond\n");
    },
  );

  test("says so when it cannot be known whether the branch moved", async () => {
    let down = false;
    const fault = (request: string): Fault | undefined => {
      if (request.startsWith("PATCH")) down = true;
      return down ? { when: "after", reply: "cut" } : undefined;
    };
    const { server, store } = await withServer({ fault });
    await using _ = server;
    await appendLine(store, "first");
    await expect(appendLine(store, "second")).rejects.toMatchObject({
      code: "api_failed",
      message: expect.stringContaining("not known whether whetstone/state received the commit"),
    });
  });
});

describe("refusals", () => {
  test("a repository that cannot be seen is an error, not an empty state", async () => {
    await using server = await startGitDataServer();
    await expect(open(server.baseUrl, { repo: "elsewhere" }).view()).rejects.toMatchObject({
      code: "api_failed",
      data: { status: 404 },
      remedy: expect.stringContaining("owner and name"),
    });
  });

  test("a rule that forbids the move is named, not taken for a lost race", async () => {
    const rule = { status: 422, body: { message: "Repository rule violations found" } };
    const fault = (request: string): Fault | undefined =>
      request.startsWith("POST git/refs") ? { when: "before", reply: rule } : undefined;
    const { server, store } = await withServer({ fault });
    await using _ = server;
    await expect(write(store, { a: "1" })).rejects.toMatchObject({
      code: "api_failed",
      message: expect.stringContaining("Repository rule violations found"),
    });
    expect(server.requests.filter((request) => request === "POST git/refs")).toHaveLength(1);
  });
});
