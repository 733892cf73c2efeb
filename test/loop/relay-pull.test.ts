import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readPart } from "../../src/loop/dossier-parts.ts";
import { recompute } from "../../src/loop/replay.ts";
import { openDossier } from "../../src/protect/dossier.ts";
import { BETTER_WORK } from "../support/sample-project.ts";
import { type PullWorld, pullWorld } from "./pull-world.ts";

let world: PullWorld;
beforeAll(async () => {
  world = await pullWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const work = (text: string): Record<string, string> => ({ ...world.files, "src/work.mjs": text });
const branches = async () =>
  ((await world.github.backend.ask("GET", "branches?per_page=100")).data as { name: string }[]).map(({ name }) => name);

describe("the change of a pull request", () => {
  test("is proved as it is at its head, and nothing is written", async () => {
    const pull = await world.open("people/better", work(BETTER_WORK));
    const before = { branches: await branches(), requests: world.github.requests.length };
    const { last, record } = await world.prove(pull);
    expect(last).toMatchObject({ go: true, last: { stage: "validate", verdict: "pass" } });
    expect(record.report).toMatchObject({ status: "no_change", reasons: ["dry_run"] });
    expect(await branches()).toEqual(before.branches);
    const asked = world.github.requests.slice(before.requests);
    expect(asked.filter((request) => !request.startsWith("GET "))).toEqual([]);
    expect(world.github.violations).toEqual([]);
    const dossier = await openDossier(record.path);
    expect(readPart(dossier, "pull.json")).toMatchObject({ ...pull, mergeBase: world.github.base, hypothesis: null });
    expect(dossier.text("change.patch")).toContain("+const REPEAT = 1;");
    expect(recompute(dossier).filter(({ equal }) => !equal)).toEqual([]);
  });
});
