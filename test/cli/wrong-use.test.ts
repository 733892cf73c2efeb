import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { temporaryFolder } from "../support/git-repository.ts";
import { whetstone } from "../support/whetstone.ts";

const folder = await temporaryFolder();
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});
const cli = (...args: string[]) => whetstone(args, { cwd: folder.path });

describe("what a stranger does wrong is said with what, where and what to do", () => {
  test.each([
    ["a file that is not there", ["import", "none.json"], "none.json: there is no such file", "Give a complete"],
    ["a folder for a file", ["import", "."], "it is a folder", "Give a complete"],
    ["calls that are not there", ["canary", "judge", "--control", "a.csv", "--experiment", "b.csv"], "a.csv", "Name a"],
    ["a specification that is not there", ["spec", "define", "none.yaml"], "there is no such file", "Give the path"],
    ["a proposal that is not there", ["validate", "none.json"], "none.json cannot be read", "Check the path"],
    ["an age without a unit", ["retain", "--traces", "30"], '"30" is not an age', "30d, or forever"],
    ["an age of nothing", ["retain", "--traces", "0s"], "would remove everything", "forever"],
    ["a configuration that is not here", ["slo", "status"], "There is no configuration file", "Run this in the folder"],
    ["a server that is not there", ["proxy", "--", "no-such-server"], "there is no program no-such-server", "by hand"],
  ])("%s", async (_name, words, ...[what, remedy]) => {
    const { code, out, err } = await cli(...words);
    expect([code, out]).toEqual([words[0] === "proxy" ? 1 : 2, ""]);
    const [said = "", ...more] = err.trimEnd().split("\n");
    expect(said).toMatch(/^error \([a-z_]+\): /);
    expect(said).toContain(what);
    expect(more.join("\n")).toContain(remedy);
    expect(err).not.toMatch(/ENOENT|EISDIR|\n\s+at /);
  });

  test("a header of another file is not a file without calls", async () => {
    await writeFile(join(folder.path, "other.csv"), "timestamp,name\n");
    await writeFile(join(folder.path, "none.csv"), "timestamp,operation,durationMs,error\n");
    const judge = (file: string) => cli("canary", "judge", "--control", "none.csv", "--experiment", file);
    const { code, err } = await judge("other.csv");
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("other.csv: the header lacks operation, durationMs, error."),
    ]);
    expect((await judge("none.csv")).code).toBe(3);
  });

  test("a proposal is looked for where it was named", async () => {
    const { err } = await cli("validate", "none.json");
    expect(err).toContain(`${join(folder.path, "none.json")} cannot be read`);
  });

  test("an option before its command", async () => {
    const { code, err } = await cli("--config", "other.yaml", "analyze");
    expect([code, err]).toEqual([2, expect.stringContaining("(options stand behind the command: whetstone analyze")]);
    expect((await cli("analyze", "--no-such")).err).not.toContain("options stand behind");
  });

  test("faults of a configuration, the place of each once, below each other", async () => {
    await writeFile(join(folder.path, "two.yaml"), "version: 1\ntargets: { a: { comand: x } }\n");
    await writeFile(join(folder.path, "broken.yaml"), "version: 1\n  targets: [\n");
    const { code, out } = await cli("doctor", "--config", "two.yaml");
    expect(code).toBe(1);
    const at = out.split("\n").filter((line) => line.includes("two.yaml:2"));
    expect(at.length).toBeGreaterThan(1);
    expect(new Set(at.map((line) => line.indexOf(folder.path))).size).toBe(1);
    const { err } = await cli("analyze", "--config", "broken.yaml");
    expect(err).toMatch(/broken\.yaml:1:10: not valid YAML: [^\n]*mappings\n/);
  });

  test("a store without a trace says how to fill it, a filter that nothing meets how to go without", async () => {
    const whole = await whetstone(["spec", "define", "--template", "checkout", "--db", "x.db"], { cwd: folder.path });
    expect(whole.code).toBe(0);
    expect((await cli("traces", "search", "--db", "x.db")).out).toContain("`whetstone import` reads files");
    expect((await cli("traces", "search", "--db", "x.db", "--service", "a")).out).toContain("Without filters");
  });
});
