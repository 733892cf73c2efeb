import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import { readRuleFiles, readRules } from "../../src/session/rules.ts";
import { rule } from "../learn/rules.ts";

let worktree = "";
beforeEach(async () => {
  worktree = await mkdtemp(join(tmpdir(), "whetstone-rules-"));
  await mkdir(join(worktree, "rules"));
});
afterEach(() => rm(worktree, { recursive: true }));

const RULE = rule();
const at = { target: "notes", now: "2026-11-20T00:00:00Z" };

async function put(name: string, value: unknown): Promise<void> {
  await writeFile(join(worktree, "rules", name), typeof value === "string" ? value : stringify(value));
}

describe("readRules", () => {
  test("takes active rules of the target that have not expired, in order of their files", async () => {
    await put("b.yaml", { ...RULE, id: "b", text: "Open the log once." });
    await put("a.yaml", { ...RULE, id: "a" });
    await put("c.yaml", { ...RULE, id: "c", state: "candidate" });
    await put("d.yaml", { ...RULE, id: "d", state: "retired" });
    await put("e.yaml", { ...RULE, id: "e", text: "Old.", expires: "2026-11-19T00:00:00Z" });
    await put("f.yaml", { ...RULE, id: "f", scope: { ...RULE.scope, target: "files" } });
    await put("readme.md", "no rule");
    expect((await readRules(worktree, at)).map(({ id }) => id)).toEqual(["a", "b"]);
  });

  test("a repository without rules has none", async () => {
    await rm(join(worktree, "rules"), { recursive: true });
    expect(await readRules(worktree, at)).toEqual([]);
  });

  test.each([
    ["no YAML", "a: [", "line 1"],
    ["a key that nobody knows", { ...RULE, extra: 1 }, 'unknown key "extra"'],
    ["a key that is nearly right", { ...RULE, stat: "active" }, 'Did you mean "state"?'],
    ["a text that is too long", { ...RULE, text: "x".repeat(401) }, "line 5"],
    ["another schema", { ...RULE, schema: "whetstone.rule/2" }, "schema"],
    ["another id than its name", { ...RULE, id: "good" }, "it must be the file good.yaml"],
    ["a life that ends before it begins", { ...RULE, expires: "2026-10-01T00:00:00Z" }, "expires before"],
    ["nothing", "", "is required but missing"],
    ["a list", "- 1", "is no rule"],
    ["two documents", "a: 1\n---\nb: 2", "is no rule"],
    ["far too much", `# ${"x".repeat(70_000)}`, "more than 65536 bytes"],
    ["a hard rule without its bounds", { ...RULE, hard: true }, "hard"],
  ])("%s is refused by name, and it is said where", async (_what, value, said) => {
    const bad = typeof value === "string" || value.id !== RULE.id ? value : { ...value, id: "bad" };
    await put("bad.yaml", bad);
    await expect(readRules(worktree, at)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringMatching(/^rules\/bad\.yaml is no rule: /),
    });
    await expect(readRules(worktree, at)).rejects.toThrow(said);
  });

  test("a link or a folder is no rule, and what a link leads to is not told", async () => {
    const folder = join(worktree, "rules");
    await writeFile(join(worktree, "secret.txt"), "hunter2: [");
    await symlink(join(worktree, "secret.txt"), join(folder, "linked.yaml"));
    const refused = readRules(worktree, at);
    await expect(refused).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringMatching(/linked\.yaml.*no plain file$/),
    });
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining("hunter2") });
    await rm(join(folder, "linked.yaml"));
    await mkdir(join(folder, "deep.yaml"));
    await expect(readRules(worktree, at)).rejects.toMatchObject({ message: expect.stringContaining("deep.yaml") });
  });

  test("the second version of a rule in another file is refused, whatever it is called", async () => {
    await put("batch-reads.yaml", RULE);
    await put("batch-reads-old.yaml", { ...RULE, version: 2 });
    await expect(readRules(worktree, at)).rejects.toThrow("it must be the file batch-reads.yaml");
    await rm(join(worktree, "rules", "batch-reads-old.yaml"));
    await put("Batch-Reads.yml", RULE);
    await expect(readRules(worktree, at)).rejects.toThrow("rules/Batch-Reads.yml is no rule");
  });

  test("rules that contradict or repeat each other are refused together, unless one is retired", async () => {
    await put("batch-reads.yaml", RULE);
    await put("never.yaml", { ...RULE, id: "never", text: "Never read files in one batch." });
    await expect(readRules(worktree, at)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringMatching(/^rules\/batch-reads\.yaml and rules\/never\.yaml contradict each other/),
      remedy: expect.stringContaining("state: retired"),
    });
    await put("never.yaml", { ...RULE, id: "never", text: "Read all files in one batch." });
    await expect(readRules(worktree, at)).rejects.toThrow("say the same");
    await put("never.yaml", { ...RULE, id: "never", text: "Read all files in one batch.", state: "retired" });
    expect(await readRules(worktree, at)).toEqual([RULE]);
  });

  test("times are compared as times, not as texts", async () => {
    await put("batch-reads.yaml", { ...RULE, expires: "2026-11-20T00:00:00.5Z" });
    expect(await readRules(worktree, at)).toHaveLength(1);
    await put("batch-reads.yaml", { ...RULE, expires: "2026-11-20T00:00:00.000Z" });
    expect(await readRules(worktree, at)).toEqual([]);
  });

  test("every rule of the folder, in any state, is there for those who keep them", async () => {
    await put("batch-reads.yaml", { ...RULE, state: "retired", retired: { at: at.now, why: "It did not help." } });
    expect(await readRuleFiles(worktree)).toHaveLength(1);
  });
});
