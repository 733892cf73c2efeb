import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ERROR_CODES, REASON_CODES } from "../../src/model/codes.ts";
import { messageOf, WhetstoneError } from "../../src/model/error.ts";
import { canonicalJson } from "../../src/model/json.ts";
import { StageVerdict } from "../../src/model/verdict.ts";

describe("codes", () => {
  test("each has one documented line, in snake case", () => {
    const docs = [
      ...Object.entries(REASON_CODES),
      ...Object.entries(ERROR_CODES).map(([code, { doc }]) => [code, doc] as const),
    ];
    for (const [code, doc] of docs) {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(doc).toMatch(/^[A-Z].*\.$/);
    }
  });

  test("a verdict with a reason outside the set, or with none, does not parse", () => {
    const verdict = { verdict: "fail", reasons: ["check_failed"], details: [] };
    expect(StageVerdict.safeParse(verdict).success).toBe(true);
    expect(StageVerdict.safeParse({ ...verdict, reasons: ["because"] }).success).toBe(false);
    expect(StageVerdict.safeParse({ ...verdict, reasons: [] }).success).toBe(false);
    expect(StageVerdict.safeParse({ ...verdict, extra: 1 }).success).toBe(false);
  });

  test("an error maps to its exit code and keeps its cause", () => {
    const cause = new Error("below");
    const error = new WhetstoneError("config_invalid", "text", { cause, remedy: "do" });
    expect([error.exitCode, error.cause, error.remedy]).toEqual([2, cause, "do"]);
    expect(new WhetstoneError("server_died", "text").exitCode).toBe(1);
    expect(messageOf("plain")).toBe("plain");
  });
});

describe("canonicalJson", () => {
  const value = fc.jsonValue();

  test("does not depend on the order of keys, and parses back to the value", () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((key) => key !== "__proto__"),
          value,
        ),
        (object) => {
          const reversed = Object.fromEntries(Object.entries(object).reverse());
          expect(canonicalJson(object)).toBe(canonicalJson(reversed));
          expect(JSON.parse(canonicalJson(object))).toEqual(JSON.parse(JSON.stringify(object)));
        },
      ),
    );
  });

  test("leaves undefined members out, as JSON does", () => {
    expect(canonicalJson({ b: 1, a: undefined, c: [undefined] })).toBe('{"b":1,"c":[null]}');
  });
});
