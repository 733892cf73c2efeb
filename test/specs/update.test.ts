import { describe, expect, test } from "@jest/globals";
import { parseSpec } from "../../src/specs/parse.ts";
import { updateSpecText } from "../../src/specs/update.ts";

const TEXT = `# kept by the shop team
name: checkout # do not rename
description: old
expected_spans:
  - operation_name: a # the first
  - { operation_name: b }
`;

describe("updateSpecText", () => {
  test("replaces keys at the top and keeps everything else, comments included", () => {
    const updated = updateSpecText(TEXT, { description: "new", additional_spans: "forbidden" });
    expect(updated).toBe(`${TEXT.replace("description: old", "description: new")}additional_spans: forbidden\n`);
    expect(parseSpec(updated)).toMatchObject({ ok: true, spec: { open: false, description: "new" } });
  });

  test("replaces lists as a whole, removes with null, leaves undefined alone", () => {
    const updated = updateSpecText(TEXT, { expected_spans: [{ operation_name: "c" }], description: null });
    expect(parseSpec(updated)).toMatchObject({
      ok: true,
      spec: { file: { name: "checkout", expected_spans: [{ operation_name: "c" }] } },
    });
    expect(updated).not.toContain("description");
    expect(updateSpecText(TEXT, {})).toBe(TEXT);
  });

  test("what comes out is judged by the parser", () => {
    const updated = updateSpecText(TEXT, { expected_spans: null });
    expect(parseSpec(updated)).toMatchObject({
      ok: false,
      faults: [{ message: expect.stringContaining("nothing is expected") }],
    });
  });

  test.each(["[1, 2]", "just text", "a: [", ""])("%j is nothing to update", (text) => {
    expect(() => updateSpecText(text, { description: "x" })).toThrow(expect.objectContaining({ code: "spec_invalid" }));
  });
});
