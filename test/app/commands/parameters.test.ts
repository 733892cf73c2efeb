import { describe, expect, test } from "@jest/globals";
import { parseParameters, type ParameterForm, usageOf } from "../../../src/app/commands/parameters.ts";
import { SESSION_FORM } from "../../../src/app/commands/refine.ts";
import { codeOf } from "../../../src/model/error.ts";
import fc from "../../support/fast-check.ts";

const target: ParameterForm = { name: "target", kind: "word" };
const session: ParameterForm = { name: "session", kind: "option" };
const why: ParameterForm = { name: "why", kind: "text" };
const command = (...parameters: ParameterForm[]) => ({ word: "do", parameters });

describe("parameters of a command", () => {
  test.each([
    [[], "", {}],
    [[target], "notes", { target: "notes" }],
    [[target, session], "notes session=replay:a.json", { target: "notes", session: "replay:a.json" }],
    [[target, session], "session=x notes", { target: "notes", session: "x" }],
    [[why], "it is  slower, a=b", { why: "it is slower, a=b" }],
    [[target, why], "notes it is slower", { target: "notes", why: "it is slower" }],
    [[target], "a=b", { target: "a=b" }],
  ])("%j reads %j", (parameters, rest, values) => {
    expect(parseParameters(command(...parameters), rest)).toEqual(values);
  });

  test.each([
    [[], "x", /takes nothing after it/],
    [[target], "a b", /takes no more after it, but "b" was there/],
    [[session], "sesion=1", /has no "sesion". Did you mean "session="\?/],
    [[session], "session=1 session=2", /"session" was given twice/],
    [[{ ...target, required: true }], "", /needs TARGET/],
    [[target], "x".repeat(501), /longer than 500 characters/],
  ])("%j refuses %j", (parameters, rest, message) => {
    expect(() => parseParameters(command(...parameters), rest)).toThrow(message);
  });

  test("the usage shows what may be left out", () => {
    expect(usageOf(command({ ...target, required: true }, session, why))).toBe(
      "/whetstone do TARGET [session=…] [WHY]",
    );
  });

  test("any text is either read whole or a usage error", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "b", " ", "=", "s", "session=", "\t", "\n", "__proto__="),
      maxLength: 30,
    });
    fc.assert(
      fc.property(text, (rest) => {
        try {
          const values = parseParameters(command(target, session, why), rest);
          const read = Object.entries(values).map(([name, value]) => (name === "session" ? `session=${value}` : value));
          const words = read
            .join(" ")
            .split(/\s+/)
            .filter((word) => word !== "");
          expect(words.toSorted()).toEqual(
            rest
              .split(/\s+/)
              .filter((word) => word !== "")
              .toSorted(),
          );
        } catch (error) {
          expect(codeOf(error)).toBe("usage");
        }
      }),
    );
  });
});

describe("a recorded session", () => {
  test.each(["replay:a.json", "replay:sessions/a-b_c.json", "replay:a..b/c"])("%j", (text) => {
    expect(SESSION_FORM.pattern.test(text)).toBe(true);
  });
  test.each([
    "claude",
    "replay:",
    "replay:/etc/passwd",
    "replay:../a",
    "replay:a/../b",
    "replay:a/..",
    "replay:a b",
    "replay:$x",
  ])("is not %j", (text) => {
    expect(SESSION_FORM.pattern.test(text)).toBe(false);
  });
});
