import { cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parseEnv } from "../../src/config/env.ts";
import type { Watcher } from "../../src/loop/execute.ts";
import { runRelayJob } from "../../src/loop/relay.ts";
import type { RelayJob } from "../../src/loop/relay-jobs.ts";
import type { RelayEnd, RelayRequest } from "../../src/loop/relay-request.ts";
import { lookStopped } from "../../src/loop/look-stopped.ts";
import type { GitHubPlace } from "../../src/wire.ts";
import { openWorkspace } from "../../src/wire.ts";
import { type TestRepository, temporaryFolder } from "../support/git-repository.ts";
import { type GitHub, OWNER, REPO, startGitHub, TOKEN } from "../support/github.ts";
import { cloneOf } from "../support/github-clone.ts";
import { BETTER_WORK, sampleProject } from "../support/sample-project.ts";

const notes: string[] = [];
const watcher: Watcher = {
  observer: { started: () => {}, ended: () => {} },
  progress: () => {},
  note: (line) => void notes.push(line),
};
const WITH_TOKEN: readonly RelayJob[] = ["gate", "propose", "record"];

let github: GitHub;
let clone: TestRepository;
let place: GitHubPlace;
let copies: string;
let order: string | undefined;

beforeAll(async () => {
  const project = await sampleProject();
  const files: Record<string, string> = {};
  for (const name of project.git("ls-files").split("\n"))
    files[name] = await readFile(join(project.root, name), "utf8");
  files["sessions/good.json"] = await readFile(await project.session(BETTER_WORK), "utf8");
  await project.remove();
  github = await startGitHub({ files });
  clone = await cloneOf(github);
  const { baseUrl } = github;
  place = { owner: OWNER, repo: REPO, baseUrl, self: "github-actions[bot]", token: { reveal: () => TOKEN } };
  const folder = await temporaryFolder();
  copies = folder.path;
});
afterAll(async () => {
  await clone[Symbol.asyncDispose]();
  await github[Symbol.asyncDispose]();
  await rm(copies, { recursive: true });
});

/** Runs a job as a machine of its own would: with a token only where it has one, and nothing of the last job but what it left. */
async function job(name: RelayJob, before?: RelayEnd, more: Partial<RelayRequest> = {}): Promise<RelayEnd> {
  const end = await runRelayJob(
    {
      job: name,
      places: { cwd: clone.root, ...(WITH_TOKEN.includes(name) ? { github: place } : {}) },
      env: parseEnv({ PATH: process.env["PATH"] ?? "" }),
      actor: { type: "workflow", id: `${OWNER}/${REPO}/actions/runs/1 by ada` },
      startedBy: ["ada"],
      workflow: { id: 1, attempt: 1 },
      ...(WITH_TOKEN.includes(name) ? {} : { stopped: false }),
      target: undefined,
      dryRun: false,
      ...(before ? { earlier: { path: before.path, digest: before.digest }, order } : {}),
      ...more,
    },
    watcher,
  );
  if (name === "gate") order = end.order;
  const path = join(copies, `${name}-${end.run}`);
  await rm(path, { recursive: true, force: true });
  await cp(end.path, path, { recursive: true });
  await rm(join(clone.root, ".whetstone"), { recursive: true, force: true });
  return { ...end, path };
}

const asked = { mode: "refinement", session: { kind: "replay", file: "sessions/good.json" }, question: null } as const;

test("jobs without a token send GitHub nothing, and what they leave on this disk is no state", async () => {
  const gate = await job("gate", undefined, { asked });
  const before = github.requests.length;
  const evidence = await job("evidence", gate);
  const session = await job("session", evidence);
  const detect = await job("detect", session);
  const validate = await job("validate", detect);
  expect([validate.go, github.requests.length]).toEqual([true, before]);
  expect(await clone.git("branch", "--list", "whetstone/*")).toBe("");
  expect(github.violations).toEqual([]);
});

test("an issue that cannot be written changes nothing of the record, and is said", async () => {
  const gate = await job("gate", undefined, { asked });
  const evidence = await job("evidence", gate);
  github.bend((request) =>
    /^(POST|PATCH|GET) issues/.test(request)
      ? { when: "before", reply: { status: 410, body: { message: "Issues are disabled for this repo" } } }
      : undefined,
  );
  const end = await job("record", evidence, { lost: { job: "session", result: "failure" } });
  github.bend(undefined);
  expect(end.report).toMatchObject({ status: "inconclusive", reasons: ["run_failed"] });
  expect(notes.join("\n")).toContain("The target's issue could not be kept");
  const state = await github.backend.files("whetstone/state");
  expect(Object.keys(state)).toContain(`outcomes/${end.run.replace(/^r-/, "o-")}.json`);
});

test("the kill switch is read by a step with a token that reads; what cannot be read counts as set", async () => {
  await using folder = await temporaryFolder();
  expect(await lookStopped(place, folder.path)).toEqual({ stopped: false, text: "the kill switch is not set" });
  for (const [stop, stopped] of [
    ["", false],
    ["off", false],
    ["on", true],
    ["a drill", true],
  ] as const) {
    expect(await lookStopped({ ...place, stop }, folder.path)).toMatchObject({ stopped });
  }
  const gate = job("gate", undefined, { asked, places: { cwd: clone.root, github: { ...place, stop: "on" } } });
  await expect(gate).rejects.toMatchObject({ code: "stopped" });
  const refused = { status: 403, body: { message: "Resource not accessible by integration" } };
  github.bend((request) => (request.startsWith("GET git/") ? { when: "before", reply: refused } : undefined));
  expect(await lookStopped(place, folder.path)).toMatchObject({ stopped: true });
  github.bend(undefined);
  const { killSwitch } = await openWorkspace({ cwd: clone.root, github: place }, parseEnv({}));
  await killSwitch.stop({ by: { type: "person", id: "ada" }, why: "a drill" });
  expect(await lookStopped(place, folder.path)).toMatchObject({
    stopped: true,
    text: expect.stringContaining("a drill"),
  });
});
