import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readYaml } from "../../src/yaml/document.ts";

describe("readYaml", () => {
  test("a path leads back to its place, one that is not there to the place around it", () => {
    const text = readYaml("a:\n  b: [1, 2]\nc: 3\n");
    if ("faults" in text) throw new Error("not read");
    expect(text.value).toEqual({ a: { b: [1, 2] }, c: 3 });
    expect(text.at(["a", "b", 1])).toEqual({ line: 2, column: 10 });
    expect(text.at(["a", "b", "x"])).toEqual({ line: 2, column: 6 });
    expect(text.at(["none"])).toEqual({ line: 1, column: 1 });
  });

  test.each([
    ["an open bracket", "a: [\n", 2],
    ["the same key twice", "a: 1\na: 2\n", 2],
    ["an alias of nothing", "a: *none\n", 1],
    ["two documents", "a: 1\n---\nb: 2\n", 2],
  ])("%s is a fault with its line", (_name, text, line) => {
    expect(readYaml(text)).toMatchObject({ faults: [{ line, message: expect.stringMatching(/^not valid YAML: ./) }] });
  });

  test("an alias bomb is a fault, not a full memory", () => {
    const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(10)}]`);
    expect(readYaml(`l0: &l0 [x]\n${levels.join("\n")}\n`)).toMatchObject({ faults: [{ path: [] }] });
  });

  test("nesting deeper than the stack is a fault", () => {
    expect(readYaml("[".repeat(200_000))).toMatchObject({ faults: [{ path: [] }] });
  });

  test("never throws", () => {
    fc.assert(fc.property(fc.string(), (text) => expect(readYaml(text)).toBeDefined()));
  });
});
