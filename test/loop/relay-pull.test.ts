import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { readPart } from "../../src/loop/dossier-parts.ts";
import { recompute } from "../../src/loop/replay.ts";
import type { RelayEnd } from "../../src/loop/relay-request.ts";
import { systemClock } from "../../src/wire.ts";
import type { PullAtHead } from "../../src/model/pull-change.ts";
import { ValidationReport } from "../../src/model/verdict.ts";
import { askedRunFile } from "../../src/protect/asked-runs.ts";
import { openDossier, writeDossier } from "../../src/protect/dossier.ts";
import { recordRun } from "../../src/protect/outcomes.ts";
import { openRestState } from "../../src/github/rest-state.ts";
import { recordedRun } from "../app/recorded-run.ts";
import { entries } from "../protect/ledger-entries.ts";
import { BOT_LOGIN, OWNER, REPO } from "../support/github.ts";
import { BETTER_WORK } from "../support/sample-project.ts";
import { type PullWorld, pullWorld } from "./pull-world.ts";

let world: PullWorld;
/** A change that holds, and one that answers something else. */
let better: PullAtHead;
let wrong: PullAtHead;
beforeAll(async () => {
  world = await pullWorld();
  better = await world.open("people/better", work(BETTER_WORK));
  wrong = await world.open("people/wrong", work(BETTER_WORK.replace("% 7", "% 5")));
});
afterEach(() => world.github.bend(undefined));
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const work = (text: string): Record<string, string> => ({ ...world.files, "src/work.mjs": text });
const state = () => {
  const octokit = world.github.client();
  return openRestState({ owner: OWNER, repo: REPO, octokit, now: systemClock.now });
};
const validations = async () => {
  const view = await state().view();
  const paths = await view.list("app/validations/");
  return await Promise.all(paths.map(async (path): Promise<unknown> => JSON.parse((await view.read(path)) ?? "")));
};
const branches = async () =>
  ((await world.github.backend.ask("GET", "branches?per_page=100")).data as { name: string }[]).map(({ name }) => name);

/** The wish of a comment for the workflow run 1. */
async function wish(comment: number): Promise<void> {
  const asked = askedRunFile({
    schema: "whetstone.asked-run/1",
    comment,
    conversation: 1,
    word: "validate",
    target: "sample",
    by: { type: "person", id: "ada" },
    app: BOT_LOGIN,
    at: "2026-11-20T10:00:00.000Z",
    workflow: "whetstone.yml",
    inputs: {},
    permission: null,
    run: 1,
    loop: null,
  });
  await state().update("a wish", async () => ({ change: new Map([asked]), value: undefined }));
}

describe("the change of a pull request", () => {
  let validated: RelayEnd;
  let refuted: RelayEnd;

  test("is proved as it is at its head, and nothing is written", async () => {
    const before = { branches: await branches(), requests: world.github.requests.length };
    const { last, record } = await world.prove(better);
    expect(last).toMatchObject({ go: true, last: { stage: "validate", verdict: "pass" } });
    expect(record.report).toMatchObject({ status: "no_change", reasons: ["dry_run"] });
    expect(await branches()).toEqual(before.branches);
    const asked = world.github.requests.slice(before.requests);
    expect(asked.filter((request) => !request.startsWith("GET "))).toEqual([]);
    expect(world.github.violations).toEqual([]);
    const dossier = await openDossier(record.path);
    expect(readPart(dossier, "pull.json")).toMatchObject({ ...better, mergeBase: world.github.base, hypothesis: null });
    expect(dossier.text("change.patch")).toContain("+const REPEAT = 1;");
    expect(recompute(dossier).filter(({ equal }) => !equal)).toEqual([]);
    validated = last;
  });

  test("is not proposed again, whatever the job that could is told", async () => {
    const { path, digest } = validated;
    const earlier = { path, digest, detected: digest };
    await expect(world.job("propose", validated, { dryRun: false, earlier })).rejects.toMatchObject({ code: "usage" });
  });

  test("that the App was asked for is answered beside the wish, and nothing else is on record", async () => {
    await wish(900);
    const more = { startedBy: [BOT_LOGIN] };
    world.github.backend.people.permissions.set("ada", "write");
    const { last, record } = await world.prove(wrong, more);
    refuted = last;
    expect(record.report).toMatchObject({ status: "rejected", reasons: ["replay_result_changed"] });
    const found = { pull: wrong.number, headSha: wrong.headSha, comment: 900, run: 1 };
    const verdict = { verdict: "fail", reasons: ["replay_result_changed"], baseSha: world.github.base };
    expect(await validations()).toMatchObject([{ ...found, ...verdict, report: { verdict: "fail" } }]);
    const files = Object.keys(await world.github.backend.files("whetstone/state"));
    expect(files.sort()).toEqual(["app/runs/900.json", `app/validations/${wrong.number}.json`]);
  });

  test("passes for the App only by verdicts that follow from what was recorded", async () => {
    const end = { startedBy: [BOT_LOGIN], order: validated.order };
    await world.job("record", validated, end);
    expect(await validations()).toContainEqual(
      expect.objectContaining({ pull: better.number, verdict: "pass", reasons: ["ok"] }),
    );
    await world.job("record", await forged(validated), end);
    expect(await validations()).toContainEqual(
      expect.objectContaining({
        pull: better.number,
        verdict: "inconclusive",
        reasons: ["digest_mismatch"],
        report: null,
      }),
    );
    // Of what does not follow from the records nobody is shown a word or a number.
    const [shown] = (await validations()).filter((one) => Reflect.get(Object(one), "pull") === better.number);
    expect(JSON.stringify(shown)).not.toMatch(/-0\.999|"stage":"validate"/);
  });

  test("keeps little of what the machine says that ran it, however much that is", async () => {
    const words = "merge it ".repeat(100_000);
    const long = await forged(refuted, (report) => ({
      ...report,
      effects: [{ ...EFFECT, operation: words }],
      stages: report.stages.map((one) => ({ ...one, details: [words] })),
    }));
    await world.job("record", long, { startedBy: [BOT_LOGIN], order: refuted.order });
    const kept = (await validations()).find((one) => Reflect.get(Object(one), "pull") === wrong.number);
    expect(kept).toMatchObject({ verdict: "fail", report: { effects: [{ samples: 1 }] } });
    expect(JSON.stringify(kept).length).toBeLessThan(8_000);
  });

  const INTERVAL = { low: 1, high: 1, level: 0.95 } as const;
  const EFFECT = {
    operation: "search",
    metric: "p50_ms",
    before: 1,
    beforeInterval: INTERVAL,
    after: 1,
    afterInterval: INTERVAL,
    change: 0,
    changeInterval: INTERVAL,
    samples: 1,
  } as const;
  const better999 = (report: ValidationReport): ValidationReport => ({
    ...report,
    effects: report.effects.map((effect) => ({ ...effect, change: -0.999 })),
  });

  /** What the change could make the machine hand on that ran it: such as effects that nobody measured. */
  async function forged(end: RelayEnd, change = better999): Promise<RelayEnd> {
    const { manifest, bytes } = await openDossier(end.path);
    const files = new Map(manifest.files.map(({ path }) => [path, bytes(path) ?? new Uint8Array()]));
    const report = await readFile(join(end.path, "validation/report.json"), "utf8");
    const said = change(ValidationReport.parse(JSON.parse(report)));
    files.set("validation/report.json", Buffer.from(JSON.stringify(said)));
    const { schema: _schema, files: _files, digest: _digest, ...head } = manifest;
    const made = await writeDossier(join(end.path, "..", "forged"), head, files);
    return { ...end, path: join(end.path, "..", "forged", head.id), digest: made.digest };
  }
});

describe("the gate of a pull request", () => {
  const refusal = async (pull: PullAtHead, reason: string, said: string) => {
    const gate = await world.gate(pull);
    expect([gate.go, gate.last.reasons]).toEqual([false, [reason]]);
    expect(gate.last.summary).toContain(said);
    expect(world.github.violations).toEqual([]);
    return gate;
  };
  const blobs = () => world.github.requests.filter((request) => request.startsWith("GET git/blobs"));

  test("refuses one that was pushed to since; what ends there is told by the job that records", async () => {
    const pull = await world.open("people/moving", work("// one\n"));
    await world.github.backend.commit("people/moving", work("// two\n"));
    const gate = await refusal(pull, "pull_unfit", "when it was asked for");
    const record = await world.job("record", gate);
    expect(record.report).toMatchObject({ status: "inconclusive", reasons: ["pull_unfit"] });
  });

  test("refuses one from a fork, whose objects the repository would show all the same", async () => {
    world.github.bend((request) => {
      if (request !== `GET pulls/${better.number}`) return undefined;
      const head = { ref: "better", sha: better.headSha, repo: { full_name: "mallory/notes" } };
      const facts = { html_url: "https://x", title: "T", body: "", state: "open", labels: [], base: { ref: "main" } };
      return { when: "before", reply: { status: 200, body: { number: better.number, ...facts, head } } };
    });
    await refusal(better, "pull_unfit", "comes from a fork");
  });

  test("refuses one for another branch, one that is closed, and none", async () => {
    await world.github.backend.ask("POST", "git/refs", { ref: "refs/heads/release", sha: world.github.base });
    await refusal(await world.open("people/release", work("// r\n"), "release"), "pull_unfit", "is for release");
    const closed = await world.open("people/closed", work("// c\n"));
    await world.github.backend.ask("PATCH", `pulls/${closed.number}`, { state: "closed" });
    await refusal(closed, "pull_unfit", "is closed");
    await refusal({ ...closed, number: 4711 }, "pull_unfit", "no pull request #4711");
  });

  test("fetches nothing of a change of 3,000 files", async () => {
    const { ask } = world.github.backend;
    const sha = async (path: string, body: unknown) =>
      String(Reflect.get(Object((await ask("POST", path, body)).data), "sha"));
    const blob = await sha("git/blobs", { content: "eA==", encoding: "base64" });
    const many = Array.from({ length: 3_000 }, (_, index) => ({
      path: `src/f${index}.mjs`,
      mode: "100644",
      type: "blob",
      sha: blob,
    }));
    const tree = await sha("git/trees", { tree: many });
    const headSha = await sha("git/commits", { message: "many", tree, parents: [world.github.base] });
    await ask("POST", "git/refs", { ref: "refs/heads/people/many", sha: headSha });
    const { data } = await ask("POST", "pulls", { title: "T", head: "people/many", base: "main" });
    const pull = { number: Number(Reflect.get(Object(data), "number")), headSha };
    const before = blobs().length;
    await refusal(pull, "size_exceeded", " paths; at most 10 files");
    expect(blobs()).toHaveLength(before);
  });

  test("refuses one that changes nothing", async () => {
    await refusal(await world.open("people/nothing", world.files), "patch_empty", "changes nothing");
  });

  test("does not begin without a dry run, or without GitHub", async () => {
    await expect(world.gate(better, { dryRun: false })).rejects.toMatchObject({ code: "usage" });
    await expect(world.gate(better, { places: { cwd: world.root } })).rejects.toMatchObject({ code: "usage" });
  });

  test("holds a proposal of Whetstone to what the record says that it claims", async () => {
    const fingerprint = "c".repeat(64);
    const outcome = {
      fingerprint,
      status: "proposed",
      reasons: ["ok"],
      target: "sample",
      findings: ["slow_operation"],
    } as const;
    const run = recordedRun("1", { outcome: { ...outcome, findings: [...outcome.findings], reasons: ["ok"] } });
    await recordRun(state(), { ...run, entries: entries(1) }, systemClock);
    const pull = await world.open(`whetstone/proposal/sample/${fingerprint.slice(0, 12)}`, work(BETTER_WORK));
    const gate = await world.gate(pull);
    expect(readPart(await openDossier(gate.path), "pull.json")).toMatchObject({ findings: ["slow_operation"] });
  });
});

describe("what the wall refuses of a session it refuses of people", () => {
  test("a workflow, the configuration, binary content: read by detect, and never run", async () => {
    const files = { ...world.files, ".github/workflows/x.yml": "on: push\n", "src/b.mjs": "\u0000\u0001" };
    const config = `${world.files["whetstone.yaml"] ?? ""}# more\n`;
    const pull = await world.open("people/wide", { ...files, "whetstone.yaml": config });
    const { last, record } = await world.prove(pull);
    expect([last.go, last.last.stage, last.last.verdict]).toEqual([false, "detect", "fail"]);
    expect(last.last.reasons).toEqual(expect.arrayContaining(["path_forbidden", "binary_forbidden"]));
    expect(record.report).toMatchObject({ status: "rejected" });
  });
});

describe("a pull request that the default branch has left behind", () => {
  test("is proved on the commit that is measured; what both changed is for people, and so is what is merged", async () => {
    await using moved = await pullWorld({ moved: { "src/other.mjs": "// theirs\n" } });
    const carried = await moved.open("people/carried", { ...moved.files, "src/work.mjs": BETTER_WORK });
    const gate = await moved.gate(carried);
    const dossier = await openDossier(gate.path);
    expect(dossier.text("pull.patch")).not.toContain("other.mjs");
    expect(readPart(dossier, "pull.json")).toMatchObject({ mergeBase: moved.github.base });
    expect(dossier.manifest.baseSha).not.toBe(moved.github.base);
    const both = await moved.open("people/both", { ...moved.files, "src/other.mjs": "// ours\n" });
    const refused = await moved.gate(both);
    expect([refused.go, refused.last.reasons]).toEqual([false, ["base_moved"]]);
    expect(refused.last.summary).toContain('"src/other.mjs"');
    await moved.github.backend.ask("PUT", `pulls/${carried.number}/merge`, {});
    expect((await moved.gate(carried)).last).toMatchObject({
      reasons: ["pull_unfit"],
      summary: expect.stringContaining("is merged"),
    });
    expect(moved.github.violations).toEqual([]);
  });
});
