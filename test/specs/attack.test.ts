import { describe, expect, test } from "@jest/globals";
import { checkTrace } from "../../src/specs/check.ts";
import { MOST_RULES } from "../../src/specs/compile.ts";
import { DEEPEST } from "../../src/specs/compile-span.ts";
import { holds } from "../../src/specs/condition.ts";
import { LONGEST_SPEC, parseSpec, requireSpec } from "../../src/specs/parse.ts";
import { compilePattern, PATTERN_STEPS } from "../../src/specs/pattern.ts";
import { readYaml } from "../../src/yaml/document.ts";
import { span, spanIdOf } from "../analyze/population.ts";
import { faultsOf } from "./traces.ts";

const nested = (depth: number, [open, middle, close]: readonly [string, string, string]): string =>
  open.repeat(depth) + middle + close.repeat(depth);

describe("a specification that is meant to harm", () => {
  const bomb = Array.from({ length: 9 }, (_, i) =>
    i === 0
      ? "a0: &a0 [x,x,x,x,x,x,x,x,x]"
      : `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(",")}]`,
  ).join("\n");

  test.each([
    ["aliases that multiply", `${bomb}\nname: x`, /alias count/],
    [
      "an alias of what stands around it",
      "name: x\nexpected_spans: &a [{operation_name: q, children: *a}]",
      /inside of/,
    ],
    ["an alias of the whole file", "&a {name: x, captures: *a}", /inside of/],
    ["an alias of nothing", "name: x\nexpected_spans: *gone", /[Uu]nresolved alias|gone/],
    ["brackets without end", `name: x\nexpected_spans: ${"[".repeat(20_000)}`, /not valid YAML/],
    [
      "brackets that close",
      `name: x\nexpected_spans: ${nested(5_000, ["[", "", "]"])}`,
      /not valid YAML|expected object/,
    ],
    [
      "spans in spans",
      `name: x\nexpected_spans: ${nested(5_000, ["[{operation_name: a, children: ", "[]", "}]"])}`,
      /not valid/,
    ],
    ["two documents", "name: x\nassertions: [{select: '{ }'}]\n---\nname: y", /multiple documents/],
    ["a key twice", "name: x\nname: y", /unique/],
    ["a tag of the language", "name: !!js/function 'x'\nassertions: [{select: '{ }'}]", null],
    ["a number that is none", "name: x\nexpected_spans: [{operation_name: q, duration: .nan}]", /duration/],
    [
      "a number without end",
      "name: x\nexpected_spans: [{operation_name: q, expected_duration_ms: {max: 1e400}}]",
      /Infinity/,
    ],
    ["a negative duration", "name: x\nexpected_spans: [{operation_name: q, expected_duration_ms: {max: -1}}]", />=0/],
    ["a negative tolerance", "name: x\ntolerances: {duration: {rel: -0.1}}\nassertions: [{select: '{ }'}]", />=0/],
    ["a share above one", "name: x\npopulation: {min_match_rate: 1.01}", /<=1/],
    ["more text than is read", `name: x\n#${"x".repeat(LONGEST_SPEC)}`, /longer than/],
    ["a list at the top", "- name: x", /expected object/],
    ["a text at the top", "checkout", /expected object/],
    ["nothing", "", /name.*required/],
    ["nothing but a name", "name: x", /nothing is expected/],
    ["an empty condition", "name: x\nexpected_spans: [{operation_name: {}}]", /empty condition/],
  ])("%s is told", (_, text, message) => {
    const faults = faultsOf(text);
    if (message === null) return expect(faults).toEqual([]);
    expect(faults[0]).toMatch(message);
    expect(faults.join("\n").length).toBeLessThan(400 + text.length);
  });

  test.each(["required_tags", "optional_tags", "capture"])("a key __proto__ in %s is refused, not skipped", (list) => {
    const text = `name: x\nexpected_spans:\n- operation_name: op\n  ${list}: {__proto__: abc}`;
    expect(faultsOf(text)).toEqual([`4:${list.length + 6} not valid YAML: the key __proto__ cannot be used`]);
    expect(faultsOf(JSON.stringify({ name: "x" }).replace("}", ', "__proto__": {"errors": "allowed"}}'))).toHaveLength(
      1,
    );
    expect(Object.keys({})).toEqual([]);
  });

  test.each(["constructor", "toString", "hasOwnProperty", "valueOf"])("%s is a name like any other", (name) => {
    const text = [
      `name: x\nparameters: {${name}: {default: op}}\ntolerances: {attributes: {${name}: {rel: 0.5}}}`,
      `expected_spans:\n- operation_name: '\${${name}}'\n  id: ${name}\n  required_tags: {${name}: 10}`,
    ].join("\n");
    const { spec } = requireSpec(text, "spec.yaml");
    const checked = (attributes: Record<string, number>) =>
      checkTrace(spec, [span({ spanId: spanIdOf(0), attributes })]).verdict;
    expect([checked({ [name]: 14 }), checked({ [name]: 30 }), checked({})]).toEqual(["pass", "fail", "fail"]);
    expect(parseSpec(text, { parameters: { [name]: "other" } })).toMatchObject({
      ok: true,
      spec: { file: { expected_spans: [{ operation_name: "other" }] } },
    });
    expect(faultsOf(`name: x\n${name}: 1`)[0]).toContain(`unknown key "${name}"`);
  });

  test("the deepest nesting and the most spans are read, one more is told", () => {
    const deep = (depth: number) =>
      faultsOf(`name: x\nexpected_spans: ${nested(depth, ["[{operation_name: a, children: ", "[]", "}]"])}`);
    expect(deep(DEEPEST)).toEqual([]);
    expect(deep(DEEPEST + 1).join()).toContain(`nested deeper than ${DEEPEST}`);
    const wide = (count: number) =>
      faultsOf(
        `name: x\nexpected_spans:\n${Array.from({ length: count }, (_, i) => `- operation_name: n${i}\n`).join("")}`,
      );
    expect(wide(MOST_RULES)).toEqual([]);
    expect(wide(MOST_RULES + 1).join()).toContain(`more than ${MOST_RULES}`);
  });

  test("10,000 statements are judged, each for itself", () => {
    const statements = Array.from(
      { length: 10_000 },
      (_, i) => `- {select: '{ span:name = "n${i}" }', count: ${i === 4_321 ? 1 : 0}}`,
    );
    const { spec } = requireSpec(`name: x\nassertions:\n${statements.join("\n")}`, "spec.yaml");
    const found = checkTrace(spec, [span({ spanId: spanIdOf(0), name: "n77" })], { limit: 10 });
    expect(found.missing_spans.map(({ clause }) => clause)).toEqual(["assertions[4321].count"]);
    expect(found.unexpected_spans.map(({ clause }) => clause)).toEqual(["assertions[77].count", "additional_spans"]);
  });
});

describe("readYaml", () => {
  test("the same part in two places is no circle", () => {
    expect(readYaml("a: &a {b: 1}\nc: [*a, *a]\nd: *a")).toMatchObject({
      value: { a: { b: 1 }, c: [{ b: 1 }, { b: 1 }], d: { b: 1 } },
    });
  });

  test("__proto__ as a value or within text is no key", () => {
    expect(readYaml("a: __proto__\nb: [__proto__]\nc: x__proto__\nx__proto__: 1")).toMatchObject({
      value: { c: "x__proto__" },
    });
  });

  test.each(["{a: {__proto__: 1}}", '["x", {"__proto__": {}}]', "? __proto__\n: 1", "a: 1\n__proto__:\n  b: 1"])(
    "%j is refused",
    (text) => {
      expect(readYaml(text)).toMatchObject({ faults: [{ message: expect.stringContaining("__proto__") }] });
    },
  );
});

describe("patterns that make other engines explode", () => {
  test.each([
    ["(a*)*b", "a".repeat(5_000), false],
    ["(a|a)*b", "a".repeat(5_000), false],
    ["(a|aa)+$", `${"a".repeat(5_000)}!`, false],
    ["([a-z]+)*", `${"a".repeat(5_000)}!`, false],
    ["(.*)*(.*)*(.*)*x", "y".repeat(5_000), false],
    ["(a?){30}a{30}", "a".repeat(30), true],
    ["((){1000}){1000}", "", true],
    [nested(40, ["(", "", "){1000}"]), "", true],
    [nested(40, ["(", "^$", "){0,1}"]), "", true],
    [`${"(".repeat(49)}a*${")*".repeat(49)}`, "a".repeat(2_000), true],
  ])("%s answers", (pattern, text, answer) => {
    expect(compilePattern(pattern)(text)).toBe(answer);
  });

  test.each(["(a{1000}){1000}", "((a|b){100}){100}", `a{${PATTERN_STEPS / 2}}b{${PATTERN_STEPS / 2}}c{2}`])(
    "%s has too many steps",
    (pattern) => {
      expect(() => compilePattern(pattern)).toThrow(/more than 2000 steps/);
    },
  );
});

describe("numbers at the ends", () => {
  const near = { rel: 0.5, abs: 1e300 };
  test.each([
    ["1e999", 5, false],
    ["-1e999", 5, false],
    [5, Number.MAX_VALUE, false],
    ["1e999", Infinity, true],
    [Number.MAX_VALUE, -Number.MAX_VALUE, false],
    [-0, 0, true],
    ["-0", 0, true],
    ["0x10", 16, false],
    ["", 0, false],
    [" 5", 5, false],
    ["٥", 5, false],
    [[], 0, false],
    [null, 0, false],
    [true, 1, false],
  ])("%j is %j with a tolerance: %j", (value, wanted, answer) => {
    const tolerance = typeof value === "number" && wanted === Number.MAX_VALUE ? { rel: 0.5, abs: 0 } : near;
    expect(holds({ op: "=", value: wanted, tolerance }, value)).toBe(answer);
    expect(holds({ op: "!=", value: wanted, tolerance }, value)).toBe(value instanceof Array ? true : !answer);
  });
});
