import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { gate } from "../../src/loop/gate.ts";
import { readLedger } from "../../src/protect/ledger.ts";
import type { Workspace } from "../../src/wire.ts";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { ACTOR, workspaceOf } from "./real-run.ts";

let project: SampleProject;
let workspace: Workspace;
beforeEach(async () => {
  project = await sampleProject();
  workspace = { ...(await workspaceOf(project)), state: openMemoryState() };
});
afterEach(() => project.remove());

const open = (record = true, on: Workspace = workspace) => gate({ id: "r-1", actor: ACTOR, workspace: on }, { record });
/** The workspace with other globs of the files under care. */
const caringFor = (...source: string[]): Workspace => ({ ...workspace, target: { ...workspace.target, source } });
const ledger = async () => (await readLedger(await workspace.state.view())).records;

describe("a run may start", () => {
  test("on the commit of a clean worktree, and the start is on record", async () => {
    const result = await open();
    const sha = project.git("rev-parse", "HEAD");
    expect(result).toMatchObject({ verdict: "pass", reasons: ["ok"], value: { baseSha: sha } });
    expect(result.summary).toBe(`sample at ${sha.slice(0, 12)} (main), ledger of 0 records verified`);
    expect(await ledger()).toMatchObject([
      { seq: 1, operation: "loop.start", decision: "allow", result: "started", run: "r-1", actor: ACTOR },
    ]);
  });

  test("without a record when nothing is to be recorded", async () => {
    expect((await open(false)).verdict).toBe("pass");
    expect((await workspace.state.view()).head).toBeUndefined();
  });

  test("on a detached HEAD, which it says", async () => {
    project.git("checkout", "-q", "--detach");
    expect((await open()).summary).toContain("(detached HEAD)");
  });

  test("with files that nobody measures: untracked ones elsewhere, ignored ones", async () => {
    await project.write("notes.txt", "x");
    await project.write("lib/other.mjs", "x");
    await project.write(".whetstone/file", "x");
    expect((await open()).verdict).toBe("pass");
  });

  test("again and again, on a ledger that grows", async () => {
    await open();
    expect((await open()).summary).toContain("ledger of 1 records verified");
    expect((await ledger()).map(({ seq }) => seq)).toEqual([1, 2]);
  });
});

describe("a run is refused", () => {
  const refusal = (...changed: string[]) => ({
    code: "worktree_dirty",
    message: expect.stringContaining(`${changed.length} files differ`),
    remedy: expect.stringContaining("Commit or stash"),
    data: { changed },
  });

  test.each([
    ["changed", (root: SampleProject) => root.write("src/work.mjs", "x")],
    ["staged", (root: SampleProject) => root.write("src/work.mjs", "x").then(() => void root.git("add", "-A"))],
    ["deleted", (root: SampleProject) => rm(join(root.root, "src/work.mjs"))],
  ])("when a file of the source was %s", async (_name, change) => {
    await change(project);
    await expect(open()).rejects.toMatchObject(refusal("src/work.mjs"));
    expect((await workspace.state.view()).head).toBeUndefined();
  });

  test("when a tracked file anywhere differs, and when an untracked one lies in the source", async () => {
    await project.write("server.mjs", "x");
    await project.write("src/new.mjs", "x");
    await expect(open()).rejects.toMatchObject(refusal("server.mjs", "src/new.mjs"));
  });

  test("with at most five names and the number of all", async () => {
    for (const name of ["a", "b", "c", "d", "e", "f"]) await project.write(`src/${name}.mjs`, "x");
    await expect(open()).rejects.toThrow(
      "6 files differ from the commit that would be measured: src/a.mjs, src/b.mjs, src/c.mjs, src/d.mjs, src/e.mjs, ….",
    );
  });

  test.each([
    ["**", "anywhere.txt"],
    ["*.mjs", "other.mjs"],
    ["lib/**/*.ts", "lib/deep/er/a.ts"],
    ["lib/{a,b}/**", "lib/b/x"],
    ["lib/+(a|b)/x", "lib/a/x"],
    ["lib/[ab].ts", "lib/a.ts"],
    ["lib/one.ts", "lib/one.ts"],
    ["pages/(group)/x.ts", "pages/(group)/x.ts"],
  ])("by the glob %s for the untracked file %s", async (glob, file) => {
    await project.write(file, "x");
    await expect(open(true, caringFor(glob))).rejects.toMatchObject(refusal(file));
  });

  test("not by a glob that takes files out", async () => {
    await project.write("docs/a.md", "x");
    expect((await open(true, caringFor("src/**", "!docs/**"))).verdict).toBe("pass");
  });

  test("when the ledger does not verify, by the first bad record; nothing is added to it", async () => {
    await open();
    await open();
    const view = await workspace.state.view();
    const [path = ""] = await view.list("ledger");
    const text = (await view.read(path)) ?? "";
    const broken = text.replace('"result":"started"', '"result":"STARTED"');
    await workspace.state.update("break", async () => ({ change: new Map([[path, broken]]), value: undefined }));
    const { head } = await workspace.state.view();
    await expect(open()).rejects.toMatchObject({
      code: "ledger_broken",
      data: { seq: 1 },
      remedy: expect.stringContaining("whetstone/state"),
    });
    expect((await workspace.state.view()).head).toBe(head);
    // Also when nothing would be added to it.
    await expect(open(false)).rejects.toMatchObject({ code: "ledger_broken", data: { seq: 1 } });
  });

  test("not by an empty folder in the place of the source", async () => {
    await mkdir(join(project.root, "src/empty"));
    expect((await open()).verdict).toBe("pass");
  });
});
