import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { inputsOf, parseStep, refuseForeign, STEP_NAMES } from "../../src/actions/steps.ts";

describe("the input `step`", () => {
  test("is the whole loop when it is left out", () => {
    expect(parseStep("")).toBe("loop");
  });

  test("names every step as it is written", () => {
    expect(STEP_NAMES.map((name) => parseStep(name))).toEqual(STEP_NAMES);
  });

  test("that names none is refused, with what was probably meant", () => {
    expect(() => parseStep("recrod")).toThrow(
      expect.objectContaining({ code: "usage", remedy: "Did you mean `record`?" }),
    );
    expect(() => parseStep("constructor")).toThrow(expect.objectContaining({ code: "usage" }));
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        fc.pre(!STEP_NAMES.some((name) => name === text));
        expect(() => parseStep(text)).toThrow(expect.objectContaining({ code: "usage" }));
      }),
    );
  });
});

describe("inputs of other steps", () => {
  test("are refused and their step is named", async () => {
    await expect(refuseForeign("gate", ["target", "window"])).rejects.toMatchObject({
      code: "usage",
      message: "The step `gate` takes no input `window`.",
      remedy: "Leave it out; it belongs to `monitor`.",
    });
  });

  test.each(STEP_NAMES.map((name) => [name]))("of %s itself pass", async (name) => {
    await expect(refuseForeign(name, await inputsOf(name))).resolves.toBeUndefined();
  });

  test("what no step knows is left to the step's own check, which looks for the nearest", async () => {
    await expect(refuseForeign("gate", ["tokn"])).resolves.toBeUndefined();
  });
});
