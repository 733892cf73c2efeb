import { createHmac } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { openWorkQueue } from "../../src/app/work/open.ts";
import { serverless } from "../../src/serverless.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { startGitHub } from "../support/github.ts";
import { installedApp } from "./stop/app.ts";
import { type GitHubServer, startGitHubServer } from "./github-server.ts";
import { APP_ID, commentPayload } from "./payloads.ts";
import { newAppKey } from "./rsa-key.ts";

nock.restore();

const SECRET = "a-webhook-secret";
const key = newAppKey();
let github: GitHubServer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const lines: string[] = [];
const write = (line: string): void => void lines.push(line);

beforeAll(async () => {
  [github, folder] = await Promise.all([startGitHubServer(key), temporaryFolder()]);
});
afterAll(async () => {
  await github[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const env = () => ({
  APP_ID: String(APP_ID),
  PRIVATE_KEY: key.pem,
  WEBHOOK_SECRET: SECRET,
  GHE_HOST: github.host,
  GHE_PROTOCOL: "http",
  DATABASE_URL: join(folder.path, "queue.db"),
});

/** A delivery as GitHub sends it. */
function delivery(id: string, secret = SECRET): Request {
  const user = { login: "visitor", id: 5, type: "User" };
  const body = JSON.stringify(commentPayload("/whetstone help", { user, id: Number(id.slice(2)) }));
  const headers = {
    "content-type": "application/json",
    "x-github-event": "issue_comment",
    "x-github-delivery": id,
    "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
  };
  return new Request("https://app.example.com/api/github/webhooks", { method: "POST", headers, body });
}

describe("whetstone/serverless", () => {
  test("verifies, keeps and works off within the call; the same delivery again does nothing", async () => {
    const { webhook } = serverless({ env: env(), write, deadlineMs: 60_000 });
    const response = await webhook(delivery("s-1"));
    expect([response.status, await response.text()]).toEqual([202, "added\n"]);
    // A visitor without write permission: a thumb down, and that is all.
    expect(github.effects).toEqual(["-1"]);
    expect(await (await webhook(delivery("s-1"))).text()).toBe("known\n");
    expect(github.effects).toHaveLength(1);
    expect((await webhook(delivery("s-2", "another secret"))).status).toBe(401);
    expect((await webhook(new Request("https://app.example.com/"))).status).toBe(405);
    await using queue = await openWorkQueue({ url: env().DATABASE_URL });
    expect(await queue.counts(Date.now())).toEqual({ waiting: 0, running: 0, dead: 0 });
    expect(await queue.known(["s-1", "s-2"])).toEqual(new Set(["s-1"]));
  });

  test("what had no time is done by the next call or by the schedule", async () => {
    const before = github.effects.length;
    expect((await serverless({ env: env(), write, deadlineMs: 0 }).webhook(delivery("s-3"))).status).toBe(202);
    expect(github.effects).toHaveLength(before);
    const { tick } = serverless({ env: env(), write, deadlineMs: 60_000 });
    expect(await (await tick()).text()).toBe("1 done, 0 missed\n");
    expect(github.effects).toHaveLength(before + 1);
  });

  test("the schedule finds the variable that stops a repository, and does what is due where it cannot look", async () => {
    const app = installedApp();
    await using counterpart = await startGitHub({ app });
    counterpart.backend.variables.set("WHETSTONE_STOP", "1");
    const DATABASE_URL = join(folder.path, "stops.db");
    const { tick } = serverless({
      env: {
        APP_ID: String(app.appId),
        PRIVATE_KEY: app.privateKey,
        WEBHOOK_SECRET: app.webhookSecret,
        GHE_HOST: new URL(counterpart.baseUrl).host,
        GHE_PROTOCOL: "http",
        DATABASE_URL,
      },
      write,
      deadlineMs: 0,
    });
    const refuse = { when: "before", reply: { status: 403, body: { message: "no" } } } as const;
    counterpart.bend((request) => (request === "GET /app/installations" ? refuse : undefined));
    expect(await (await tick()).text()).toBe("0 done, 0 missed\n");
    expect(lines.join("")).toContain("WHETSTONE_STOP could not be looked at");
    counterpart.bend(undefined);
    expect((await tick()).status).toBe(200);
    await using queue = await openWorkQueue({ url: DATABASE_URL });
    expect((await queue.counts(Date.now())).waiting).toBe(1);
    expect((await queue.claim(Date.now(), 60_000))?.event).toBe("task.stop-asked");
  });

  test("without a queue that stays it answers 500, and says in the log alone what is missing", async () => {
    const { DATABASE_URL: _, ...without } = env();
    const response = await serverless({ env: without, write }).webhook(delivery("s-4"));
    expect([response.status, await response.text()]).toEqual([500, "It could not be handled.\n"]);
    expect(lines.join("")).toContain("DATABASE_URL is not set");
    expect(lines.join("")).not.toMatch(/PRIVATE KEY|a-webhook-secret/);
  });
});
