import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { readYaml } from "../../src/yaml/document.ts";
import { checkShape } from "../../src/yaml/shape.ts";

const Shape = z.strictObject({
  name: z.string(),
  limit: z
    .union([z.number(), z.strictObject({ least: z.number().optional(), most: z.number().optional() })])
    .optional(),
  parts: z.array(z.strictObject({ title: z.string() })).optional(),
  byName: z.record(z.string(), z.strictObject({ weight: z.number() })).optional(),
});

function check(yaml: string) {
  const text = readYaml(yaml);
  if ("faults" in text) throw new Error("not YAML");
  return checkShape(text, Shape);
}

function faults(yaml: string): string[] {
  const checked = check(yaml);
  return "faults" in checked ? checked.faults.map(({ line, column, message }) => `${line}:${column} ${message}`) : [];
}

describe("checkShape", () => {
  test("gives the value of a document that keeps the schema", () => {
    expect(check("name: x\nlimit: 3\n")).toEqual({ value: { name: "x", limit: 3 } });
  });

  test.each([
    ["the nearest key", "name: x\nnmae: y\n", '2:7 unknown key "nmae" at the top level. Did you mean "name"?'],
    ["all keys", "name: x\nfurther: y\n", '"further" at the top level. Known keys: name, limit, parts, byName.'],
    ["a key in a list", "name: x\nparts:\n  - titel: y\n", 'unknown key "titel" in parts.0. Did you mean "title"?'],
    ["a key in a map", "name: x\nbyName:\n  a: { wieght: 1 }\n", 'in byName.a. Did you mean "weight"?'],
    [
      "a key in one of two forms",
      "name: x\nlimit: { moost: 1 }\n",
      '2:17 unknown key "moost" in limit. Did you mean "most"?',
    ],
    [
      "a value in one of two forms",
      "name: x\nlimit: { most: many }\n",
      "2:16 limit.most: Invalid input: expected number",
    ],
    ["no form at all", "name: x\nlimit: [1]\n", "2:8 limit: Invalid input"],
    ["a missing key", "limit: 3\n", "1:1 name: is required but missing"],
    ["an empty file", "", "1:1 name: is required but missing"],
    ["no mapping", "just text", "1:1 the file: Invalid input: expected object"],
  ])("names %s", (_name, yaml, words) => {
    expect(faults(yaml).join("\n")).toContain(words);
  });

  test("lists every fault", () => {
    expect(faults("nmae: 1\nparts: [{}]\n")).toHaveLength(3);
  });
});
