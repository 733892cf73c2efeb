import { expect, test } from "@jest/globals";
import { fuzzPatches } from "../../../bench/soak/patch-fuzz.ts";
import { temporaryRepository } from "../../support/git-repository.ts";

test("whatever is changed in a patch: what we accept, git reads as we do, to the blob ids; the seed decides all", async () => {
  await using repository = await temporaryRepository();
  const told: number[] = [];
  const options = { seed: "whetstone", cases: 8_000, sample: 20, told: (done: number) => void told.push(done) };
  const result = await fuzzPatches(repository.root, options);
  expect(result.otherwise).toEqual([]);
  expect(result.alike + result.gitRefuses).toBe(result.accepted);
  // The cases are neither all refused nor all honest, so that the comparison means something.
  expect(result.accepted).toBeGreaterThan(result.cases * 0.2);
  expect(result.accepted).toBeLessThan(result.cases * 0.5);
  expect(result.gitRefuses).toBeLessThan(result.accepted * 0.01);
  const refused = Object.values(result.refused).reduce((sum, count) => sum + count, 0);
  expect(result.accepted + refused).toBe(result.cases);
  expect(Object.keys(result.refused)).toEqual(expect.arrayContaining(["patch_unparseable", "patch_does_not_apply"]));
  expect(told.at(-1)).toBe(result.cases);
}, 240_000);
