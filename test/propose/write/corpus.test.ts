import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sha256 } from "../../../src/protect/digest.ts";
import { writeProposal } from "../../../src/propose/write/write.ts";
import { editsAsDiff } from "../../protect/wall/bundle-writer.ts";
import { TREE_ATTACKS } from "../../protect/wall/hostile-trees.ts";
import { BASE, wallPlace, type WallPlace } from "../../protect/wall/wall-place.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
let place: WallPlace;
beforeAll(async () => {
  world = await startWorld();
  place = await wallPlace();
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

test("every patch of the wall's corpus, with verdicts that all say pass, is refused for its own reason and nothing is written", async () => {
  const deps = { ...world.deps, git: place.git };
  for (const { name, edits, reason, rules } of TREE_ATTACKS) {
    const patch = editsAsDiff(BASE, edits);
    const parts = { baseSha: place.sha, patchDigest: sha256(patch) };
    const request = world.request({
      patch,
      proposal: parts,
      validation: parts,
      request: { rules: { source: ["src/**"], ...rules } },
    });
    const result = await writeProposal(deps, request);
    expect({ name, verdict: result.verdict, reason: result.reasons[0] }).toEqual({ name, verdict: "fail", reason });
  }
  expect(world.github.requests.filter((request) => !request.startsWith("GET "))).toEqual([]);
});
