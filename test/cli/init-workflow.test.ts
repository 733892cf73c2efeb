import { existsSync, readdirSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { workflowsFor } from "../../src/cli/workflow-template.ts";
import { temporaryRepository } from "../support/git-repository.ts";
import { whetstone } from "../support/whetstone.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

const templates = readdirSync("workflows").toSorted();
const loopOf = async (release: string): Promise<string> => (await workflowsFor(release)).get("whetstone.yml") ?? "";

describe("the workflows for a repository", () => {
  test("the loop is the template on that release, without what is said to those who copy it", async () => {
    const text = await loopOf(`octo-org/whetstone@${COMMIT}`);
    const { jobs } = parse(text);
    expect(jobs.loop.uses).toBe(`octo-org/whetstone/.github/workflows/loop.yml@${COMMIT}`);
    const template = await readFile("workflows/loop.yml", "utf8");
    const { jobs: original, ...rest } = parse(template);
    expect(parse(text)).toEqual({ ...rest, jobs: { loop: { ...original.loop, uses: jobs.loop.uses } } });
    expect(text).not.toMatch(/Copy to|unreleased|Pin a release/);
    expect(text).toMatch(/^# \*Run workflow\* starts/);
  });

  test("are as many as there are templates, each known as ours by its name", async () => {
    const names = [...(await workflowsFor(`octo-org/whetstone@${COMMIT}`)).keys()];
    expect(names).toHaveLength(templates.length);
    expect(names).toEqual(expect.arrayContaining(["whetstone.yml", "whetstone-monitor.yml"]));
    for (const name of names) expect(name).toMatch(/^whetstone[a-z-]*\.yml$/);
  });

  test.each(templates.map((name) => [name]))("workflows/%s becomes a workflow on that release alone", async (name) => {
    const template = await readFile(`workflows/${name}`, "utf8");
    const filled = [...(await workflowsFor(`octo-org/whetstone@${COMMIT}`)).values()];
    const text = filled.find((one) => parse(one).name === parse(template).name) ?? "";
    expect(text).not.toMatch(/whetstone\/whetstone|unreleased|Pin a release|^\s/);
    const replaced = template.replaceAll(/whetstone\/whetstone(\S*)@0{40}/g, `octo-org/whetstone$1@${COMMIT}`);
    expect(parse(text)).toEqual(parse(replaced));
    for (const [, reference] of text.matchAll(/uses: \S+@(\S+)/g)) expect(reference).toMatch(/^[0-9a-f]{40}$/);
  });

  test("grants what the reusable workflow's jobs ask for, and passes inputs that it has", async () => {
    const reusable = parse(await readFile(".github/workflows/loop.yml", "utf8"));
    const template = parse(await readFile("workflows/loop.yml", "utf8"));
    const asked = Object.values<{ permissions: object }>(reusable.jobs).flatMap((job) =>
      Object.entries(job.permissions),
    );
    for (const [scope, access] of asked) {
      const granted = template.jobs.loop.permissions[scope];
      expect([scope, [access, "write"]]).toEqual([scope, expect.arrayContaining([granted])]);
    }
    const inputs = Object.keys(reusable.on.workflow_call.inputs);
    expect(Object.keys(template.jobs.loop.with)).toEqual(inputs);
    // `request` names the run for the App, and is nothing to the loop.
    expect(Object.keys(template.on.workflow_dispatch.inputs)).toEqual([...inputs, "request"]);
  });

  test.each(["v1", "octo-org/whetstone@v1", `octo-org/whetstone@${COMMIT.slice(1)}`, `a b/c@${COMMIT}`, `x@${COMMIT}`])(
    "a release named as %s is refused",
    async (release) => {
      await expect(workflowsFor(release)).rejects.toMatchObject({ code: "usage" });
    },
  );
});

test("init writes it when it is asked for, and nothing at all for a release that can move", async () => {
  await using repository = await temporaryRepository();
  const file = join(repository.root, ".github/workflows/whetstone.yml");
  const bad = await whetstone(["init", "--workflow", "octo-org/whetstone@v1"], { cwd: repository.root });
  expect([bad.code, existsSync(join(repository.root, "whetstone.yaml"))]).toEqual([2, false]);
  const done = await whetstone(["init", "--workflow", `octo-org/whetstone@${COMMIT}`], { cwd: repository.root });
  expect([done.code, done.out.includes("wrote .github/workflows/whetstone.yml")]).toEqual([0, true]);
  expect(readdirSync(dirname(file))).toHaveLength(templates.length);
  expect(await readFile(file, "utf8")).toContain(COMMIT);
});

test("workflows are added to a repository that is set up, whose configuration stays even where they are forced", async () => {
  await using repository = await temporaryRepository();
  const init = (...args: string[]) => whetstone(["init", ...args], { cwd: repository.root });
  const at = (name: string): string => join(repository.root, name);
  await init("--target", "mine");
  await writeFile(at("whetstone.yaml"), "version: 1\ntargets: {}\n");
  await rm(at(".whetstone-workload.json"));
  const added = await init("--workflow", `octo-org/whetstone@${COMMIT}`, "--json");
  const names = [...(await workflowsFor(`octo-org/whetstone@${COMMIT}`)).keys()];
  expect([added.code, JSON.parse(added.out)]).toEqual([
    0,
    { written: names.map((name) => `.github/workflows/${name}`), kept: ["whetstone.yaml"], command: null },
  ]);
  const next = `octo-org/whetstone@${"f".repeat(40)}`;
  const again = await init("--workflow", next);
  expect([again.code, again.err]).toEqual([2, expect.not.stringContaining("whetstone.yaml,")]);
  const forced = await init("--workflow", next, "--force");
  expect([forced.code, forced.out]).toEqual([0, expect.stringMatching(/kept whetstone\.yaml[^]*doctor --github/)]);
  expect(await readFile(at(".github/workflows/whetstone.yml"), "utf8")).toContain("f".repeat(40));
  expect(await readFile(at("whetstone.yaml"), "utf8")).toBe("version: 1\ntargets: {}\n");
  expect(existsSync(at(".whetstone-workload.json"))).toBe(false);
});
