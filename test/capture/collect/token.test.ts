import { expect, test } from "@jest/globals";
import { tokenCheck } from "../../../src/capture/collect/token.ts";

test("without a token everything passes", () => {
  const isAllowed = tokenCheck(undefined);
  expect([isAllowed(undefined), isAllowed("Bearer x")]).toEqual([true, true]);
});

test.each([
  ["Bearer s3cret", true],
  ["bearer  s3cret ", true],
  ["Bearer s3cre", false],
  ["Bearer s3crets", false],
  ["Bearer ", false],
  ["Basic s3cret", false],
  ["s3cret", false],
  ["", false],
  [undefined, false],
])("%p against the token s3cret: %p", (authorization, allowed) => {
  expect(tokenCheck("s3cret")(authorization)).toBe(allowed);
});
