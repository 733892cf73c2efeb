import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { stopAll } from "../../src/app/stop/stop.ts";
import { letRepositoryGoOn } from "../../src/cli/run/resume-github.ts";
import { systemClock } from "../../src/wire.ts";
import { openRepository } from "../../src/wire-app.ts";
import { main } from "../../src/cli/main.ts";
import { parseEnv } from "../../src/config/env.ts";
import { LOOP } from "../app/stop/app.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { type GitHub, OWNER, REPO, startGitHub } from "../support/github.ts";
import { bufferIo } from "./buffer-io.ts";

nock.restore();

const PERSON = "mallory";
const NAME = `${OWNER}/${REPO}`;
const OTHER = "jobs:\n  test:\n    steps: [{ run: make test }]\n";
let github: GitHub;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

async function begin(config = "version: 1\n"): Promise<void> {
  const files = {
    ".github/workflows/whetstone.yml": LOOP,
    ".github/workflows/ci.yml": OTHER,
    "whetstone.yaml": config,
  };
  github = await startGitHub({ files });
  may("admin");
}
beforeEach(async () => {
  folder = await temporaryFolder();
  await begin();
});
afterEach(async () => {
  expect(github.violations).toEqual([]);
  await github[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** What GitHub says that the person may do; the counterpart lets her write everything. */
const may = (permission: string) => github.backend.people.permissions.set(PERSON, permission);

/** The command line in the name of the person. */
async function command(args: readonly string[], more = {}) {
  const env = parseEnv({ GITHUB_API_URL: github.baseUrl, GITHUB_TOKEN: `ghs_${PERSON}`, ...more });
  const { io, err } = bufferIo({ cwd: folder.path, env });
  return { code: await main(["resume", "--github", NAME, ...args], io), err: err() };
}
/** What the command line does then, with a client that makes no pauses between writes. */
const resume = () => letRepositoryGoOn(person(), folder.path);
const person = () => {
  const actor = { type: "person", id: PERSON } as const;
  return { owner: OWNER, repo: REPO, client: github.client(), login: PERSON, actor };
};
/** A stop by `stop --github` in the same folder. */
async function stop(): Promise<void> {
  const here = join(folder.path, ".whetstone");
  const self = { appId: 0, login: PERSON };
  const repository = openRepository({ ...person(), self, clock: systemClock, folder: here, here, run: "stop" });
  const { complete } = await stopAll(
    { repository, clock: systemClock, event: EVENT, schedule: async () => undefined },
    { by: { type: "person", id: "grace" }, why: "drill" },
  );
  expect(complete).toBe(true);
}
const EVENT = { id: "stop", name: "stop", payload: {}, attempt: 1, receivedAt: 0 };
const flag = async () => (await github.backend.files("whetstone/state"))["stop.json"];
const ledger = async () => {
  const files = Object.entries(await github.backend.files("whetstone/state"));
  const lines = files.filter(([path]) => path.startsWith("ledger/")).flatMap(([, text]) => text.trim().split("\n"));
  return lines.map((line) => JSON.parse(line) as { operation: string; actor: { id: string }; decision: string });
};

describe("whetstone resume --github", () => {
  test("an administrator lets it go on: exactly what the stop switched off, on record as asked, granted and used", async () => {
    github.backend.actions.disabled.add("ci.yml"); // by hand, before
    await stop();
    expect([...github.backend.actions.disabled].toSorted()).toEqual(["ci.yml", "whetstone.yml"]);
    expect(existsSync(join(folder.path, ".whetstone/stop.json"))).toBe(true);
    expect(await resume()).toMatchObject({ complete: true, lifted: true, on: ["whetstone.yml"], failures: [] });
    expect([...github.backend.actions.disabled]).toEqual(["ci.yml"]);
    expect(await flag()).toBeUndefined();
    expect(existsSync(join(folder.path, ".whetstone/stop.json"))).toBe(false);
    const acts = (await ledger()).filter(({ actor }) => actor.id === PERSON).map(({ operation }) => operation);
    expect(acts).toEqual(expect.arrayContaining(["authorization.request", "authorization.grant", "stop.lift"]));
    expect(await resume()).toMatchObject({ complete: true, lifted: false, on: [] });
  });

  test("whoever is no administrator is refused with the way to go, and nothing goes on", async () => {
    await stop();
    may("write");
    await expect(resume()).rejects.toMatchObject({
      code: "unauthorized",
      remedy: expect.stringContaining("/whetstone resume"),
    });
    expect(await flag()).toBeDefined();
    expect([...github.backend.actions.disabled]).toEqual(["whetstone.yml"]);
  });

  test("where two persons are needed one alone is refused", async () => {
    await github[Symbol.asyncDispose]();
    await begin("version: 1\nprotection: { twoPerson: true }\n");
    await stop();
    await expect(resume()).rejects.toMatchObject({ code: "unauthorized" });
    expect(await flag()).toBeDefined();
  });

  test("while the variable is set nothing goes on, and no permission is used up", async () => {
    await stop();
    github.backend.variables.set("WHETSTONE_STOP", "1");
    await expect(resume()).rejects.toMatchObject({ code: "stopped" });
    expect((await ledger()).map(({ operation }) => operation)).not.toContain("authorization.request");
    github.backend.variables.delete("WHETSTONE_STOP");
    expect(await resume()).toMatchObject({ complete: true, lifted: true });
  });

  test("a workflow that cannot be switched on is named; the next try completes it without another permission", async () => {
    await stop();
    const refuse = { when: "before", reply: { status: 403, body: { message: "no" } } } as const;
    github.bend((request) => (request.endsWith("/enable") ? refuse : undefined));
    const part = await resume();
    expect(part).toMatchObject({ complete: false, failures: [{ what: "switching on whetstone.yml" }] });
    github.bend(undefined);
    expect(await resume()).toMatchObject({ complete: true, on: ["whetstone.yml"] });
    expect([...github.backend.actions.disabled]).toEqual([]);
    const grants = (await ledger()).filter(({ operation }) => operation === "authorization.grant");
    expect(grants).toHaveLength(1);
  });

  test("on the command line nothing that stands is left alone", async () => {
    expect(await command([])).toEqual({ code: 0, err: "" });
    expect(github.requests.filter((one) => !one.startsWith("GET "))).toEqual([]);
  });

  test("continuous integration is no person, whoever's token it has", async () => {
    const refused = await command([], { CI: "true" });
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("Only a person")]);
    expect(github.requests).toEqual(["GET /user"]);
  });

  test.each([
    [["--token", "x"], "--github takes no token"],
    [["--token-file", "x"], "--github takes no token"],
  ])("%j: exit 2, and GitHub is asked for nothing", async (args, message) => {
    const refused = await command(args);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining(message)]);
    expect(github.requests).toEqual([]);
  });
});
