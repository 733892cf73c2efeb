import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Change, WallRules } from "../../../src/protect/wall/change.ts";
import { passWall } from "../../../src/protect/wall/wall.ts";
import { editsAsBundle, editsAsDiff } from "./bundle-writer.ts";
import { TREE_ATTACKS } from "./hostile-trees.ts";
import { BASE, wallPlace, type WallPlace } from "./wall-place.ts";

let place: WallPlace;
beforeAll(async () => {
  place = await wallPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

const RULES: WallRules = { source: ["src/**"] };
const pass = (change: Pick<Change, "kind" | "bytes">, rules: Partial<WallRules> = {}) =>
  passWall(place.git, { ...change, baseSha: place.sha }, { ...RULES, ...rules });

describe("attacks as a unified diff", () => {
  test.each(TREE_ATTACKS)("$name: $reason", async ({ edits, reason, rules }) => {
    const result = await pass({ kind: "diff", bytes: editsAsDiff(BASE, edits) }, rules);
    expect(result).toMatchObject({ ok: false, reasons: [reason], remedy: expect.stringMatching(/\.$/) });
  });
});

describe("attacks as a git bundle", () => {
  test.each(TREE_ATTACKS.filter(({ bundle }) => bundle !== null))("$name: $reason", async (attack) => {
    const { edits, rules, reason, bundle } = attack;
    const result = await pass({ kind: "bundle", bytes: editsAsBundle({ sha: place.sha, files: BASE }, edits) }, rules);
    expect(result).toMatchObject({ ok: false, reasons: [bundle ?? reason] });
  });
});

test("the corpus is as large as it is said to be, and no attack stands twice", () => {
  expect(new Set(TREE_ATTACKS.map(({ name }) => name)).size).toBe(TREE_ATTACKS.length);
  expect(TREE_ATTACKS.length).toBeGreaterThanOrEqual(120);
  expect(TREE_ATTACKS.filter(({ bundle }) => bundle !== null).length).toBeGreaterThanOrEqual(120);
});

test("the same forms with honest content pass: the corpus is refused for what it is", async () => {
  const edits = {
    "src/new.ts": { mode: "100644", content: "hello\n" },
    "src/a.ts": { mode: "100644", content: "1\n" },
  };
  expect(await pass({ kind: "diff", bytes: editsAsDiff(BASE, edits) })).toMatchObject({ ok: true });
  const bundle = editsAsBundle({ sha: place.sha, files: BASE }, edits);
  expect(await pass({ kind: "bundle", bytes: bundle })).toMatchObject({ ok: true });
});
