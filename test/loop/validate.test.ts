import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openRun, type LoopRun } from "../../src/loop/run.ts";
import { measure, validate } from "../../src/loop/validate.ts";
import type { CallResult } from "../../src/model/call.ts";
import type { Proposal } from "../../src/model/proposal.ts";
import { createRandom } from "../../src/stats/random.ts";
import { readSession } from "../../src/session/replay.ts";
import { bindProposal } from "../../src/session/stage.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "../support/sample-project.ts";
import { ACTOR, workspaceOf } from "./real-run.ts";

/** Calls of two tools whose times vary by chance; `factor` makes `work` slower. */
function calls(seed: string, factor: number): CallResult[] {
  const { uniform } = createRandom(seed);
  return Array.from({ length: 60 }, (_, index) => {
    const tool = index % 2 === 0 ? "work" : "idle";
    const durationMs = (5 + uniform()) * (tool === "work" ? factor : 1);
    return { key: `s/${index}`, tool, status: "ok", durationMs, result: {} };
  });
}

describe("measure", () => {
  const [before, after] = [calls("before", 1), calls("after", 2)];

  test("gives the same effects for the same calls and seed, so that a dossier can be measured again", () => {
    expect(measure({ before, after, seed: "a" })).toEqual(measure({ before, after, seed: "a" }));
    expect(measure({ before, after, seed: "b" })).not.toEqual(measure({ before, after, seed: "a" }));
  });

  test("measures every tool of the calls before, in the order of their names", () => {
    const effects = measure({ before, after, seed: "a" });
    expect([...new Set(effects.map(({ operation }) => operation))]).toEqual(["idle", "work"]);
    const work = effects.find(({ operation, metric }) => operation === "work" && metric === "p50_ms");
    expect(work?.changeInterval.low).toBeGreaterThan(0.5);
    expect(work?.samples).toBe(30);
  });

  test("has no effect to tell without calls", () => {
    expect(measure({ before: [], after: [], seed: "a" })).toEqual([]);
  });
});

describe("validate on real worktrees", () => {
  let project: SampleProject;
  beforeAll(async () => {
    project = await sampleProject();
  });
  afterAll(() => project.remove());

  /** Validates the change that turns `src/work.mjs` into this text. */
  async function judge(work: string | null, change: (run: LoopRun) => void = () => undefined) {
    const workspace = await workspaceOf(project);
    const run = await openRun({ workspace, store: memoryStore(), actor: ACTOR, progress: () => undefined });
    await using _released = run;
    change(run);
    const sha = project.git("rev-parse", "HEAD");
    const proposal = bindProposal(await readSession(await project.session(work)), sha) as Proposal;
    const base = await run.worktree("base", sha);
    const result = await validate(run, { proposal, base, reference: [] });
    const { worktree } = result.value;
    const text = async (of: string | undefined) => of && (await readFile(join(of, "src/work.mjs"), "utf8"));
    return { result, run, before: await text(base), after: await text(worktree) };
  }

  test("measures the change in a worktree of its own; base and user's files stay as they are", async () => {
    const { result, before, after } = await judge(BETTER_WORK);
    expect(result.value.report.stages.map(({ stage }) => stage)).toEqual([
      "scope",
      "safety",
      "apply",
      "checks",
      "replay",
    ]);
    expect(after).toBe(BETTER_WORK);
    expect(before).toContain("REPEAT = 400");
    expect(project.git("status", "--porcelain")).toBe("");
    expect(await leftovers(project)).toEqual(NOTHING);
  }, 180_000);

  test("a patch out of scope gets no worktree", async () => {
    const workspace = await workspaceOf(project);
    const { result, after } = await judge(BETTER_WORK, (run) => {
      const target = { ...workspace.target, source: ["lib/**"] };
      Object.assign(run, { workspace: { ...workspace, target } });
    });
    expect(result).toMatchObject({ verdict: "fail", reasons: ["path_forbidden"] });
    expect(after).toBeUndefined();
    expect(await leftovers(project)).toEqual(NOTHING);
  });

  test("a changed server that ends at once is the change's fault", async () => {
    const { result } = await judge('throw new Error("no");\n');
    expect(result).toMatchObject({ verdict: "fail", reasons: ["server_failed"] });
    expect(result.value.report.stages.at(-1)?.stage).toBe("replay");
    expect(await leftovers(project)).toEqual(NOTHING);
  });

  test("plays as many rounds as the target says, and keeps every result", async () => {
    const { run } = await judge("export const work = (n) => n;\n");
    const { before, after } = JSON.parse(String(run.files.get("validation/replay-results.json"))) as {
      before: CallResult[][];
      after: CallResult[][];
    };
    const sizes = [before, after].map((rounds) => rounds.map((round) => round.length));
    expect(sizes).toEqual([
      [26, 26],
      [26, 26],
    ]);
  });
});
