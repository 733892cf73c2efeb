import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { parseEnv } from "../../src/config/env.ts";
import type { Watcher } from "../../src/loop/execute.ts";
import { runRelayJob } from "../../src/loop/relay.ts";
import type { RelayEnd, RelayRequest } from "../../src/loop/relay-request.ts";
import type { Asked } from "../../src/loop/relay-order.ts";
import { RELAY_JOBS, type RelayJob } from "../../src/loop/relay-jobs.ts";
import { recompute } from "../../src/loop/replay.ts";
import { openDossier } from "../../src/protect/dossier.ts";
import { digestOf, sha256 } from "../../src/protect/digest.ts";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "../support/sample-project.ts";

const watcher: Watcher = { observer: { started: () => {}, ended: () => {} }, progress: () => {}, note: () => {} };

let project: SampleProject;
/** Digest of the gate's order, as the workflow would bring it to each job. */
let order: string | undefined;
/** What each job left, by job, in a folder of its own as an artifact would hold it. */
const artifacts = new Map<RelayJob, RelayEnd>();

function request(job: RelayJob, more: Partial<RelayRequest> = {}): RelayRequest {
  return {
    job,
    places: { cwd: project.root },
    env: parseEnv({ PATH: process.env["PATH"] ?? "" }),
    actor: { type: "workflow", id: "octo/notes/actions/runs/1 by octocat" },
    target: undefined,
    dryRun: false,
    ...(job === "gate" ? { asked: REPLAYED } : { order }),
    ...more,
  };
}

const REPLAYED: Asked = {
  mode: "refinement",
  session: { kind: "replay", file: "sessions/good.json" },
  question: null,
};

/** Runs a job as a machine of its own would: nothing of the last job is there but its artifact. */
async function runOn(job: RelayJob, before: RelayEnd | undefined, more: Partial<RelayRequest> = {}): Promise<RelayEnd> {
  // The job that writes gets what `detect` had read besides.
  const detected = job === "propose" ? artifacts.get("detect")?.digest : undefined;
  const path = detected === undefined ? before?.path : join(project.root, "..", "artifacts");
  const earlier = before && { path: path ?? "", digest: before.digest, detected };
  const end = await runRelayJob(request(job, { ...(earlier ? { earlier } : {}), ...more }), watcher);
  if (job === "gate") order = end.order;
  if (job === "record") return end;
  const kept = join(project.root, "..", "artifacts", job);
  await cp(end.path, kept, { recursive: true });
  await rm(join(project.root, ".whetstone", "relay"), { recursive: true });
  await rm(join(project.root, ".whetstone", "whetstone.db"), { force: true });
  return { ...end, path: kept };
}

beforeAll(async () => {
  project = await sampleProject();
  const recording = await project.session(BETTER_WORK);
  await project.write("sessions/good.json", await readFile(recording, "utf8"));
  project.commit("a recorded session");
  let before: RelayEnd | undefined;
  for (const job of RELAY_JOBS.filter((name) => name !== "record")) {
    before = await runOn(job, before);
    artifacts.set(job, before);
  }
});
afterAll(() => project.remove());

const left = (job: RelayJob): RelayEnd => {
  const end = artifacts.get(job);
  if (end === undefined) throw new Error(`${job} left nothing`);
  return end;
};

describe("a whole run, job by job", () => {
  test("every job passes and hands on what the next one goes on from", () => {
    const ends = [...artifacts.values()].map(({ last, go }) => [last.stage, last.verdict, go]);
    expect(ends).toEqual([
      ["gate", "pass", true],
      ["analyze", "pass", true],
      ["session", "pass", true],
      ["detect", "pass", true],
      ["validate", "pass", true],
      ["propose", "pass", true],
    ]);
  });

  test("the run is recorded once, its dossier recomputes, and the change waits for people on its branch", async () => {
    const end = await runOn("record", left("propose"));
    expect(end.report).toMatchObject({ status: "proposed", reasons: ["ok"] });
    const dossier = await openDossier(end.path);
    expect(recompute(dossier).filter(({ equal }) => !equal)).toEqual([]);
    expect(dossier.manifest.stages.map(({ stage }) => stage)).toEqual([
      "gate",
      "capture",
      "analyze",
      "session",
      "detect",
      "validate",
      "propose",
    ]);
    expect(dossier.manifest.files.map(({ path }) => path)).not.toContain("relay.json");
    const outcomes = project.git("ls-tree", "--name-only", "whetstone/state:outcomes").split("\n");
    expect(outcomes).toHaveLength(1);
    const { branch } = end.report ?? {};
    expect(await leftovers(project)).toEqual({ ...NOTHING, branches: [branch] });
    expect(project.git("show", `${branch}:src/work.mjs`)).toContain("const REPEAT = 1;");
  });
});

describe("what a job does not take", () => {
  let copy: string;
  beforeEach(async () => {
    const both = join(project.root, "..", "copies");
    copy = join(both, "validate");
    await rm(both, { recursive: true, force: true });
    await cp(left("validate").path, copy, { recursive: true });
    await cp(left("detect").path, join(both, "detect"), { recursive: true });
  });
  const handedOn = (digest: string) => ({ path: join(copy, ".."), digest, detected: left("detect").digest });
  const proposeFrom = (digest: string) => runRelayJob(request("propose", { earlier: handedOn(digest) }), watcher);

  /** Alters a file of the copy with all digests made to fit, as whoever has taken over the job could. */
  async function forge(path: string, change: (text: string) => string): Promise<string> {
    const text = change(await readFile(join(copy, path), "utf8"));
    await writeFile(join(copy, path), text);
    return await restate(({ files, ...body }) => ({
      ...body,
      files: files.map((file) =>
        file.path === path ? { ...file, sha256: sha256(text), bytes: Buffer.byteLength(text) } : file,
      ),
    }));
  }

  type Body = { readonly files: readonly { readonly path: string }[]; readonly stages: readonly object[] };
  async function restate(change: (body: Body) => object): Promise<string> {
    const { digest: _, ...body } = JSON.parse(await readFile(join(copy, "manifest.json"), "utf8"));
    const next = change(body);
    const digest = digestOf(next);
    await writeFile(join(copy, "manifest.json"), `${JSON.stringify({ ...next, digest }, undefined, 2)}\n`);
    return digest;
  }

  test("a file that was altered on the way", async () => {
    const { digest } = left("validate");
    for (const { path } of (await openDossier(copy)).manifest.files) {
      const before = await readFile(join(copy, path));
      await writeFile(join(copy, path), Buffer.concat([before, Buffer.from(" ")]));
      await expect(proposeFrom(digest)).rejects.toMatchObject({ code: "dossier_mismatch", data: { file: path } });
      await writeFile(join(copy, path), before);
    }
  });

  test("another dossier, whole in itself, in the place of the announced one", async () => {
    await rm(copy, { recursive: true });
    await cp(left("session").path, copy, { recursive: true });
    const { digest } = left("validate");
    const taken = runRelayJob(request("propose", { earlier: { ...handedOn(digest), path: copy } }), watcher);
    await expect(taken).rejects.toMatchObject({
      message: expect.stringContaining("not the dossier that was announced"),
    });
    await expect(proposeFrom(digest)).rejects.toMatchObject({ code: "not_found" });
  });

  test("a report that says more than its recorded results, with all digests made to fit", async () => {
    const digest = await forge("validation/report.json", (text) =>
      text.replace(/"after": [\d.e-]+/, '"after": 0.0001'),
    );
    await expect(proposeFrom(digest)).rejects.toMatchObject({
      code: "dossier_mismatch",
      message: expect.stringContaining("validation/report.json, which does not follow"),
    });
  });

  test("what was read before the change was executed, altered by the job that executed it", async () => {
    const { manifest } = await openDossier(left("detect").path);
    const texts = manifest.files
      .map(({ path }) => path)
      .filter((path) => path.endsWith(".json") && path !== "relay.json");
    expect(texts).toEqual(expect.arrayContaining(["proposal.json", "session/record.json", "relay-order.json"]));
    for (const path of texts) {
      const before = await readFile(join(copy, path), "utf8");
      const digest = await forge(path, (text) => `${text} `);
      const message = expect.stringContaining(`holds another ${path} than the job detect had read`);
      await expect(proposeFrom(digest)).rejects.toMatchObject({ code: "dossier_mismatch", message });
      await forge(path, () => before);
    }
    const relay = await readFile(join(copy, "relay.json"), "utf8");
    const measured = await forge("relay.json", (text) => text.replace('"replayed":true', '"replayed":false'));
    await expect(proposeFrom(measured)).rejects.toMatchObject({
      message: expect.stringContaining("holds another relay.json"),
    });
    await forge("relay.json", () => relay);
    const judged = await restate(({ stages, ...body }) => ({
      ...body,
      stages: stages.map((stage, index) => (index === 2 ? { ...stage, summary: "nothing hurts" } : stage)),
    }));
    await expect(proposeFrom(judged)).rejects.toMatchObject({
      message: expect.stringContaining("another list of stages"),
    });
  });

  test("the last dossier alone, where nobody told what was read before", async () => {
    const { digest } = left("validate");
    const alone = runRelayJob(request("propose", { earlier: { path: copy, digest } }), watcher);
    await expect(alone).rejects.toMatchObject({ code: "usage" });
  });

  test("a dossier that a job which executed the change has altered is not what is recorded", async () => {
    const digest = await forge("session/record.json", (text) => text.replace(/"costUsd": ?[\d.]+/, '"costUsd": 4711'));
    const lost = { job: "propose", result: "failure" };
    await rm(join(project.root, ".whetstone", "dossiers"), { recursive: true });
    const end = await runRelayJob(request("record", { earlier: handedOn(digest), lost, dryRun: true }), watcher);
    expect(end.report).toMatchObject({ status: "inconclusive", reasons: ["run_failed"] });
    expect(end.report?.stages.map(({ stage }) => stage)).not.toContain("validate");
    expect(end.report?.outcome.costUsd).not.toBe(4711);
  });

  test("a dossier that has not come as far, or that came too far", async () => {
    for (const [job, from] of [
      ["session", "gate"],
      ["propose", "session"],
      ["validate", "evidence"],
      ["evidence", "session"],
    ] as const) {
      const { path, digest } = left(from);
      const taken = runRelayJob(request(job, { earlier: { path, digest } }), watcher);
      await expect(taken).rejects.toMatchObject({
        code: "dossier_mismatch",
        message: expect.stringContaining("stands"),
      });
    }
  });

  test("no dossier at all, but for the gate", async () => {
    for (const job of RELAY_JOBS.slice(1)) {
      await expect(runRelayJob(request(job), watcher)).rejects.toMatchObject({ code: "usage" });
    }
  });
});

test("a job that was skipped though it was asked for is no good end", async () => {
  const { digest } = left("validate");
  const all = { path: join(project.root, "..", "artifacts"), digest, detected: left("detect").digest };
  await rm(join(project.root, ".whetstone", "dossiers"), { recursive: true });
  const after = await runRelayJob(request("record", { earlier: all }), watcher);
  expect(after.report).toMatchObject({ status: "inconclusive", reasons: ["run_failed"] });
  expect(after.report?.stages.find(({ stage }) => stage === "propose")?.summary).toContain("ended as skipped");
  await rm(join(project.root, ".whetstone", "dossiers"), { recursive: true });
  const looked = await runOn("record", left("evidence"));
  expect(looked.report).toMatchObject({ status: "inconclusive", reasons: ["run_failed"] });
});

test("a job that was lost on the way leaves a recorded run without a decision", async () => {
  const gate = await runOn("gate", undefined);
  const evidence = await runOn("evidence", gate);
  const end = await runOn("record", evidence, { lost: { job: "session", result: "cancelled" } });
  expect(end.report).toMatchObject({ status: "inconclusive", reasons: ["run_failed"] });
  expect(end.report?.stages.find(({ stage }) => stage === "session")?.summary).toContain("ended as cancelled");
  expect((await readdir(join(project.root, ".whetstone", "dossiers"))).length).toBeGreaterThan(0);
});

test("a server without a fault ends the run before any session", async () => {
  const gate = await runOn("gate", undefined);
  project.git("checkout", "-q", "--detach");
  await project.write("src/work.mjs", BETTER_WORK);
  await project.write("workload.json", JSON.stringify(CALM));
  project.commit("calm");
  const calm = await runOn("gate", undefined);
  expect(calm.digest).not.toBe(gate.digest);
  const evidence = await runOn("evidence", calm);
  expect([evidence.go, evidence.last.reasons]).toEqual([false, ["no_finding"]]);
  const end = await runOn("record", evidence);
  expect(end.report).toMatchObject({ status: "no_change", reasons: ["no_finding"] });
});

const CALM = {
  schema: "whetstone.workload/1",
  description: "Few calls, none of which fails.",
  sessions: [{ id: "one", calls: [1, 2, 3].map((n) => ({ tool: "work", arguments: { n } })) }],
};
