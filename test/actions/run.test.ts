import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { gitText } from "../../src/github/git.ts";
import { LedgerRecord } from "../../src/model/ledger.ts";
import { run, stageRepository, toolPath } from "../package/staging.ts";
import { checkOut, runStep, type Step, type StepEnd } from "./run.ts";

/** The action as a runner has it: its repository at a tag, built, without anything installed. */
let action: Awaited<ReturnType<typeof stageRepository>>;
let entry: string;
let workspace: Awaited<ReturnType<typeof checkOut>>;

beforeAll(async () => {
  action = await stageRepository();
  await run("npm", ["run", "--silent", "build"], { cwd: action.path, env: toolPath });
  // Away from node_modules, so that anything that is not inside the bundle would be missed.
  const bare = await mkdtemp(join(action.path, "..", "whetstone-action-"));
  for (const part of ["dist", "sql", "package.json"]) await run("cp", ["-R", join(action.path, part), bare]);
  entry = join(bare, "dist/actions/step.js");
  workspace = await checkOut();
}, 120_000);
afterAll(async () => {
  await action[Symbol.asyncDispose]();
  await workspace[Symbol.asyncDispose]();
  await run("rm", ["-rf", join(entry, "../../..")]);
});

const step = (inputs: Step["inputs"], more: Partial<Step> = {}): Promise<StepEnd> =>
  runStep({ entry, workspace: workspace.path, inputs, ...more });
const git = (...args: string[]): Promise<string> => gitText({ args, cwd: workspace.path });

async function ledger(): Promise<LedgerRecord[]> {
  const names = (await git("ls-tree", "-r", "--name-only", "whetstone/state", "ledger/")).split("\n").filter(Boolean);
  const texts = await Promise.all(names.map((name) => git("show", `whetstone/state:${name}`)));
  return texts.flatMap((text) => text.trim().split("\n")).map((line) => LedgerRecord.parse(JSON.parse(line)));
}

describe("the built action in a clone of this repository", () => {
  test("analysis measures the example, names what hurts, and changes nothing", async () => {
    const { exitCode, outputs, summary, log } = await step({ target: "notes", mode: "analysis" });
    expect({ exitCode, log }).toEqual({ exitCode: 0, log: expect.stringContaining("::notice::Whetstone: no_change") });
    expect(outputs).toMatchObject({
      decision: "none",
      result: "no_change",
      "reason-code": "analysis_only",
      branch: "",
    });
    expect(await readdir(join(workspace.path, outputs["dossier"] ?? ""))).toContain("manifest.json");
    expect(summary).toMatch(/^\| capture \| pass \| ok \|/m);
    expect(summary).toContain("### Findings\n\n| finding |");
    expect(log).toMatch(/::group::capture[^]*::endgroup::\ncapture: pass/);
    const actors = (await ledger()).map(({ actor }) => actor);
    expect(actors.length).toBeGreaterThan(0);
    for (const actor of actors)
      expect(actor).toEqual({ type: "workflow", id: "octo/notes/actions/runs/17 by octocat" });
    expect(await git("status", "--porcelain", "--untracked-files=no")).toBe("");
  }, 120_000);

  test("a change of files that it may not touch fails the job with the reason code", async () => {
    const good = await readFile("examples/notes-server/sessions/good.json", "utf8");
    await writeFile(join(workspace.path, "moved.json"), good.replaceAll("notes-server/src/", "notes-server/data/"));
    const { exitCode, outputs, summary, log } = await step({ mode: "refinement", session: "replay:moved.json" });
    expect({ exitCode, result: outputs["result"], log }).toMatchObject({ exitCode: 1, result: "rejected" });
    expect(outputs).toMatchObject({ decision: "deny", "reason-code": "path_forbidden", branch: "" });
    expect(log).toMatch(/^::error::Whetstone: rejected \(path_forbidden\) at detect/m);
    expect(log).toMatch(
      /^::error title=Whetstone%3A patch[^:]*file=examples\/notes-server\/data\/[^:]*line=\d+[^:]*::\S/m,
    );
    expect(summary).toContain("## Whetstone on notes: rejected");
    expect(summary).toMatch(/```mermaid\ngantt\n[^`]*\d\. detect :crit, /);
    expect(await git("branch", "--list", "whetstone/proposal/*")).toBe("");
  }, 120_000);

  test("a cancelled job says so and leaves no worktree behind", async () => {
    const { exitCode, outputs } = await step({ target: "notes" }, { cancelAt: "::group::capture" });
    expect({ exitCode, outputs }).toMatchObject({ exitCode: 1, outputs: { "reason-code": "interrupted" } });
    expect((await git("worktree", "list")).trim().split("\n")).toHaveLength(1);
  }, 180_000);

  test("a step by name does that job alone", async () => {
    const { exitCode, outputs, log } = await step({ step: "gate", target: "notes", "dry-run": "true" });
    expect({ exitCode, log }).toEqual({ exitCode: 0, log: expect.stringContaining("::group::gate") });
    expect(outputs).toMatchObject({ go: "true", decision: "allow", result: "pass" });
    expect(outputs["digest"]).toMatch(/^[0-9a-f]{64}$/);
  }, 120_000);

  test.each([
    [{ step: "gat" }, "`step: gat` is no step. Did you mean `gate`?"],
    [
      { step: "session", session: "replay:x" },
      "The step `session` takes no input `session`. Leave it out; it belongs to",
    ],
    [{ needs: "{}" }, "The step `loop` takes no input `needs`."],
    [{ step: "gate", mode: "refinment" }, "`mode: refinment` is no mode. Did you mean `refinement`?"],
    [{ step: "gate", tokn: "x" }, "There is no input `tokn`. Did you mean `token`?"],
  ])("inputs %j start nothing and are explained", async (inputs, said) => {
    const before = await ledger();
    const { exitCode, outputs, log } = await step(inputs);
    expect({ exitCode, outputs }).toMatchObject({ exitCode: 1, outputs: { result: "error", "reason-code": "usage" } });
    expect(log).toContain(said);
    expect(await ledger()).toEqual(before);
  });

  test("a mistyped input starts nothing", async () => {
    const before = await ledger();
    const { exitCode, outputs, log } = await step({ dry_run: "true" });
    expect({ exitCode, outputs }).toMatchObject({ exitCode: 1, outputs: { result: "error", "reason-code": "usage" } });
    expect(log).toContain("Did you mean `dry-run`?");
    expect(await ledger()).toEqual(before);
  });
});
