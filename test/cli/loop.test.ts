import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { writeForged } from "../loop/real-run.ts";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "../support/sample-project.ts";
import { startWhetstone, whetstone, type Ended } from "../support/whetstone.ts";

let project: SampleProject;
let first: Ended;
beforeAll(async () => {
  project = await sampleProject();
  const session = await project.session(BETTER_WORK);
  first = await whetstone(["loop", "--local", "--session", `replay:${session}`, "--json"], { cwd: project.root });
}, 180_000);
afterAll(() => project.remove());

function cli(...args: string[]): Promise<Ended> {
  return whetstone(args, { cwd: project.root });
}

describe("a good proposal", () => {
  test("is promoted, and the JSON says what was measured", () => {
    expect(first).toMatchObject({ code: 0 });
    const report = JSON.parse(first.out);
    expect(report.verdict).toBe("promoted");
    expect(report.stages.map(({ stage }: { stage: string }) => stage)).toEqual([
      "gate",
      "capture",
      "analyze",
      "session",
      "detect",
      "validate",
      "propose",
      "canary",
      "record",
      "learn",
    ]);
    const effect = report.effects.find(
      (e: { operation: string; metric: string }) => e.operation === "work" && e.metric === "p50_ms",
    );
    expect(effect.changeInterval.high).toBeLessThan(0);
    expect(report.findings.map(({ kind }: { kind: string }) => kind)).toContain("errors");
    expect(report.canary.errorRates).toEqual({ rollback: 0.05, promotion: 0.05 });
  });

  test("is a branch with the change and its report, on top of the base; the user's branch is untouched", async () => {
    const { branch } = JSON.parse(first.out);
    expect(project.git("show", `${branch}:src/work.mjs`)).toContain("REPEAT = 1;");
    expect(project.git("rev-parse", `${branch}^`)).toBe(project.git("rev-parse", "main"));
    const message = project.git("log", "-1", "--format=%B", branch);
    for (const part of ["## What hurts", "## Before and after", "## Validation", "patch sha256"])
      expect(message).toContain(part);
    expect(project.git("status", "--porcelain")).toBe("");
    expect(project.git("branch", "--show-current")).toBe("main");
    expect(await leftovers(project)).toEqual({ ...NOTHING, branches: [branch] });
  });

  test("is on record: ledger, outcome, session and manifest in the state branch", async () => {
    const files = project.git("ls-tree", "-r", "--name-only", "whetstone/state").split("\n");
    for (const folder of ["ledger", "outcomes", "sessions", "dossiers"]) {
      expect({ folder, files: files.filter((file) => file.startsWith(`${folder}/`)).length }).toEqual({
        folder,
        files: 1,
      });
    }
    const verified = await cli("audit", "verify", "--json");
    expect([verified.code, JSON.parse(verified.out).ok]).toEqual([0, true]);
    const shown = JSON.parse((await cli("audit", "show", "--json")).out);
    expect(shown.records.map(({ operation }: { operation: string }) => operation).slice(0, 6)).toEqual([
      "loop.start",
      "detect",
      "validate",
      "propose",
      "canary",
      "loop.end",
    ]);
  });

  test("the traces of the run are in the store and shown", async () => {
    const found = JSON.parse(
      (await cli("traces", "search", "--operation", "tools/call work", "--limit", "2", "--json")).out,
    );
    expect([found.returned, found.traces[0].rootOperation, found.total > 2]).toEqual([2, "tools/call work", true]);
    const next = JSON.parse(
      (
        await cli(
          "traces",
          "search",
          "--operation",
          "tools/call work",
          "--limit",
          "2",
          "--cursor",
          found.nextCursor,
          "--json",
        )
      ).out,
    );
    expect(next.traces[0].traceId).not.toBe(found.traces[0].traceId);
    const shown = await cli("traces", "show", found.traces[0].traceId);
    expect([shown.code, shown.out.includes("tools/call work")]).toEqual([0, true]);
    const analyzed = JSON.parse((await cli("analyze", "--target", "sample", "--json")).out);
    expect(analyzed.findings.length).toBeGreaterThan(0);
  });

  test("its dossier recomputes; one byte changed is found and named", async () => {
    const { dossier } = JSON.parse(first.out);
    const replayed = await cli("replay", dossier, "--json");
    expect(replayed.code).toBe(0);
    expect(JSON.parse(replayed.out)).toMatchObject({ equal: true });
    const folder = join(project.root, dossier);
    const files = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")).files.map(
      ({ path }: { path: string }) => path,
    );
    for (const file of [...files, "manifest.json"]) {
      const bytes = await readFile(join(folder, file));
      const changed = Buffer.from(bytes);
      const at = Math.floor(bytes.length / 2);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(join(folder, file), changed);
      const ended = await cli("replay", dossier);
      await writeFile(join(folder, file), bytes);
      expect({ file, code: ended.code, named: ended.err.includes(file) }).toEqual({ file, code: 1, named: true });
    }
    expect((await cli("replay", dossier)).code).toBe(0);
  }, 120_000);

  test("a later outcome can be recorded, and learned from", async () => {
    const { dossier } = JSON.parse(first.out);
    const recorded = await cli("record", dossier, "--status", "held", "--json");
    expect([recorded.code, JSON.parse(recorded.out).status]).toEqual([0, "held"]);
    const learned = await cli("learn", "--json");
    expect(learned.code).toBe(0);
    expect(JSON.parse(learned.out).explanation.length).toBeGreaterThan(0);
  });
});

describe("single stages", () => {
  test("validate prints the report and writes it; propose keeps the same branch", async () => {
    const session = await project.session(BETTER_WORK);
    const validated = await cli("validate", session, "-o", ".whetstone/report.json", "--json");
    expect([validated.code, JSON.parse(validated.out).verdict]).toEqual([0, "pass"]);
    expect(JSON.parse(await readFile(join(project.root, ".whetstone/report.json"), "utf8"))).toEqual(
      JSON.parse(validated.out),
    );
    const proposed = await cli("propose", JSON.parse(first.out).dossier, "--local", "--json");
    expect([proposed.code, JSON.parse(proposed.out).branch]).toEqual([0, JSON.parse(first.out).branch]);
  }, 180_000);

  test("propose believes no report that the recorded results do not bear out", async () => {
    const { dossier } = JSON.parse(first.out);
    const report = JSON.parse(await readFile(join(project.root, dossier, "validation/report.json"), "utf8"));
    report.effects[0].change = -0.99;
    const files = { "validation/report.json": JSON.stringify(report) };
    const forged = await writeForged(join(project.root, ".whetstone/forged"), join(project.root, dossier), { files });
    const refused = await cli("propose", forged, "--local", "--json");
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("validation/report.json")]);
    expect(refused.err).toContain("does not follow");
  }, 180_000);

  test("--dry-run writes no branch and records nothing", async () => {
    const other = await sampleProject();
    const session = await other.session(BETTER_WORK);
    const ended = await whetstone(["loop", "--local", "--dry-run", "--session", `replay:${session}`, "--json"], {
      cwd: other.root,
    });
    expect([ended.code, JSON.parse(ended.out).reasons]).toEqual([0, ["dry_run"]]);
    expect(other.git("for-each-ref", "refs/heads/whetstone")).toBe("");
    expect(await readdir(join(other.root, ".whetstone", "dossiers"))).toHaveLength(1);
    await other.remove();
  }, 180_000);

  test("--mode analysis needs no session and changes nothing", async () => {
    const other = await sampleProject();
    const ended = await whetstone(["loop", "--local", "--mode", "analysis"], { cwd: other.root });
    expect([
      ended.code,
      ended.out.includes("NO CHANGE (analysis_only)"),
      ended.out.includes("1. critical errors in tools/call fail"),
    ]).toEqual([0, true, true]);
    expect(await leftovers(other)).toEqual(NOTHING);
    await other.remove();
  }, 180_000);
});

test("Ctrl-C releases everything and says so", async () => {
  const other = await sampleProject();
  const session = await other.session(BETTER_WORK);
  const running = startWhetstone(["loop", "--local", "--session", `replay:${session}`], { cwd: other.root });
  await new Promise<void>((started) => {
    running.child.stderr?.on("data", (text: string) => {
      if (text.includes("analyze")) started();
    });
  });
  running.child.kill("SIGINT");
  const ended = await running.ended;
  expect([ended.code, ended.err]).toEqual([1, expect.stringContaining("error (interrupted)")]);
  expect(await leftovers(other)).toEqual(NOTHING);
  await rm(session);
  await other.remove();
}, 180_000);
