import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { VALUE_TYPES } from "../../src/specs/condition.ts";
import { ISSUE_LISTS } from "../../src/specs/issue.ts";
import { parseSpec } from "../../src/specs/parse.ts";
import { INTRINSICS } from "../../src/specs/selector/field.ts";
import { parseSelector } from "../../src/specs/selector/parse.ts";
import { faultsOf } from "./traces.ts";

const page = readFileSync("docs/specs.md", "utf8");

/** The fenced blocks of a language. */
function blocks(language: string): string[] {
  return [...page.matchAll(/^```(\S*)\n([^]*?)^```$/gm)].flatMap((found) =>
    found[1] === language ? [found[2] ?? ""] : [],
  );
}

const linesOf = (language: string): string[] =>
  blocks(language).flatMap((block) => block.split("\n").filter((line) => line !== ""));

describe("docs/specs.md", () => {
  test("holds examples of everything", () => {
    expect(blocks("yaml").length).toBeGreaterThanOrEqual(5);
    expect(linesOf("traceql").length).toBeGreaterThanOrEqual(20);
    expect(linesOf("traceql-refused").length).toBeGreaterThanOrEqual(8);
  });

  test.each(blocks("yaml").map((block) => [/^name: (.*)$/m.exec(block)?.[1] ?? "", block] as const))(
    "the specification %s is read",
    (_name, block) => expect(faultsOf(block)).toEqual([]),
  );

  test.each(linesOf("traceql"))("the selector %s is read", (line) => {
    expect(parseSelector(line)).toHaveProperty("kind");
  });

  test.each(linesOf("traceql-refused"))("%s is refused with position and caret", (line) => {
    expect(() => parseSelector(line)).toThrow(
      expect.objectContaining({
        code: "spec_invalid",
        message: expect.stringMatching(/\(position \d+\)\n {2}.*\n {2} *\^$/),
      }),
    );
  });

  test("names every intrinsic, type, list of the answer and template", () => {
    const words = page.replaceAll(/\s+/g, " ");
    for (const name of INTRINSICS) expect(words).toContain(name.split(":")[1]);
    for (const name of VALUE_TYPES) expect(words).toContain(name);
    for (const name of ISSUE_LISTS) expect(words).toContain(`\`${name}\``);
    for (const file of readdirSync("specs/templates")) expect(words).toContain(`\`${file.replace(".yaml", "")}\``);
  });
});

describe("the templates that come along", () => {
  const given: Readonly<Record<string, Record<string, string>>> = {
    checkout: {},
    "mcp-tool-call": { tool: "search" },
    "http-api": { service: "web" },
    "database-access": { system: "postgresql" },
  };

  test.each(readdirSync("specs/templates").map((file) => file.replace(".yaml", "")))(
    "%s is read when it is filled in",
    (name) => {
      const parsed = parseSpec(readFileSync(`specs/templates/${name}.yaml`, "utf8"), { parameters: given[name] ?? {} });
      expect(parsed).toMatchObject({ ok: true });
      if (!parsed.ok) return;
      expect(parsed.text).not.toMatch(/\$\{/);
      expect(parseSpec(parsed.text)).toMatchObject({ ok: true, spec: { name: parsed.spec.name } });
    },
  );
});
