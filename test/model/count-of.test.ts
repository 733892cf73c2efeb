import { expect, test } from "@jest/globals";
import { countOf } from "../../src/model/count-of.ts";

test("one thing is one thing, and everything else is several", () => {
  expect([0, 1, 2].map((count) => countOf(count, "outcome"))).toEqual(["0 outcomes", "1 outcome", "2 outcomes"]);
  expect([1, 2].map((count) => countOf(count, "copy", "copies"))).toEqual(["1 copy", "2 copies"]);
});
