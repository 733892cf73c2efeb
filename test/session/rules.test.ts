import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import type { Rule } from "../../src/model/outcome.ts";
import { readRules } from "../../src/session/rules.ts";

let worktree = "";
beforeEach(async () => {
  worktree = await mkdtemp(join(tmpdir(), "whetstone-rules-"));
  await mkdir(join(worktree, "rules"));
});
afterEach(() => rm(worktree, { recursive: true }));

const rule: Rule = {
  schema: "whetstone.rule/1",
  id: "batch-reads",
  version: 1,
  state: "active",
  text: "Read files in one batch.",
  scope: { target: "notes", findings: ["n_plus_one"], paths: ["src/**"] },
  evidence: {
    id: "effective_fix-n_plus_one",
    finding: "n_plus_one",
    kind: "effective_fix",
    reason: "ok",
    trials: 2,
    occurrences: 2,
    share: 1,
    interval: { low: 0.3, high: 1, level: 0.95 },
    outcomes: ["o-1", "o-2"],
    independent: 2,
  },
  created: "2026-11-01T00:00:00Z",
  expires: "2027-01-30T00:00:00Z",
};
const at = { target: "notes", now: "2026-11-20T00:00:00Z" };

async function put(name: string, value: unknown): Promise<void> {
  await writeFile(join(worktree, "rules", name), typeof value === "string" ? value : stringify(value));
}

describe("readRules", () => {
  test("takes active rules of the target that have not expired, in order of their files", async () => {
    await put("b.yaml", { ...rule, id: "b" });
    await put("a.yaml", { ...rule, id: "a" });
    await put("candidate.yaml", { ...rule, id: "c", state: "candidate" });
    await put("retired.yaml", { ...rule, id: "d", state: "retired" });
    await put("old.yaml", { ...rule, id: "e", expires: "2026-11-19T00:00:00Z" });
    await put("other.yaml", { ...rule, id: "f", scope: { ...rule.scope, target: "files" } });
    await put("readme.md", "no rule");
    expect((await readRules(worktree, at)).map(({ id }) => id)).toEqual(["a", "b"]);
  });

  test("a repository without rules has none", async () => {
    await rm(join(worktree, "rules"), { recursive: true });
    expect(await readRules(worktree, at)).toEqual([]);
  });

  test.each([
    ["no YAML", "a: ["],
    ["a key that nobody knows", { ...rule, extra: 1 }],
    ["a text that is too long", { ...rule, text: "x".repeat(401) }],
  ])("%s is refused by name", async (_what, value) => {
    await put("bad.yaml", value);
    await expect(readRules(worktree, at)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("rules/bad.yaml"),
    });
  });
});
