import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { z } from "zod";
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
const flag = async () =>
  ((await github.backend.files("whetstone/state").catch(() => ({}))) as Record<string, string>)["stop.json"];

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

describe("the page that stops", () => {
  test("one press of a key of operations stops the repository, in the key's name; the page says how it stands", async () => {
    const { id, text: key } = await newKey("operations");
    const answer = await press({ key, repository: `${OWNER}/${REPO}`, why: "drill <b>@ada</b>" });
    expect(answer.status).toBe(303);
    const stands = new URL(answer.headers.get("location") ?? "", url);
    await github.until(async () => github.backend.actions.disabled.size > 0 && (await flag()) !== undefined);
    expect(JSON.parse((await flag()) ?? "")).toMatchObject({
      by: { type: "bot", id: `api-key:${id}` },
      why: "drill <b>@ada</b>",
    });
    const shown = await (await fetch(stands)).text();
    expect(shown).toContain("A stop of 1 repository was asked for and is kept");
    expect(shown).toContain(`${OWNER}/${REPO}`);
    expect(github.violations).toEqual([]);
  });
});
