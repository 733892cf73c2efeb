import { type ChildProcess, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { openGitState } from "../../src/github/git-state.ts";
import { manualClock } from "../../src/model/time.ts";
import { recordRun } from "../../src/protect/outcomes.ts";
import { startGitHubServer, type GitHubServer } from "../app/github-server.ts";
import { APP_ID, type CommentPayload, commentPayload } from "../app/payloads.ts";
import { newAppKey } from "../app/rsa-key.ts";
import { recordedRun } from "../app/recorded-run.ts";
import { temporaryFolder } from "../support/git-repository.ts";

const WHETSTONE = join(import.meta.dirname, "../../bin/whetstone.js");
const SECRET = "a-webhook-secret-that-nobody-prints";
const key = newAppKey();

/** `whetstone serve` as a process of its own. */
type Served = { readonly child: ChildProcess; readonly url: string; readonly output: () => string };

function run(args: readonly string[], env: Readonly<Record<string, string>>, cwd?: string) {
  const child = spawn(process.execPath, [WHETSTONE, "serve", ...args], {
    ...(cwd !== undefined && { cwd }),
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.err += text));
  return { child, said, closed: once(child, "close") as Promise<[number | null, string | null]> };
}

async function serve(
  github: GitHubServer,
  cwd: string,
): Promise<Served & { readonly closed: Promise<[number | null, string | null]> }> {
  const env = { APP_ID: String(APP_ID), PRIVATE_KEY: key.pem, WEBHOOK_SECRET: SECRET };
  const process = run(
    ["--port", "0", "--json", "--db", "kept/app.db"],
    { ...env, GHE_HOST: github.host, GHE_PROTOCOL: "http" },
    cwd,
  );
  const { child, said, closed } = process;
  while (!/^\}$/m.test(said.out)) {
    await Promise.race([once(child.stdout, "data"), closed]);
    if (child.exitCode !== null) throw new Error(`serve ended: ${said.err}`);
  }
  const { url } = JSON.parse(said.out) as { url: string };
  return { child, url, closed, output: () => said.out + said.err };
}

let deliveries = 0;

/** Delivers as GitHub does, each time with an id of its own; `signature` replaces the right one. */
function deliver(served: Served, payload: CommentPayload, signature?: string): Promise<Response> {
  deliveries += 1;
  // No two events of GitHub have one body: they carry the time of what happened.
  const body = JSON.stringify({ ...payload, at: deliveries });
  const right = `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`;
  const headers = {
    "Content-Type": "application/json",
    "X-GitHub-Event": "issue_comment",
    "X-GitHub-Delivery": `0b989ba4-242f-11e5-81e1-${deliveries}`,
    "X-Hub-Signature-256": signature ?? right,
  };
  return fetch(`${served.url}/api/github/webhooks`, { method: "POST", headers, body });
}

describe("whetstone serve", () => {
  let github: GitHubServer;
  let served: Awaited<ReturnType<typeof serve>>;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let before = 0;
  const effects = () => github.effects.slice(before);
  /** Resolves when as many effects are there: work is done after the answer. */
  const effectsOnceThere = async (count: number) => {
    while (effects().length < count) await github.changed();
    return effects();
  };

  beforeAll(async () => {
    github = await startGitHubServer(key);
    github.permissions.set("monalisa", "write").set("visitor", "read");
    const clock = manualClock();
    await recordRun(openGitState({ cwd: github.git.root, now: clock.now }), recordedRun("20261120T100000Z-abc"), clock);
    folder = await temporaryFolder();
    served = await serve(github, folder.path);
  });
  beforeEach(() => {
    before = github.effects.length;
  });
  afterAll(async () => {
    served.child.kill("SIGKILL");
    await served.closed;
    await github[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test("listens on the loopback interface, alive and ready", async () => {
    expect(served.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    for (const probe of ["healthz", "readyz"]) expect((await fetch(`${served.url}/${probe}`)).status).toBe(200);
  });

  test.each([
    ["of another secret", `sha256=${createHmac("sha256", "guess").update("{}").digest("hex")}`],
    ["that is none", "sha256=00"],
    ["that is empty", ""],
  ])("a signature %s is refused, and nothing happens", async (_, signature) => {
    const asked = github.git.requests.length;
    expect((await deliver(served, commentPayload("/whetstone status"), signature)).status).toBe(401);
    // What was missed, and where the App is installed, is asked for by the server itself, when it comes to it.
    const own = ["GET /app/hook/deliveries", "GET /app/installations"];
    const unasked = github.git.requests.slice(asked).filter((request) => !own.includes(request));
    expect(unasked).toEqual([]);
  });

  test("a delivery without signature is refused", async () => {
    const response = await fetch(`${served.url}/api/github/webhooks`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-GitHub-Event": "issue_comment", "X-GitHub-Delivery": "1" },
      body: JSON.stringify(commentPayload("/whetstone status")),
    });
    expect(response.status).toBe(401);
    expect(effects()).toEqual([]);
  });

  test("/whetstone status is answered from the state branch, in one comment that is then updated", async () => {
    expect((await deliver(served, commentPayload("/whetstone status"))).status).toBe(202);
    expect(await effectsOnceThere(3)).toEqual(["eyes", "POST comment 500", "hooray"]);
    const body = github.comments.get(500) ?? "";
    expect(body).toContain("newest first: 1 of 1;");
    expect(body).toContain("p-20261120T100000Z-abc");
    expect((await deliver(served, commentPayload("/whetstone help"))).status).toBe(202);
    expect((await effectsOnceThere(6)).slice(3)).toEqual(["eyes", "PATCH comment 500", "hooray"]);
    expect(github.comments.get(500)).toContain("`/whetstone status");
    expect(github.comments.size).toBe(1);
  });

  test("an edit is no command; a person without write permission gets 👎 and nothing else", async () => {
    const command = commentPayload("/whetstone status");
    const edited = await deliver(served, { ...command, action: "edited" });
    expect([edited.status, await edited.text()]).toEqual([202, "ignored\n"]);
    const user = { id: 8, login: "visitor", type: "User" };
    expect((await deliver(served, commentPayload("/whetstone status", { user }))).status).toBe(202);
    expect(await effectsOnceThere(1)).toEqual(["-1"]);
  });

  test("SIGTERM waits for the command under way, then the process ends with 0; no secret was printed", async () => {
    const asked = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    github.hold = () => {
      asked.resolve();
      return go.promise;
    };
    expect((await deliver(served, commentPayload("/whetstone help"))).status).toBe(202);
    await asked.promise;
    served.child.kill("SIGTERM");
    // The port is given up before the work is done.
    await expect(
      (async () => {
        for (;;) await fetch(`${served.url}/healthz`);
      })(),
    ).rejects.toThrow();
    go.resolve();
    expect(await served.closed).toEqual([0, null]);
    // The answer stands there already, word for word.
    expect(effects()).toEqual(["eyes", "hooray"]);
    expect(served.output()).toContain("Stopped.");
    expect(served.output()).toMatch(/There was no store at [^"]*kept\/app\.db; an empty one was made\./);
    expect(served.output()).toContain("/whetstone help by monalisa: done");
    expect(served.output()).toContain('"key":"octo-org/notes#12"');
    expect(served.output()).not.toMatch(new RegExp(`${SECRET}|PRIVATE KEY|ghs_|eyJ`));
  });
});

describe("whetstone serve --setup", () => {
  test("offers the page that makes the App to whoever has the address, without credentials or keys", async () => {
    await using folder = await temporaryFolder();
    const { child, said, closed } = run(
      ["--port", "0", "--json", "--setup", "http://localhost:3000/"],
      {},
      folder.path,
    );
    while (!/^\}$/m.test(said.out)) {
      await Promise.race([once(child.stdout, "data"), closed]);
      if (child.exitCode !== null) throw new Error(`serve ended: ${said.err}`);
    }
    const { url, setup } = JSON.parse(said.out) as { url: string; setup: string };
    const page = await fetch(setup.replace("http://localhost:3000", url));
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("Go on to GitHub")]);
    expect((await fetch(`${url}/setup`)).status).toBe(403);
    child.kill("SIGTERM");
    expect(await closed).toEqual([0, null]);
  });

  test.each([
    [["--setup", "whetstone.example.com"]],
    [["--setup", "http://whetstone.example.com"]],
    [["--setup", "https://a:b@whetstone.example.com"]],
    [["--setup", "https://whetstone.example.com", "--organisation", "../x"]],
  ])("%j: exit 2", async (args) => {
    const { said, closed } = run(["--port", "0", ...args], {});
    expect(await closed).toEqual([2, null]);
    expect(said.err).toContain("error (usage): ");
  });
});

describe("whetstone serve refuses to start", () => {
  const complete = { APP_ID: String(APP_ID), PRIVATE_KEY: key.pem, WEBHOOK_SECRET: SECRET };

  test.each([
    [[], {}, "needs APP_ID, PRIVATE_KEY or PRIVATE_KEY_PATH, WEBHOOK_SECRET in the environment"],
    [[], { ...complete, WEBHOOK_SECRET: "" }, "needs WEBHOOK_SECRET in the environment"],
    [["--port", "70000"], complete, '"70000" is not a port'],
    [["--port", "http"], complete, '"http" is not a port'],
    [["--host", "203.0.113.1"], complete, "203.0.113.1:3000 cannot be listened on"],
  ])("%j: exit 2 and what to do", async (args, env, message) => {
    const { said, closed } = run(args, env);
    expect(await closed).toEqual([2, null]);
    expect(said.err).toContain(`error (usage): `);
    expect(said.err).toContain(message);
    expect(said.out).toBe("");
  });

  test("without Probot it says how to install it", async () => {
    await using folder = await temporaryFolder();
    const hook = join(folder.path, "no-probot.mjs");
    // Probot resolves to a package that is not there, as on a machine without it.
    await writeFile(
      hook,
      `import { registerHooks } from "node:module";
       registerHooks({ resolve: (name, context, next) => next(name === "probot" ? "not-probot" : name, context) });`,
    );
    const { said, closed } = run([], { ...complete, NODE_OPTIONS: `--import=${hook}` });
    expect(await closed).toEqual([2, null]);
    expect(said.err).toContain("npm install probot@14");
  });
});
