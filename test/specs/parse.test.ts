import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { clauseOf } from "../../src/specs/spec.ts";
import { LONGEST_SPEC, parseSpec, requireSpec } from "../../src/specs/parse.ts";
import { faultsOf } from "./traces.ts";

const spans = (words: string): string => `name: s\nexpected_spans:\n  - { operation_name: x, ${words} }\n`;

describe("a specification that cannot be read", () => {
  test.each([
    ["nothing", "", "1:1 name: is required but missing"],
    ["no mapping", "just text", "1:1 the file: Invalid input: expected object"],
    ["broken YAML", "name: [\n", "2:1 not valid YAML"],
    [
      "an unknown key",
      "name: s\nexpected_span: []\n",
      '2:16 unknown key "expected_span" at the top level. Did you mean "expected_spans"?',
    ],
    [
      "an unknown key of a span",
      spans("sevice_name: y"),
      'unknown key "sevice_name" in expected_spans.0. Did you mean "service_name"?',
    ],
    [
      "an unknown key of a child",
      spans("children: [{ operation_nam: y }]"),
      'unknown key "operation_nam" in expected_spans.0.children.0. Did you mean "operation_name"?',
    ],
    [
      "an unknown key of a range",
      spans("expected_duration_ms: { maxx: 1 }"),
      'unknown key "maxx" in expected_spans.0.expected_duration_ms. Did you mean "max"?',
    ],
    [
      "an unknown operator",
      spans("required_tags: { a: { match: b } }"),
      'unknown key "match" in expected_spans.0.required_tags.a. Did you mean "matches"?',
    ],
    [
      "an unknown constraint",
      "name: s\nperformance_constraints: { max_spans_count: 1 }\n",
      'Did you mean "max_span_count"?',
    ],
    ["an unknown assertion key", "name: s\nassertions: [{ select: '{ }', eech: 'true' }]\n", 'Did you mean "each"?'],
    ["another version", "version: 2\nname: s\nexpected_spans: []\n", "1:10 version: Invalid input: expected 1"],
    ["a wrong type", spans("optional: perhaps"), "expected_spans.0.optional: Invalid input: expected boolean"],
    [
      "a wrong word",
      spans("kind: servant"),
      'expected_spans.0.kind: Invalid option: expected one of "internal"|"server"',
    ],
    ["a count that is none", spans("count: 1-3"), "expected_spans.0.count"],
    ["a negative duration", spans("expected_duration_ms: { max: -1 }"), "expected_spans.0.expected_duration_ms.max"],
    ["a duration without unit", spans('duration: "5"'), "expected_spans.0.duration"],
    ["nothing to check", "name: s\n", "the file: nothing is expected"],
    [
      "a range that runs backwards",
      spans("expected_duration_ms: { min: 5, max: 2 }"),
      "expected_spans[0].expected_duration_ms: the range runs backwards",
    ],
    [
      "a count that runs backwards",
      spans("count: 3..1"),
      "expected_spans[0].count: the range runs backwards: 3 is more than 1",
    ],
    [
      "two durations",
      spans("expected_duration_ms: { max: 5 }, duration: 5ms"),
      "write either duration or expected_duration_ms",
    ],
    ["a relation at the top", spans("relation: child"), '"child" cannot stand here; at the top: anywhere or root'],
    [
      "a relation under a span",
      spans("children: [{ operation_name: y, relation: root }]"),
      '"root" cannot stand here; under another span: child or descendant',
    ],
    [
      "a bad selector",
      spans("when: '{ span:nmae = 1 }'"),
      "expected_spans[0].when: span:nmae is unknown: did you mean span:name? (position 3)",
    ],
    ["a bad question", spans("satisfies: 'span.x ='"), "expected_spans[0].satisfies: a value such as"],
    [
      "a bad pattern",
      spans("required_tags: { a: { matches: '(' } }"),
      "expected_spans[0].required_tags.a.matches: the group is not closed (position 1)",
    ],
    [
      "a bad pattern of a name",
      "name: s\nexpected_spans: [{ operation_name: { matches: 'a**' } }]\n",
      "expected_spans[0].operation_name.matches: nothing to repeat (position 3)",
    ],
    [
      "a bad JSON path",
      spans("required_tags: { a: { path: b, exists: true } }"),
      "expected_spans[0].required_tags.a.path: a JSON path begins with $",
    ],
    [
      "a condition without operator",
      spans("required_tags: { a: { path: $.b } }"),
      "expected_spans[0].required_tags.a: a condition without any operator",
    ],
    [
      "an empty name condition",
      "name: s\nexpected_spans: [{ operation_name: {} }]\n",
      "expected_spans[0].operation_name: an empty condition",
    ],
    ["an id that nobody has", spans("after: y"), 'the id "y" cannot be referred to: no span has it'],
    [
      "an id that is almost there",
      `${spans("id: load")}  - { operation_name: y, after: laod }\n`,
      'the id "laod" cannot be referred to: did you mean "load"?',
    ],
    ["an id of its own", spans("id: x, after: x"), 'the id "x" cannot be referred to: it is its own'],
    ["an id twice", `${spans("id: x")}  - { operation_name: y, id: x }\n`, 'two expected spans have the id "x"'],
    [
      "a value that nobody captures",
      spans("required_tags: { a: '${b}' }"),
      "expected_spans[0].required_tags.a: ${b} is captured nowhere; nothing is",
    ],
    [
      "a captured value that is almost there",
      spans("capture: { c: span.d }, required_tags: { a: '${b}' }"),
      "${b} is captured nowhere; there are c",
    ],
    [
      "a captured value in an identity",
      spans("capture: { c: span.d }, where: 'span.a = \"${c}\"'"),
      "expected_spans[0].where: ${c} is captured nowhere",
    ],
    [
      "a captured value in a condition",
      spans("capture: { c: span.d }, when: '{ span.a = \"${c}\" }'"),
      "expected_spans[0].when: ${c} is captured nowhere",
    ],
    [
      "a value captured twice",
      `${spans("capture: { c: span.d }")}  - { operation_name: y, capture: { c: span.e } }\n`,
      '"c" is captured twice',
    ],
    ["a capture of no field", spans("capture: { c: d }"), "expected_spans[0].capture.c: a field such as"],
    [
      "a capture of more than a field",
      spans("capture: { c: span.d = 1 }"),
      "expected_spans[0].capture.c: this is more than a field",
    ],
    [
      "an error condition without verb",
      "name: s\nerror_conditions: [{ operation_name: x }]\n",
      "error_conditions[0]: say one of must: fail, must: not_fail, may: fail",
    ],
    [
      "an error condition with two verbs",
      "name: s\nerror_conditions: [{ operation_name: x, must: fail, may: fail }]\n",
      "say one of",
    ],
    [
      "a capture by its name in a question",
      "name: s\nassertions: [{ select: '{ span.x = \"${y}\" }' }]\n",
      "assertions[0].select: ${y} is captured nowhere",
    ],
  ])("%s", (_name, yaml, words) => expect(faultsOf(yaml).join("\n")).toContain(words));

  test("faults stand where they are", () => {
    const yaml = `name: s
expected_spans:
  - operation_name: x
    children:
      - operation_name: y
        satisfies: ["true", "span.a ="]
assertions:
  - select: "{ nope }"
`;
    const parsed = parseSpec(yaml);
    const places = parsed.ok
      ? []
      : parsed.faults.map(({ line, column, path }) => `${line}:${column} ${clauseOf(path)}`);
    expect(places).toEqual(["6:29 expected_spans[0].children[0].satisfies[1]", "8:13 assertions[0].select"]);
  });

  test("too long, too deep and too many are refused", () => {
    expect(faultsOf(`name: ${"x".repeat(LONGEST_SPEC)}\n`).join()).toContain("longer than");
    let deep = "{ operation_name: x }";
    for (let i = 0; i < 70; i++) deep = `{ operation_name: x, children: [${deep}] }`;
    expect(faultsOf(`name: s\nexpected_spans: [${deep}]\n`).join()).toContain("nested deeper than 64");
    const list = Array.from({ length: 5_001 }, () => "  - operation_name: x\n").join("");
    expect(faultsOf(`name: s\nexpected_spans:\n${list}`).join()).toContain("more than 5000 expected spans");
  }, 180_000);

  test("is an error with file, line and column for those who need one", () => {
    expect(() => requireSpec("name: s\nnmae: t\n", "a.yaml")).toThrow(
      expect.objectContaining({
        code: "spec_invalid",
        exitCode: 2,
        message: 'a.yaml:2:7: unknown key "nmae" at the top level. Did you mean "name"?',
      }),
    );
  });

  test("never throws, whatever the text", () => {
    const yaml = readFileSync("specs/templates/http-api.yaml", "utf8");
    const broken = fc
      .tuple(fc.nat(yaml.length), fc.nat(20), fc.string({ maxLength: 5 }))
      .map(([at, cut, put]) => yaml.slice(0, at) + put + yaml.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(broken, fc.string()), (text) =>
        expect(typeof parseSpec(text, { parameters: { service: "web" } }).ok).toBe("boolean"),
      ),
      { numRuns: 500 },
    );
  });
});

describe("parameters", () => {
  const template = `name: fast_\${operation}
parameters:
  operation: { type: string, description: which one }
  max: { type: number, default: 100 }
  strict: { type: bool, default: false }
  free: { default: 5 }
expected_spans:
  - operation_name: \${operation}
    optional: \${strict}
    expected_duration_ms: { max: "\${max}" }
    required_tags: { free: "\${free}", text: "a \${free} b", captured: "\${value}" }
    capture: { value: span.captured }
`;

  test("are filled in with their types, captured values stay", () => {
    const parsed = parseSpec(template, { parameters: { operation: "search", max: "250", strict: "true" } });
    expect(parsed).toMatchObject({
      ok: true,
      spec: {
        file: {
          name: "fast_search",
          expected_spans: [
            {
              operation_name: "search",
              optional: true,
              expected_duration_ms: { max: 250 },
              required_tags: { free: 5, text: "a 5 b", captured: "${value}" },
            },
          ],
        },
      },
    });
    if (!parsed.ok) return;
    expect(parsed.text).not.toContain("parameters");
    const { parameters: _parameters, ...filled } = parsed.spec.file;
    expect(parseSpec(parsed.text)).toMatchObject({ ok: true, spec: { file: filled } });
  });

  test.each([
    [{}, 'the parameter "operation" (which one) must be given'],
    [{ operation: "x", max: "soon" }, 'the parameter "max" must be a number'],
    [{ operation: "x", max: "" }, 'the parameter "max" must be a number'],
    [{ operation: "x", strict: "perhaps" }, 'the parameter "strict" must be true or false'],
    [{ operation: "x", maxx: 1 }, 'there is no parameter "maxx": did you mean "max"?'],
    [{ operation: 'x" || true || "' }, "must not hold quotes"],
    [{ operation: "x\ny" }, "line breaks"],
  ] as [Record<string, string | number>, string][])("%j: %s", (parameters, words) => {
    const parsed = parseSpec(template, { parameters });
    expect(parsed.ok ? [] : parsed.faults.map(({ line, message }) => `${line} ${message}`)).toEqual([
      expect.stringMatching(/^3 /),
    ]);
    expect(parsed.ok ? "" : parsed.faults[0]?.message).toContain(words);
  });

  test("of a specification without any are refused", () => {
    expect(parseSpec("name: s\nexpected_spans: [{ operation_name: x }]\n", { parameters: { a: 1 } })).toMatchObject({
      ok: false,
      faults: [{ message: 'there is no parameter "a": there are no parameters' }],
    });
  });
});

test("a path is written as people do", () => {
  expect(clauseOf(["expected_spans", 0, "required_tags", "http.route"])).toBe(
    'expected_spans[0].required_tags["http.route"]',
  );
  expect(clauseOf([])).toBe("");
});
