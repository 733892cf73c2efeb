import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import nock from "nock";
import { z } from "zod";
import { StopRecord } from "../../src/model/stop.ts";
import type { Role } from "../../src/model/role.ts";
import { systemClock } from "../../src/wire.ts";
import { newApiKey } from "../../src/protect/api-key.ts";
import { openKeyFolder } from "../../src/protect/key-store.ts";
import { installedApp, LOOP } from "../app/stop/app.ts";
import { countingBytes } from "../protect/random-bytes.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { type GitHub, OWNER, REPO, startGitHub } from "../support/github.ts";
import { type Running, startWhetstone } from "../support/whetstone.ts";

nock.restore();

const app = installedApp();
const random = countingBytes();
let github: GitHub;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let running: Running;
let url: string;
let log = "";
const NAME = `${OWNER}/${REPO}`;

/** `whetstone serve` with the App on the counterpart; resolves when it listens. */
async function serve(): Promise<void> {
  running = startWhetstone(["serve", "--port", "0", "--json"], {
    cwd: folder.path,
    env: {
      APP_ID: String(app.appId),
      PRIVATE_KEY: app.privateKey,
      WEBHOOK_SECRET: app.webhookSecret,
      GHE_HOST: new URL(github.baseUrl).host,
      GHE_PROTOCOL: "http",
    },
  });
  let text = "";
  const ended = running.ended.then(({ err }) => Promise.reject(new Error(`serve ended: ${err}`)));
  running.child.stdout?.on("data", (more: string) => (text += more));
  running.child.stderr?.on("data", (more: string) => (log += more));
  while (!/^\}$/m.test(text)) await Promise.race([once(running.child.stdout ?? process, "data"), ended]);
  ended.catch(() => undefined); // from here on it ends when the test ends it
  ({ url } = z.object({ url: z.string(), stop: z.string() }).parse(JSON.parse(text)));
}

async function kill(): Promise<void> {
  running.child.kill("SIGKILL");
  await running.ended;
}

async function newKey(role: Role): Promise<{ readonly id: string; readonly text: string }> {
  const { text, record } = newApiKey({ name: `a ${role}`, role, nowNs: systemClock.now(), random });
  await openKeyFolder(join(folder.path, ".whetstone/api-keys")).add(record);
  return { id: record.id, text };
}

const press = (fields: Readonly<Record<string, string>>) =>
  fetch(`${url}/stop`, { method: "POST", body: new URLSearchParams({ act: "stop", ...fields }), redirect: "manual" });
beforeAll(async () => {
  github = await startGitHub({ app, files: { ".github/workflows/whetstone.yml": LOOP } });
  folder = await temporaryFolder();
  await serve();
});
afterAll(async () => {
  await kill();
  await github[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Resolves when the server has written a line to its log. */
async function logged(line: string): Promise<void> {
  while (!log.includes(line)) await once(running.child.stderr ?? process, "data");
}

test("a press of a key of operations outlives a crash of the server, and stops the repository in the key's name", async () => {
  expect((await fetch(`${url}/stop`)).status).toBe(200);
  const { id, text: key } = await newKey("operations");
  const { text: other } = await newKey("developer");
  expect((await press({ key: other, repository: NAME })).status).toBe(403);
  const answer = await press({ key, repository: NAME, why: "drill <b>@ada</b>" });
  await kill();
  expect(answer.status).toBe(303);
  // Set while nobody looked: it is found at the start.
  github.backend.variables.set("WHETSTONE_STOP", "drill");
  await serve();
  await github.until(async () => github.backend.actions.disabled.size > 0);
  await logged(`${NAME}: WHETSTONE_STOP was set`);
  // The link of the server that is gone is good for this one.
  const shown = await (await fetch(new URL(answer.headers.get("location") ?? "", url))).text();
  expect(shown).toContain("A stop of 1 repository was asked for and is kept");
  expect(shown).toContain(`<td>${NAME}</td><td><strong>stopped</strong></td>`);
  const state = await github.backend.files("whetstone/state");
  const actors = [`api-key:${id}`, "whetstone[bot]"];
  expect(actors).toContain(StopRecord.parse(JSON.parse(state["stop.json"] ?? "")).by.id);
  await logged(`stop asked for by api-key:${id}`);
  // Programs ask over the API, which is served as soon as there are keys when the server starts.
  const program = { method: "POST", headers: { Authorization: `Bearer ${key}` } };
  const kept = await fetch(`${url}/api/v1/stop?repository=${NAME}&why=drill`, program);
  expect([kept.status, await kept.json()]).toEqual([200, expect.objectContaining({ repositories: [NAME] })]);
  await logged(`The key ${id} asked for a stop of ${NAME}.`);
  // The token of the link shows how it stands, and is good for nothing else.
  const token = new URL(answer.headers.get("location") ?? "", url).searchParams.get("as") ?? "";
  const borrowed = { method: "POST", headers: { Authorization: `Bearer ${token}` } };
  expect((await fetch(`${url}/api/v1/stop?repository=${NAME}`, borrowed)).status).toBe(401);
  expect((await press({ key: token, repository: NAME })).status).toBe(401);
  expect(log).not.toContain(key);
  expect(github.violations).toEqual([]);
}, 300_000);
