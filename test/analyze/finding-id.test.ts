import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { findingId } from "../../src/analyze/finding-id.ts";
import { FindingKind } from "../../src/model/finding.ts";

const name = fc.string({ unit: fc.constantFrom("a", ":", "%", "3A", " "), maxLength: 6 });

describe("findingId", () => {
  test("plain names stand as they are", () => {
    expect(findingId("errors", "notes", "tools/call read")).toBe("errors:notes:tools/call read");
  });

  test("a colon in a service is no border", () => {
    expect(findingId("errors", "a:b", "c")).not.toBe(findingId("errors", "a", "b:c"));
    expect(findingId("errors", "a:b", "c")).not.toBe(findingId("errors", "a%3Ab", "c"));
  });

  test("property: different problems have different ids", () => {
    const problem = fc.tuple(fc.constantFrom(...FindingKind.options), name, name);
    fc.assert(
      fc.property(problem, problem, (a, b) => {
        expect(findingId(...a) === findingId(...b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});
