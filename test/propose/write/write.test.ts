import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { parsePullRequest } from "../../../src/propose/pull-request.ts";
import { WRITE_CHECKS } from "../../../src/propose/write/request.ts";
import { writeProposal } from "../../../src/propose/write/write.ts";
import { WhetstoneError } from "../../../src/model/error.ts";
import { ARTIFACT, artifactMeta, material, type RequestChange, startWorld, type World } from "./world.ts";

const BRANCH = `whetstone/proposal/notes/${"f".repeat(12)}`;

/** Everything that can be written, as it stands. */
async function standing({ github }: World) {
  const get = async (path: string) => (await github.backend.ask("GET", path)).data;
  const pulls = (await get("pulls?state=all")) as { number: number }[];
  const branches = ((await get("git/matching-refs/heads/whetstone/")) as { ref: string }[]).map(({ ref }) => ref);
  return { pulls, branches };
}

describe("a proposal that passes every check", () => {
  test("becomes a commit on its branch, a draft pull request with labels and reviewers, and a check run", async () => {
    await using world = await startWorld();
    const result = await writeProposal(world.deps, world.request());
    expect(result).toMatchObject({ verdict: "pass", reasons: ["ok"] });
    expect(result.value.checks.map(({ check, verdict }) => [check, verdict])).toEqual(
      WRITE_CHECKS.map((check) => [check, "pass"]),
    );
    const { published, sha } = result.value;
    expect(published).toMatchObject({ action: "created", refusedReviewers: [] });
    const [pull] = await world.deps.host.pulls.from(BRANCH);
    expect(pull).toMatchObject({ draft: true, base: "main", headSha: sha, labels: ["whetstone"], state: "open" });
    expect([...(pull?.reviewers ?? [])].sort()).toEqual(["ada", "grace"]);
    expect(parsePullRequest(pull!)).toMatchObject({
      edited: false,
      facts: { target: "notes", dossier: { digest: ARTIFACT.digest } },
    });
    expect(await world.deps.host.checks.on(sha ?? "")).toMatchObject([
      { name: "Whetstone validation", conclusion: "success" },
    ]);
    expect(await world.github.backend.files(BRANCH)).toMatchObject({ "src/a.ts": "new\nsame\n" });
    expect(world.github.violations).toEqual([]);
  });

  test("is written once, however often the job runs", async () => {
    await using world = await startWorld();
    const first = await writeProposal(world.deps, world.request());
    const before = world.github.requests.length;
    const again = await writeProposal(world.deps, world.request());
    expect(again.value.published).toEqual({ ...first.value.published, action: "kept" });
    expect(world.github.requests.slice(before).filter((request) => !request.startsWith("GET "))).toEqual([]);
    expect(await standing(world)).toMatchObject({ pulls: [{ number: 1 }], branches: [`refs/heads/${BRANCH}`] });
  });

  test("is brought up to date when the run has more to say", async () => {
    await using world = await startWorld();
    await writeProposal(world.deps, world.request());
    const again = await writeProposal(world.deps, world.request({ answer: { rationale: "Better said." } }));
    expect(again.value.published).toMatchObject({ action: "updated" });
    const [pull, ...others] = await world.deps.host.pulls.from(BRANCH);
    expect(others).toEqual([]);
    expect(pull?.body).toContain("> Better said.");
  });

  test("is left as a person edited it while there is nothing new to say", async () => {
    await using world = await startWorld();
    const { value } = await writeProposal(world.deps, world.request());
    const [pull] = await world.deps.host.pulls.from(BRANCH);
    const body = `A note of mine.\n\n${pull?.body ?? ""}`;
    await world.deps.host.pulls.edit(pull!.number, { body });
    const again = await writeProposal(world.deps, world.request());
    expect(again.value.published).toEqual({ ...value.published, action: "kept" });
    expect((await world.deps.host.pulls.from(BRANCH))[0]?.body).toBe(body);
  });

  test("takes its reviewers from the base, not from what it brings along; names that GitHub does not know are told", async () => {
    await using world = await startWorld({
      files: { "src/a.ts": "old\nsame\n", CODEOWNERS: "/src/ @ada @nobody-of-that-name\n" },
    });
    const { value } = await writeProposal(world.deps, world.request());
    expect(value.published?.refusedReviewers).toEqual(["nobody-of-that-name"]);
    expect((await world.deps.host.pulls.from(BRANCH))[0]?.reviewers).toEqual(["ada"]);
  });

  test("an executable file keeps its mode, where the target allows such a change", async () => {
    await using world = await startWorld();
    const patch =
      "diff --git a/src/run.sh b/src/run.sh\n--- a/src/run.sh\n+++ b/src/run.sh\n@@ -1 +1,2 @@\n #!/bin/sh\n+echo 1\n";
    const result = await writeProposal(world.deps, world.request({ patch }));
    expect(result.verdict).toBe("pass");
    expect((await world.github.backend.files(BRANCH))["src/run.sh"]).toBe("x:#!/bin/sh\necho 1\n");
  });
});

test("a change that was stopped before by circumstances alone is proposed when they are gone", async () => {
  await using world = await startWorld();
  world.outcomes.push({ fingerprint: "f".repeat(64), status: "rejected", reasons: ["base_moved"] });
  expect(await writeProposal(world.deps, world.request())).toMatchObject({ verdict: "pass" });
});

describe("nothing is written and the reason is told", () => {
  type Case = readonly [name: string, check: string, reason: string, change: RequestChange | ((world: World) => void)];
  const meta = (more: Record<string, unknown>) => (world: World) =>
    void world.github.backend.artifacts.set(ARTIFACT.id, { meta: artifactMeta(more), bytes: new Uint8Array() });
  const run = (more: Record<string, unknown>) => ({
    workflow_run: { id: 7, repository_id: 1, head_repository_id: 1, ...more },
  });
  const file = (name: string, body: string) => `diff --git a/${name} b/${name}\n${body}`;
  const edit = (name: string) => file(name, `--- a/${name}\n+++ b/${name}\n@@ -1,2 +1,2 @@\n-old\n+new\n same\n`);
  const add = (name: string, mode = "100644", text = "x") =>
    file(name, `new file mode ${mode}\n--- /dev/null\n+++ b/${name}\n@@ -0,0 +1 @@\n+${text}\n`);

  const cases: readonly Case[] = [
    ["the artifact is gone", "provenance", "artifact_foreign", (world) => world.github.backend.artifacts.clear()],
    ["the artifact is expired", "provenance", "artifact_foreign", meta({ expired: true })],
    ["the artifact is of another run", "provenance", "artifact_foreign", meta(run({ id: 8 }))],
    ["the artifact is of a fork's code", "provenance", "artifact_foreign", meta(run({ head_repository_id: 2 }))],
    ["the artifact is of another repository", "provenance", "artifact_foreign", meta(run({ repository_id: 2 }))],
    ["the artifact says nothing of its run", "provenance", "artifact_foreign", meta({ workflow_run: null })],
    ["the artifact was swapped", "provenance", "digest_mismatch", meta({ digest: `sha256:${"0".repeat(64)}` })],
    ["the artifact has no digest", "provenance", "digest_mismatch", meta({ digest: null })],
    ["an old attempt runs again", "provenance", "artifact_foreign", { request: { run: { id: 7, attempt: 1 } } }],
    [
      "a newer attempt took over",
      "provenance",
      "artifact_foreign",
      (world) => void world.github.backend.runs.set(7, { run_attempt: 3, head_sha: world.github.base }),
    ],
    ["the run is unknown", "provenance", "artifact_foreign", (world) => world.github.backend.runs.clear()],
    [
      "the patch is another one than its digest",
      "provenance",
      "digest_mismatch",
      { proposal: { patchDigest: "0".repeat(64) } },
    ],
    ["the patch cannot be read", "parse", "patch_unparseable", { patch: "hello\n" }],
    ["the patch is empty", "parse", "patch_empty", { patch: "\n" }],
    [
      "the patch does not apply",
      "ground_truth",
      "patch_does_not_apply",
      { patch: edit("src/a.ts").replace("-old", "-other") },
    ],
    ["the base is unknown", "ground_truth", "base_missing", { proposal: { baseSha: "b".repeat(40) } }],
    ["a symbolic link is made", "modes", "mode_forbidden", { patch: add("src/l", "120000", "a") }],
    ["a file becomes executable", "modes", "mode_forbidden", { patch: add("src/x.sh", "100755") }],
    [
      "a submodule is made",
      "modes",
      "mode_forbidden",
      { patch: add("src/m", "160000", `Subproject commit ${"a".repeat(40)}`) },
    ],
    ["a name collides by case", "modes", "path_collision", { patch: add("src/A.ts") }],
    ["a path is outside the source", "paths", "path_forbidden", { patch: add("other/x.ts") }],
    ["a workflow is touched", "paths", "path_forbidden", { patch: add(".github/workflows/x.yml") }],
    ["a manifest is touched", "paths", "path_forbidden", { patch: add("src/package.json") }],
    ["a path looks like git's own", "paths", "path_forbidden", { patch: add("src/.git\u0131gnore") }],
    ["it is too large", "size", "size_exceeded", { request: { rules: { source: ["src/**"], limits: { lines: 1 } } } }],
    ["detect said no", "verdicts", "verdict_reject", { detect: { verdict: "fail", reasons: ["secret_found"] } }],
    [
      "detect could not tell",
      "verdicts",
      "verdict_reject",
      { detect: { verdict: "inconclusive", reasons: ["verdict_missing"] } },
    ],
    ["validate said no", "verdicts", "verdict_reject", { validate: { verdict: "fail", reasons: ["check_failed"] } }],
    ["the verdict of detect is of another job", "verdicts", "verdict_missing", { detect: { step: "validate" } }],
    [
      "the verdict of detect is of another attempt",
      "verdicts",
      "artifact_foreign",
      { detect: { run: { id: 7, attempt: 1 } } },
    ],
    [
      "the verdict of validate is of another run",
      "verdicts",
      "artifact_foreign",
      { validate: { run: { id: 8, attempt: 2 } } },
    ],
    [
      "detect looked at another artifact",
      "verdicts",
      "digest_mismatch",
      { detect: { artifactDigest: "0".repeat(64) } },
    ],
    ["validate looked at another patch", "verdicts", "digest_mismatch", { validate: { patchDigest: "0".repeat(64) } }],
    ["the report is about another base", "verdicts", "digest_mismatch", { validation: { baseSha: "b".repeat(40) } }],
    ["the report lacks a stage", "verdicts", "verdict_missing", { validation: { stages: [] } }],
    ["a label would be a command", "text", "text_forbidden", { request: { labels: ["/deploy"] } }],
    [
      "the same change was rejected before",
      "commit",
      "fingerprint_rejected",
      (world) =>
        void world.outcomes.push({ fingerprint: "f".repeat(64), status: "rejected", reasons: ["check_failed"] }),
    ],
    [
      "the same change was rolled back before",
      "commit",
      "fingerprint_rejected",
      (world) =>
        void world.outcomes.push({ fingerprint: "f".repeat(64), status: "rolled_back", reasons: ["errors_increased"] }),
    ],
  ];

  // One world for all of them: nothing is ever written to it.
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });
  beforeEach(() => world.reset());

  test.each(cases)("%s (%s: %s)", async (...[, check, reason, change]) => {
    if (typeof change === "function") change(world);
    const before = world.github.requests.length;
    const result = await writeProposal(world.deps, world.request(typeof change === "function" ? {} : change));
    expect(result.verdict).toBe("fail");
    expect(Object.keys(result.value)).toEqual(["checks"]);
    expect(result.reasons[0]).toBe(reason);
    expect(result.value.checks.at(-1)).toMatchObject({ check, verdict: "fail" });
    expect(result.value.checks.slice(0, -1).every(({ verdict }) => verdict === "pass")).toBe(true);
    expect(world.github.requests.slice(before).filter((request) => !request.startsWith("GET "))).toEqual([]);
    expect(await standing(world)).toEqual({ pulls: [], branches: [] });
    expect(world.github.violations).toEqual([]);
  });

  test.each(["proposal", "session", "evidence", "validation", "detect", "validate"] as const)(
    "the material %s was altered between two jobs",
    async (name) => {
      const request = world.request();
      const { digest, text } = request.materials[name];
      const altered = { ...request, materials: { ...request.materials, [name]: { digest, text: `${text} ` } } };
      const result = await writeProposal(world.deps, altered);
      expect(result).toMatchObject({ verdict: "fail", reasons: ["digest_mismatch"] });
      expect(await standing(world)).toEqual({ pulls: [], branches: [] });
    },
  );

  test.each([
    ["proposal", "artifact_foreign"],
    ["session", "artifact_foreign"],
    ["detect", "verdict_missing"],
    ["validate", "verdict_missing"],
  ] as const)("the material %s is not of its form (%s)", async (name, reason) => {
    for (const value of [{}, null, "pass", { verdict: "pass" }]) {
      const request = world.request();
      const result = await writeProposal(world.deps, {
        ...request,
        materials: { ...request.materials, [name]: material(value) },
      });
      expect(result).toMatchObject({ verdict: "fail", reasons: [reason] });
    }
    expect(await standing(world)).toEqual({ pulls: [], branches: [] });
  });

  test("the kill switch was set after everything was verified", async () => {
    const mayWrite = () => Promise.reject(new WhetstoneError("stopped", "stopped"));
    await expect(writeProposal({ ...world.deps, mayWrite }, world.request())).rejects.toMatchObject({
      code: "stopped",
    });
    expect(await standing(world)).toEqual({ pulls: [], branches: [] });
  });

  test("the base branch moved", async () => {
    await using moved = await startWorld();
    await moved.github.backend.commit("main", { "src/a.ts": "old\nsame\n", more: "1" });
    const result = await writeProposal(moved.deps, moved.request());
    expect(result).toMatchObject({ verdict: "inconclusive", reasons: ["base_moved"] });
    expect(result.value.checks.at(-1)).toMatchObject({ check: "freshness" });
    expect(await standing(moved)).toEqual({ pulls: [], branches: [] });
  });

  test("another proposal for the same operation is open: nothing is held against the change, and it may come later", async () => {
    await using world = await startWorld();
    await writeProposal(world.deps, world.request({ proposal: { fingerprint: "1".repeat(64) } }));
    const waiting = await writeProposal(world.deps, world.request());
    expect(waiting).toMatchObject({ verdict: "inconclusive", reasons: ["duplicate_open"] });
    expect(waiting.summary).toContain("Pull request 1 for ");
    expect((await standing(world)).pulls).toHaveLength(1);
    await world.deps.host.pulls.close(1);
    expect((await writeProposal(world.deps, world.request())).verdict).toBe("pass");
  });

  test("a person closed the pull request of the same change", async () => {
    await using world = await startWorld();
    await writeProposal(world.deps, world.request());
    await world.deps.host.pulls.close(1);
    const result = await writeProposal(world.deps, world.request());
    expect(result).toMatchObject({ verdict: "fail", reasons: ["fingerprint_rejected"] });
    expect((await standing(world)).pulls).toHaveLength(1);
  });

  test("GitHub made another tree of what was sent: the branch is taken back", async () => {
    await using world = await startWorld();
    world.github.bend((request, incoming) => {
      if (request !== "POST /graphql createCommitOnBranch") return undefined;
      const { additions } = Reflect.get(Object(incoming.body), "variables").input.fileChanges as {
        additions: { contents: string }[];
      };
      for (const one of additions) one.contents = Buffer.from("evil\n").toString("base64");
      return undefined;
    });
    const result = await writeProposal(world.deps, world.request());
    expect(result).toMatchObject({ verdict: "fail", reasons: ["views_disagree"] });
    expect(await standing(world)).toEqual({ pulls: [], branches: [] });
  });
});
