import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { addWorktree, applyPatch, changedPaths } from "../../src/github/worktree.ts";
import type { CallResult } from "../../src/model/call.ts";
import type { Proposal } from "../../src/model/proposal.ts";
import { VALIDATION_STAGES, ValidationReport } from "../../src/model/verdict.ts";
import { sha256 } from "../../src/protect/digest.ts";
import type { ReplayEvidence } from "../../src/validate/judge.ts";
import type { ReplayRounds } from "../../src/validate/replay.ts";
import { judgeApply, judgePatch, validateStage, type ValidateDeps } from "../../src/validate/stage.ts";
import { temporaryRepository } from "../support/git-repository.ts";

const PATCH = `diff --git a/src/a.txt b/src/a.txt
--- a/src/a.txt
+++ b/src/a.txt
@@ -1,2 +1,2 @@
-old
+new
 same
`;
const HYPOTHESIS = { metric: "p50_ms", operation: "work", direction: "decrease", expectedChange: -0.5 } as const;

function proposalOf(patch: string, baseSha = "a".repeat(40)): Proposal {
  return {
    schema: "whetstone.proposal/1",
    id: "p-1",
    target: "notes",
    session: "s-1",
    baseSha,
    answer: { title: "t", patch, hypothesis: HYPOTHESIS, rationale: "r", findings: ["slow_operation"] },
    patchDigest: sha256(patch),
    fingerprint: "f".repeat(64),
  };
}

const call: CallResult = { key: "s/1", tool: "work", status: "ok", durationMs: 1, result: {} };
const results: ReplayRounds = { reference: [call], before: [[call]], after: [[call]] };
/** Evidence of a change that does what it promised. */
const good: ReplayEvidence = {
  differences: [],
  effects: [
    {
      operation: "work",
      metric: "p50_ms",
      before: 10,
      beforeInterval: { low: 9, high: 11, level: 0.95 },
      after: 5,
      afterInterval: { low: 4, high: 6, level: 0.95 },
      change: -0.5,
      changeInterval: { low: -0.6, high: -0.4, level: 0.95 },
      samples: 50,
    },
  ],
  hypothesis: HYPOTHESIS,
  slowdown: 0.5,
  noiseFields: 0,
  calls: 1,
};

/** Parts that note what was done, over nothing but memory. */
function memoryDeps(change: Partial<ValidateDeps> = {}) {
  const done: string[] = [];
  const dossier = new Map<string, string | Uint8Array>();
  const deps: ValidateDeps = {
    source: ["src/**"],
    limits: { files: 10, lines: 600, bytes: 65_536 },
    checks: [],
    prepare: undefined,
    env: { PATH: process.env["PATH"] ?? "" },
    applyInWorktree: async () => {
      done.push("apply");
      return { ok: true, path: "/", changed: ["src/a.txt"] };
    },
    replay: async () => {
      done.push("replay");
      return { ...good, results };
    },
    dossier,
    progress: ({ label }) => void done.push(`>${label}`),
    ...change,
  };
  return { deps, done, dossier };
}

const check = (run: string, name = run) => ({ name, run, timeoutSeconds: 20 });
const json = (dossier: ReadonlyMap<string, string | Uint8Array>, path: string): unknown =>
  JSON.parse(String(dossier.get(path)));

describe("the pipeline", () => {
  test("runs scope, safety, apply, checks and replay in this order, and passes with the last one's reasons", async () => {
    const { deps, done, dossier } = memoryDeps({ checks: [check("true")] });
    const stage = await validateStage(deps, proposalOf(PATCH));
    expect(stage).toMatchObject({ verdict: "pass", reasons: ["hypothesis_met"], value: { worktree: "/" } });
    expect(stage.summary).toContain("work p50_ms: 10.0 → 5.0 ms");
    expect(done).toEqual([
      ">scope",
      ">safety",
      "apply",
      ">apply",
      ">check true",
      "apply",
      ">checks",
      "replay",
      ">replay",
    ]);
    const { report } = stage.value;
    expect(report.stages.map(({ stage: name }) => name)).toEqual([...VALIDATION_STAGES]);
    expect(report).toMatchObject({
      proposal: "p-1",
      patchDigest: sha256(PATCH),
      baseSha: "a".repeat(40),
      effects: good.effects,
    });
    expect(ValidationReport.parse(json(dossier, "validation/report.json"))).toEqual(report);
  });

  test("leaves every input of its verdicts in the dossier", async () => {
    const { deps, dossier } = memoryDeps({ checks: [check("echo hi", "greet")] });
    await validateStage(deps, proposalOf(PATCH));
    expect([...dossier.keys()].sort()).toEqual(
      ["apply", "checks", "replay-results", "replay", "report", "rules"].map((name) => `validation/${name}.json`),
    );
    expect(json(dossier, "validation/rules.json")).toEqual({ source: deps.source, limits: deps.limits });
    expect(json(dossier, "validation/apply.json")).toEqual({ ok: true, changed: ["src/a.txt"] });
    expect(json(dossier, "validation/checks.json")).toEqual([
      { name: "greet", command: "echo hi", exitCode: 0, timedOut: false, tail: "hi\n" },
    ]);
    expect(json(dossier, "validation/replay-results.json")).toEqual(results);
    expect(json(dossier, "validation/replay.json")).toEqual(good);
  });

  const refuse = async () => ({ ok: false, detail: "no" }) as const;
  const OUT_OF_SCOPE = PATCH.replaceAll("src/a.txt", "lib/a.txt");
  const WITH_SECRET = PATCH.replace("+new", `+ghp_${"a1B2".repeat(9)}`);
  const dead = async () => ({ ...good, serverFailure: "dead", results });
  const stops = [
    { last: "scope", patch: OUT_OF_SCOPE, change: {}, reasons: ["path_forbidden"] },
    { last: "scope", patch: "no patch\n", change: {}, reasons: ["patch_unparseable"] },
    { last: "scope", patch: "", change: {}, reasons: ["patch_empty"] },
    {
      last: "scope",
      patch: PATCH,
      change: { limits: { files: 10, lines: 1, bytes: 999 } },
      reasons: ["size_exceeded"],
    },
    { last: "safety", patch: WITH_SECRET, change: {}, reasons: ["secret_found"] },
    { last: "apply", patch: PATCH, change: { applyInWorktree: refuse }, reasons: ["patch_does_not_apply"] },
    { last: "checks", patch: PATCH, change: { checks: [check("false"), check("true")] }, reasons: ["check_failed"] },
    { last: "replay", patch: PATCH, change: { replay: dead }, reasons: ["server_failed"] },
  ] as const;
  test.each(stops)("stops at $last ($reasons): later stages are absent and nothing of them ran", async (stop) => {
    const { last, patch, change, reasons } = stop;
    const { deps, done, dossier } = memoryDeps(change);
    const stage = await validateStage(deps, proposalOf(patch));
    const reached = VALIDATION_STAGES.slice(0, VALIDATION_STAGES.indexOf(last) + 1);
    expect(stage).toMatchObject({
      verdict: "fail",
      reasons,
      summary: expect.stringMatching(new RegExp(`^${last}: .`)),
    });
    expect(stage.value.report.stages.map(({ stage: name }) => name)).toEqual(reached);
    expect(stage.value.report).toMatchObject({ verdict: "fail", reasons });
    expect(done.filter((name) => name === `>${VALIDATION_STAGES[reached.length] ?? "end"}`)).toEqual([]);
    expect(done.includes("replay")).toBe(false);
    expect(dossier.has("validation/checks.json")).toBe(reached.includes("checks"));
    expect(dossier.has("validation/replay.json")).toBe(last === "replay");
    expect(dossier.has("validation/report.json")).toBe(true);
    if (["scope", "safety", "apply"].includes(last)) expect(stage.value.worktree).toBeUndefined();
  });

  test("says at most one line of what a server or a check told", async () => {
    const { deps } = memoryDeps({ checks: [check("printf 'one\\ntwo\\n'; exit 1", "tests")] });
    const { summary } = await validateStage(deps, proposalOf(PATCH));
    expect(summary).not.toContain("\n");
    expect(summary).toContain("checks: tests");
    expect(summary).toContain("one | two");
  });

  test("an error of a part is no verdict: it passes through", async () => {
    const { deps, dossier } = memoryDeps({ replay: () => Promise.reject(new Error("store is full")) });
    await expect(validateStage(deps, proposalOf(PATCH))).rejects.toThrow("store is full");
    expect(dossier.has("validation/report.json")).toBe(false);
  });
});

describe("checks", () => {
  test("run in order in the worktree, preparation first, up to the first that fails", async () => {
    await using repository = await temporaryRepository();
    const { deps, dossier } = memoryDeps({
      applyInWorktree: async () => ({ ok: true, path: repository.root, changed: ["src/a.txt"] }),
      prepare: "pwd > prepared",
      checks: [check("cat prepared", "one"), check("exit 4", "two"), check("touch three", "three")],
    });
    const stage = await validateStage(deps, proposalOf(PATCH));
    expect(stage).toMatchObject({ verdict: "fail", reasons: ["check_failed"] });
    expect(stage.value.report.stages.at(-1)?.details).toEqual(["two (exit 4) ended with exit code 4: "]);
    const runs = json(dossier, "validation/checks.json") as { name: string; exitCode: number; tail: string }[];
    expect(runs.map(({ name, exitCode }) => [name, exitCode])).toEqual([
      ["prepare", 0],
      ["one", 0],
      ["two", 4],
    ]);
    // A dossier is read elsewhere: it names no folder of this machine.
    expect(runs[1]?.tail).toBe(".\n");
    expect(existsSync(join(repository.root, "three"))).toBe(false);
  });

  test("execute the change, so what is replayed afterwards is another worktree, prepared alike and never checked", async () => {
    await using first = await temporaryRepository();
    await using second = await temporaryRepository();
    const asked: string[] = [];
    const replayed: string[] = [];
    const { deps, dossier } = memoryDeps({
      applyInWorktree: async (_proposal, purpose) => {
        asked.push(purpose);
        return { ok: true, path: purpose === "checks" ? first.root : second.root, changed: ["src/a.txt"] };
      },
      prepare: "touch prepared",
      checks: [check("touch altered", "sly")],
      replay: async (_proposal, head) => {
        replayed.push(head);
        return { ...good, results };
      },
    });
    const stage = await validateStage(deps, proposalOf(PATCH));
    expect(stage).toMatchObject({ verdict: "pass", value: { worktree: second.root } });
    expect([asked, replayed]).toEqual([["checks", "replay"], [second.root]]);
    expect(["prepared", "altered"].map((name) => existsSync(join(second.root, name)))).toEqual([true, false]);
    const runs = json(dossier, "validation/checks.json") as { name: string }[];
    expect(runs.map(({ name }) => name)).toEqual(["prepare", "sly", "prepare"]);
  });

  test("a patch that applies only once is a defect, not a verdict", async () => {
    const applyInWorktree: ValidateDeps["applyInWorktree"] = async (_proposal, purpose) =>
      purpose === "checks" ? { ok: true, path: "/", changed: ["src/a.txt"] } : { ok: false, detail: "gone" };
    const { deps } = memoryDeps({ applyInWorktree, checks: [check("true")] });
    await expect(validateStage(deps, proposalOf(PATCH))).rejects.toMatchObject({ code: "defect" });
  });

  test("that take longer than their limit fail as such", async () => {
    const { deps } = memoryDeps({ checks: [{ name: "slow", run: "sleep 300", timeoutSeconds: 0.1 }] });
    const stage = await validateStage(deps, proposalOf(PATCH));
    expect(stage.value.report.stages.at(-1)?.details[0]).toBe("slow (sleep 300) took longer than its limit: ");
  });

  test("see the environment that they are given and no other", async () => {
    const env = { PATH: process.env["PATH"] ?? "", GIVEN: "yes" };
    const { deps, dossier } = memoryDeps({ env, checks: [check('echo "$GIVEN-$HOME-$WHETSTONE"')] });
    await validateStage(deps, proposalOf(PATCH));
    expect(json(dossier, "validation/checks.json")).toMatchObject([{ tail: "yes--\n" }]);
  });

  test("are noted in the lease while they run", async () => {
    const told: string[] = [];
    const lease = {
      addProcess: async () => void told.push("add"),
      forgetProcess: async () => void told.push("forget"),
    };
    const { deps } = memoryDeps({ lease, checks: [check("true"), check(":")] });
    await validateStage(deps, proposalOf(PATCH));
    expect(told).toEqual(["add", "forget", "add", "forget"]);
  });

  test("that an interruption ends are no verdict", async () => {
    const controller = new AbortController();
    const progress: ValidateDeps["progress"] = ({ label }) => {
      if (label === "check sleep 300") controller.abort(new Error("interrupted"));
    };
    const checks = [check("sleep 300"), check("touch /never")];
    const { deps, dossier } = memoryDeps({ checks, progress, signal: controller.signal });
    await expect(validateStage(deps, proposalOf(PATCH))).rejects.toThrow("interrupted");
    expect(dossier.has("validation/checks.json")).toBe(false);
  });
});

describe("what git changed is what the patch names", () => {
  const applied = (...changed: string[]) => ({ ok: true, changed }) as const;

  test("equal sets pass, in any order", () => {
    expect(judgeApply(applied("src/a.txt"), PATCH)).toEqual({
      verdict: "pass",
      reasons: ["ok"],
      details: ["Applies to the base; changes src/a.txt."],
    });
  });

  test("a path more or a path less is refused by name", () => {
    const paths = fc.constantFrom("src/a.txt", "src/b.txt", "c");
    fc.assert(
      fc.property(fc.uniqueArray(paths), (changed) => {
        const verdict = judgeApply(applied(...changed), PATCH);
        const equal = changed.length === 1 && changed[0] === "src/a.txt";
        expect(verdict.verdict).toBe(equal ? "pass" : "fail");
        if (equal) return;
        expect(verdict.reasons).toEqual(["patch_unparseable"]);
        for (const path of changed.filter((one) => one !== "src/a.txt"))
          expect(verdict.details).toContain(`Applying changed ${path}, which the patch does not name.`);
        const left = verdict.details.includes("Applying left src/a.txt as it was, which the patch names.");
        expect(left).toBe(!changed.includes("src/a.txt"));
      }),
    );
  });

  test("a patch that does not parse names nothing, so nothing may have changed", () => {
    expect(judgeApply(applied("x"), "nonsense")).toMatchObject({ verdict: "fail" });
  });

  /** Validates with real git up to the checks. */
  async function onGit(files: Record<string, string>, patch: string) {
    await using repository = await temporaryRepository();
    const sha = await repository.commit(files);
    await using worktree = await addWorktree({ root: repository.root, path: join(repository.root, "wt"), sha });
    const { deps } = memoryDeps({
      source: ["**"],
      applyInWorktree: async ({ answer }) => {
        const result = await applyPatch({ worktree: worktree.path, patch: answer.patch });
        return result.ok
          ? { ok: true, path: worktree.path, changed: [...(await changedPaths(worktree.path))] }
          : result;
      },
    });
    const stage = await validateStage(deps, proposalOf(patch, sha));
    return stage.value.report.stages.find(({ stage: name }) => name === "apply");
  }

  const ADDED = `diff --git a/src/new.txt b/src/new.txt
new file mode 100644
--- /dev/null
+++ b/src/new.txt
@@ -0,0 +1 @@
+x
`;
  const RENAMED = `diff --git a/src/a.txt b/src/b.txt
similarity index 100%
rename from src/a.txt
rename to src/b.txt
`;
  const DELETED = `diff --git a/src/a.txt b/src/a.txt
deleted file mode 100644
--- a/src/a.txt
+++ /dev/null
@@ -1,2 +0,0 @@
-old
-same
`;
  const files = { "src/a.txt": "old\nsame\n", "src/c.txt": "c\n" };
  test.each([
    ["changes a file", PATCH, "src/a.txt"],
    ["adds a file", ADDED, "src/new.txt"],
    ["renames a file", RENAMED, "src/a.txt, src/b.txt"],
    ["deletes a file", DELETED, "src/a.txt"],
    ["adds a file that git ignores", ADDED, "src/new.txt"],
  ])("with real git, for a patch that %s", async (name, patch, changed) => {
    const ignoring: Record<string, string> = name.includes("ignores") ? { ".gitignore": "new.txt\n" } : {};
    expect(await onGit({ ...files, ...ignoring }, patch)).toMatchObject({
      verdict: "pass",
      details: [`Applies to the base; changes ${changed}.`],
    });
  });

  test("with real git, a patch that changes nothing in the end is refused", async () => {
    const idle = PATCH.replace("+new", "+old");
    expect(await onGit(files, idle)).toMatchObject({ verdict: "fail", reasons: ["patch_unparseable"] });
  });

  test("with real git, a patch for another base does not apply", async () => {
    expect(await onGit({ "src/a.txt": "other\n" }, PATCH)).toMatchObject({
      verdict: "fail",
      reasons: ["patch_does_not_apply"],
      details: [expect.stringContaining("src/a.txt")],
    });
  });
});

test("judgePatch judges a patch's text alone, and safety after scope", () => {
  const rules = { source: ["src/**"], limits: { files: 1, lines: 10, bytes: 1_000 } };
  const names = (patch: string) => [...judgePatch(patch, rules)].map(([stage, { verdict }]) => `${stage} ${verdict}`);
  expect(names(PATCH)).toEqual(["scope pass", "safety pass"]);
  expect(names("x")).toEqual(["scope fail"]);
  expect(names(PATCH.replaceAll("src/", "lib/"))).toEqual(["scope fail", "safety pass"]);
});
