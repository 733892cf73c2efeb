import { cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "../../src/config/env.ts";
import type { Watcher } from "../../src/loop/execute.ts";
import { runRelayJob } from "../../src/loop/relay.ts";
import { RELAY_JOBS, type RelayJob } from "../../src/loop/relay-jobs.ts";
import type { RelayEnd, RelayRequest } from "../../src/loop/relay-request.ts";
import type { PullAtHead } from "../../src/model/pull-change.ts";
import type { GitHubPlace } from "../../src/wire.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { BOT_LOGIN, type GitHub, OWNER, REPO, startGitHub, TOKEN } from "../support/github.ts";
import { cloneOf } from "../support/github-clone.ts";
import { sampleProject } from "../support/sample-project.ts";

const watcher: Watcher = { observer: { started: () => {}, ended: () => {} }, progress: () => {}, note: () => {} };
const WITH_TOKEN: readonly RelayJob[] = ["gate", "propose", "record"];

/** The sample project on the counterpart of GitHub, its clone, and the jobs of the relay on it. */
export type PullWorld = AsyncDisposable & {
  readonly github: GitHub;
  readonly root: string;
  /** Files of the default branch at the start. */
  readonly files: Readonly<Record<string, string>>;
  /** Opens a pull request whose branch has these files. */
  readonly open: (branch: string, files: Readonly<Record<string, string>>, base?: string) => Promise<PullAtHead>;
  /** Runs a job as a machine of its own would: with a token only where it has one. */
  readonly job: (name: RelayJob, before?: RelayEnd, more?: Partial<RelayRequest>) => Promise<RelayEnd>;
  /** Runs the gate alone. */
  readonly gate: (pull: PullAtHead, more?: Partial<RelayRequest>) => Promise<RelayEnd>;
  /** Runs the jobs from the gate until one does not pass, and the one that records. */
  readonly prove: (pull: PullAtHead, more?: Partial<RelayRequest>) => Promise<{ last: RelayEnd; record: RelayEnd }>;
};

/** Starts it. `moved`: files of the default branch after a commit on top of the one from which {@link PullWorld.open} starts. */
export async function pullWorld({
  moved,
}: { readonly moved?: Readonly<Record<string, string>> } = {}): Promise<PullWorld> {
  const project = await sampleProject();
  const files: Record<string, string> = {};
  for (const name of project.git("ls-files").split("\n"))
    files[name] = await readFile(join(project.root, name), "utf8");
  await project.remove();
  // One round of each version says enough here.
  files["whetstone.yaml"] = `${files["whetstone.yaml"] ?? ""}    replay: { rounds: 1 }\n`;
  const github = await startGitHub({ files });
  if (moved !== undefined) await github.backend.commit("main", { ...files, ...moved });
  const clone = await cloneOf(github);
  const copies = await temporaryFolder();
  const place: GitHubPlace = {
    owner: OWNER,
    repo: REPO,
    baseUrl: github.baseUrl,
    self: BOT_LOGIN,
    token: { reveal: () => TOKEN },
  };
  let order: string | undefined;
  const job: PullWorld["job"] = async (name, before, more = {}) => {
    const held = WITH_TOKEN.includes(name);
    const end = await runRelayJob(
      {
        job: name,
        places: { cwd: clone.root, ...(held ? { github: place } : {}) },
        env: parseEnv({ PATH: process.env["PATH"] ?? "" }),
        actor: { type: "workflow", id: `${OWNER}/${REPO}/actions/runs/1 by ada` },
        startedBy: ["ada"],
        workflow: { id: 1, attempt: 1 },
        ...(held ? {} : { stopped: false }),
        target: undefined,
        dryRun: true,
        ...(before ? { earlier: { path: before.path, digest: before.digest }, order } : {}),
        ...more,
      },
      watcher,
    );
    if (name === "gate") order = end.order;
    const path = join(copies.path, `${name}-${end.run}`);
    await rm(path, { recursive: true, force: true });
    await cp(end.path, path, { recursive: true });
    await rm(join(clone.root, ".whetstone"), { recursive: true, force: true });
    return { ...end, path };
  };
  const gate: PullWorld["gate"] = (pull, more) => {
    const asked = { mode: "refinement", session: { kind: "pull", ...pull }, question: null } as const;
    return job("gate", undefined, { asked, ...more });
  };
  return {
    github,
    files,
    job,
    root: clone.root,
    open: async (branch, changed, base = "main") => {
      await github.backend.ask("POST", "git/refs", { ref: `refs/heads/${branch}`, sha: github.base });
      const headSha = await github.backend.commit(branch, changed);
      const { data } = await github.backend.ask("POST", "pulls", { title: "T", head: branch, base });
      return { number: Number(Reflect.get(Object(data), "number")), headSha };
    },
    gate,
    prove: async (pull, more = {}) => {
      let last = await gate(pull, more);
      for (const name of RELAY_JOBS.slice(1, 5)) if (last.go) last = await job(name, last, more);
      return { last, record: await job("record", last, more) };
    },
    [Symbol.asyncDispose]: async () => {
      await clone[Symbol.asyncDispose]();
      await github[Symbol.asyncDispose]();
      await rm(copies.path, { recursive: true, force: true });
    },
  };
}
