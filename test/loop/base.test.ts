import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { baseWorktree } from "../../src/loop/base.ts";
import { openRun } from "../../src/loop/run.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { ACTOR, runOn, workspaceOf } from "./real-run.ts";

let project: SampleProject;
beforeEach(async () => {
  project = await sampleProject();
});
afterEach(() => project.remove());

/** A run on a target with this `prepare` command. */
async function open(prepare: string | undefined, signal?: AbortSignal) {
  const workspace = await workspaceOf(project);
  const { prepare: _none, ...target } = workspace.target;
  const prepared = { ...workspace, target: { ...target, ...(prepare === undefined ? {} : { prepare }) } };
  const common = { workspace: prepared, store: memoryStore(), actor: ACTOR, progress: () => undefined };
  return await openRun({ ...common, ...(signal ? { signal } : {}) });
}

const head = () => project.git("rev-parse", "HEAD");

describe("the worktree of the base", () => {
  test("is the commit as it stands when nothing is to be prepared", async () => {
    await using run = await open(undefined);
    const path = await baseWorktree(run, head());
    expect(await readFile(join(path, "src/work.mjs"), "utf8")).toContain("REPEAT = 400");
  });

  test("is prepared once, in its own folder", async () => {
    await using run = await open("pwd >> prepared; echo noise");
    const path = await baseWorktree(run, head());
    expect(await readFile(join(path, "prepared"), "utf8")).toBe(`${path}\n`);
    expect(existsSync(join(project.root, "prepared"))).toBe(false);
  });

  test("is an error of the run when it cannot be prepared, with what the command said; nothing is left", async () => {
    const run = await open('echo "no such package in $PWD" >&2; exit 3');
    await expect(baseWorktree(run, head())).rejects.toMatchObject({
      code: "prepare_failed",
      message: expect.stringMatching(
        /ended with exit code 3 on the unchanged code\. It ends with:\nno such package in \.$/,
      ),
      data: { exitCode: 3, timedOut: false },
    });
    await run[Symbol.asyncDispose]();
    expect(await leftovers(project)).toEqual(NOTHING);
  });

  test("is given up when the run is interrupted", async () => {
    const controller = new AbortController();
    await using run = await open("sleep 300", controller.signal);
    const preparing = baseWorktree({ ...run, progress: () => controller.abort(new Error("stop")) }, head());
    await expect(preparing).rejects.toThrow("stop");
  });
});

test("a server that needs preparation is measured on base and change alike", async () => {
  await project.write(
    "server.mjs",
    `await import("./installed.mjs");\n${await readFile(join(project.root, "server.mjs"), "utf8")}`,
  );
  await project.write(".gitignore", ".whetstone/\ninstalled.mjs\n");
  const config = await readFile(join(project.root, "whetstone.yaml"), "utf8");
  await project.write(
    "whetstone.yaml",
    config.replace("    workload:", '    prepare: "echo > installed.mjs"\n    workload:'),
  );
  project.commit("needs preparation");
  const { report } = await runOn(project, { recording: await project.session("export const work = () => 1;\n") });
  // It got as far as the replay on both versions, which found the results changed.
  expect(report).toMatchObject({ status: "rejected", reasons: ["replay_result_changed"] });
}, 180_000);
