import { describe, expect, test } from "@jest/globals";
import type { Plan } from "../analyze/population.ts";
import { CHECKOUT, changed, checkPlan, checkPlans, told, violations } from "./traces.ts";

const under = (...children: readonly Partial<Plan>[]): Plan => ({
  name: "root",
  at: 0,
  ms: 100,
  children: children.map((child, i) => ({ name: "x", at: 1 + i * 10, ms: 5, ...child })),
});

describe("assertions", () => {
  const assertion = (words: string, head = ""): string => `name: s\n${head}assertions:\n  - ${words}\n`;
  const plan = under({ attributes: { n: 1 } }, { attributes: { n: 2 }, error: "E" }, { name: "y", ms: 50 });

  test.each([
    [`select: '{ name = "x" }'`, []],
    [`select: '{ name = "z" }'`, ["selection_too_small assertions[0].count"]],
    [`{ select: '{ name = "z" }', each: "{ false }" }`, ["selection_too_small assertions[0].count"]],
    [`{ select: '{ name = "z" }', count: 0.. , each: "{ false }" }`, []],
    [`{ select: '{ name = "x" }', count: 0 }`, ["selection_too_large assertions[0].count"]],
    [`{ select: '{ name = "z" }', count: 0 }`, []],
    [`{ select: '{ name = "x" }', count: 1..2 }`, []],
    [`{ select: '{ name = "x" }', count: 3.. }`, ["selection_too_small assertions[0].count"]],
    [`{ select: '{ name = "x" }', each: "{ span.n exists }" }`, []],
    [`{ select: '{ name = "x" }', each: "{ span.n = 1 }" }`, ["condition_broken assertions[0].each"]],
    [`{ select: '{ name = "x" }', each: ["span.n exists", "span.n = 1"] }`, ["condition_broken assertions[0].each[1]"]],
    [`{ select: '{ name = "x" }', some: "{ span.n = 1 }" }`, []],
    [`{ select: '{ name = "x" }', some: "{ span.n = 3 }" }`, ["condition_broken assertions[0].some"]],
    [`{ select: '{ name = "x" }', none: "{ span.n = 3 }" }`, []],
    [`{ select: '{ name = "x" }', none: "{ span.n = 2 }" }`, ["condition_broken assertions[0].none"]],
    [`{ select: '{ name = "x" }', before: '{ name = "y" }' }`, []],
    [`{ select: '{ name = "x" }', after: '{ name = "y" }' }`, ["order_broken assertions[0].after"]],
    [`{ select: '{ name = "y" }', after: '{ name = "x" }' }`, []],
    [`{ select: '{ name = "y" }', before: '{ name = "x" }' }`, ["order_broken assertions[0].before"]],
    [`{ select: '{ name = "x" }', before: '{ name = "z" }' }`, ["selection_too_small assertions[0].before"]],
    [`{ when: '{ span.n = 2 }', select: '{ name = "z" }' }`, ["selection_too_small assertions[0].count"]],
    [`{ unless: '{ span.n = 3 }', select: '{ name = "z" }' }`, ["selection_too_small assertions[0].count"]],
  ])("%s", (words, issues) => expect(told(checkPlan(assertion(words), plan))).toEqual(issues));

  test("go to the list that they are about", () => {
    const listOf = (each: string) => {
      const result = checkPlan(assertion(`{ select: '{ name =~ "x|y" }', each: "${each}" }`), plan);
      return (["performance_issues", "error_issues", "attribute_issues"] as const).filter(
        (list) => result[list].length > 0,
      );
    };
    expect(listOf("{ span:duration < 10ms }")).toEqual(["performance_issues"]);
    expect(listOf("{ status != error }")).toEqual(["error_issues"]);
    expect(listOf("{ span.n exists }")).toEqual(["attribute_issues"]);
    expect(listOf("{ status != error && span:duration < 10ms }")).toEqual(["attribute_issues"]);
  });

  test("name the guilty spans and how many of how many", () => {
    expect(
      violations(checkPlan(assertion(`{ name: numbers, select: '{ name = "x" }', each: "{ span.n = 1 }" }`), plan)),
    ).toMatchObject([
      {
        message: "numbers: 1 of 2 spans answer no to { span.n = 1 }, such as x.",
        span_ids: ["0000000000000003"],
        actual: "1 of 2 spans",
      },
    ]);
  });

  test("whose condition does not hold are told; a trace to which nothing applied is undecided", () => {
    const words = `{ when: '{ span.n = 9 }', select: '{ name = "z" }' }`;
    const result = checkPlan(assertion(words), plan);
    expect(result).toMatchObject({ verdict: "inconclusive", matches: false, evidence: { skipped: ["assertions[0]"] } });
    const other = checkPlan(`${assertion(words)}  - { select: '{ name = "x" }' }\n`, plan);
    expect(other).toMatchObject({ verdict: "pass", evidence: { skipped: ["assertions[0]"] } });
  });
});

describe("limits of a trace", () => {
  const plan = under(
    { attributes: { tokens: 10 }, error: true },
    { service: "db", attributes: { tokens: "5" } },
    { name: "y", children: [{ name: "deep", at: 22, ms: 1 }] },
  );
  const limit = (words: string): string => `name: s\nperformance_constraints: { ${words} }\n`;

  test.each([
    ["max_total_duration_ms: 100", "max_total_duration_ms: 99", "duration_too_long", 100],
    ["max_duration: 0.1s", "max_duration: 99ms", "duration_too_long", 100],
    ["min_total_duration_ms: 100", "min_total_duration_ms: 101", "duration_too_short", 100],
    ["max_span_count: 5", "max_span_count: 4", "total_out_of_range", 5],
    ["span_count: 5", "span_count: 6..", "total_out_of_range", 5],
    ["service_count: 1..2", "service_count: 1", "total_out_of_range", 2],
    ["max_depth: 3", "max_depth: 2", "total_out_of_range", 3],
    ["max_error_count: 1", "max_error_count: 0", "total_out_of_range", 1],
    ["max_error_rate: 0.2", "max_error_rate: 0.19", "total_out_of_range", 0.2],
    ["totals: [{ attribute: tokens, max: 15 }]", "totals: [{ attribute: tokens, max: 14 }]", "total_out_of_range", 15],
    ["totals: [{ attribute: tokens, min: 15 }]", "totals: [{ attribute: tokens, min: 16 }]", "total_out_of_range", 15],
    ["totals: [{ attribute: none, max: 0 }]", "totals: [{ attribute: none, min: 1 }]", "total_out_of_range", 0],
    [
      "operations: [{ operation_name: x, max_calls: 2 }]",
      "operations: [{ operation_name: x, max_calls: 1 }]",
      "total_out_of_range",
      2,
    ],
    [
      "operations: [{ operation_name: x, max_total_ms: 10 }]",
      "operations: [{ operation_name: x, max_total_ms: 9 }]",
      "duration_too_long",
      10,
    ],
    [
      "operations: [{ operation_name: x, service_name: db, max_calls: 1 }]",
      "operations: [{ operation_name: x, service_name: db, max_calls: 0 }]",
      "total_out_of_range",
      1,
    ],
  ])("%s holds, %s does not", (good, bad, ...[code, actual]) => {
    expect(told(checkPlan(limit(good), plan))).toEqual([]);
    const key = /^\w+/.exec(bad)?.[0] ?? "";
    expect(violations(checkPlan(limit(bad), plan))).toMatchObject([
      { code, actual, clause: expect.stringContaining(`performance_constraints.${key}`) },
    ]);
  });

  test("name the spans that make them", () => {
    expect(violations(checkPlan(limit("max_error_count: 0"), plan))[0]?.span_ids).toEqual(["0000000000000002"]);
    expect(violations(checkPlan(limit("max_span_count: 1"), plan))[0]?.span_ids).toEqual(["0000000000000001"]);
    expect(violations(checkPlan(limit("totals: [{ attribute: tokens, max: 1 }]"), plan))[0]?.span_ids).toEqual([
      "0000000000000002",
      "0000000000000003",
    ]);
  });
});

describe("error conditions", () => {
  const condition = (words: string): string =>
    `name: s\nexpected_spans: [{ operation_name: card.charge }]\nerror_conditions: [{ operation_name: card.charge, ${words} }]\n`;
  const declined = changed(CHECKOUT, {
    "card.charge": { error: "CardDeclined", attributes: { "http.response.status_code": 402 } },
  });

  test.each([
    ["must: fail", [], ["error_absent error_conditions[0]"]],
    ["expected: true", [], ["error_absent error_conditions[0]"]],
    ["must: fail, error_type: CardDeclined, error_code: 402", [], ["error_absent error_conditions[0]"]],
    [
      "must: fail, error_type: Timeout",
      ["error_differs error_conditions[0].type"],
      ["error_absent error_conditions[0]"],
    ],
    [
      "must: fail, error_code: { in: [500] }",
      ["error_differs error_conditions[0].code"],
      ["error_absent error_conditions[0]"],
    ],
    ["must: fail, count: 2", ["error_absent error_conditions[0]"], ["error_absent error_conditions[0]"]],
    ["must: fail, count: 0..0", ["error_unexpected error_conditions[0]"], []],
    ["must: not_fail", ["error_unexpected error_conditions[0]"], []],
    ["expected: false", ["error_unexpected error_conditions[0]"], []],
    ["must: not_fail, error_type: Timeout", [], []],
    ["must: not_fail, error_type: { matches: 'Card.*' }", ["error_unexpected error_conditions[0]"], []],
    ["may: fail", [], []],
    ["must: fail, where: 'resource.service.name = \"bank\"'", [], ["error_absent error_conditions[0]"]],
    [
      "must: fail, service_name: elsewhere",
      ["error_unexpected expected_spans[0].error", "error_absent error_conditions[0]"],
      ["error_absent error_conditions[0]"],
    ],
  ])("%s", (words, failed, fine) => {
    expect(told(checkPlan(condition(words), declined))).toEqual(failed);
    expect(told(checkPlan(condition(words), CHECKOUT))).toEqual(fine);
  });

  test("about all spans", () => {
    const yaml =
      "name: s\nerror_conditions: [{ name: no timeouts, must: not_fail, error_type: { matches: '.*Timeout' } }]\n";
    expect(told(checkPlan(yaml, declined))).toEqual([]);
    expect(told(checkPlan(yaml, changed(CHECKOUT, { "card.charge": { error: "ReadTimeout" } })))).toEqual([
      "error_unexpected error_conditions[0]",
    ]);
  });
});

describe("all traces together", () => {
  const plans = Array.from({ length: 10 }, (_, n) =>
    under({ ms: n + 1, ...(n === 9 && { error: "E" }), attributes: { hit: n < 8 } }),
  );
  const population = (words: string, more = ""): string =>
    `name: s\nerrors: allowed\nexpected_spans: [{ operation_name: x${more} }]\n${words}\n`;

  test.each([
    [
      "performance_constraints: { operations: [{ operation_name: x, p50_ms: 5.5 }] }",
      "performance_constraints: { operations: [{ operation_name: x, p50_ms: 5.4 }] }",
      5.5,
    ],
    [
      "performance_constraints: { operations: [{ operation_name: x, p90_ms: 9.1 }] }",
      "performance_constraints: { operations: [{ operation_name: x, p90_ms: 9 }] }",
      9.1,
    ],
    [
      "performance_constraints: { operations: [{ operation_name: x, mean_ms: 5.5 }] }",
      "performance_constraints: { operations: [{ operation_name: x, mean_ms: 5 }] }",
      5.5,
    ],
    [
      "performance_constraints: { operations: [{ operation_name: x, max_ms: 10 }] }",
      "performance_constraints: { operations: [{ operation_name: x, max_ms: 9 }] }",
      10,
    ],
    [
      "performance_constraints: { operations: [{ operation_name: x, max_error_rate: 0.1 }] }",
      "performance_constraints: { operations: [{ operation_name: x, max_error_rate: 0.09 }] }",
      0.1,
    ],
    ["population: { max_error_rate: 0.1 }", "population: { max_error_rate: 0 }", 0.1],
    ["population: { duration: { p99_ms: 100 } }", "population: { duration: { p99_ms: 99 } }", 100],
    [
      'population: { rates: [{ select: "{ span.hit = true }", min: 0.8 }] }',
      'population: { rates: [{ select: "{ span.hit = true }", min: 0.81 }] }',
      0.8,
    ],
    [
      'population: { rates: [{ select: "{ span.hit = true }", max: 0.8 }] }',
      'population: { rates: [{ select: "{ span.hit = true }", max: 0.79 }] }',
      0.8,
    ],
  ])("%s holds, %s does not", (good, bad, value) => {
    expect(checkPlans(population(good), plans)).toMatchObject({
      verdict: "pass",
      evidence: { population: [{ verdict: "pass" }] },
    });
    const result = checkPlans(population(bad), plans);
    expect(result).toMatchObject({ verdict: "fail", traces: { matching: 10 } });
    expect(violations(result)).toHaveLength(1);
    expect(violations(result)[0]?.actual).toBeCloseTo(value, 9);
    expect(result.reason).toBe(`${violations(result)[0]?.clause} does not hold.`);
  });

  test("without a rate every trace must match, with one as many as stated", () => {
    const slow = ", expected_duration_ms: { max: 8 }";
    expect(checkPlans(population("", slow), plans)).toMatchObject({
      verdict: "fail",
      reason: "8 of 10 traces match.",
      traces: { matching: 8, failing: 2 },
    });
    expect(checkPlans(population("population: { min_match_rate: 0.8 }", slow), plans)).toMatchObject({
      verdict: "pass",
      matches: true,
    });
    expect(checkPlans(population("population: { min_match_rate: 0.81 }", slow), plans).verdict).toBe("fail");
  });

  test("too few traces or calls decide nothing, but what is wrong stays wrong", () => {
    const few = "population: { min_traces: 11 }";
    expect(checkPlans(population(few), plans)).toMatchObject({
      verdict: "inconclusive",
      reason: "10 of 10 traces match; 11 traces are needed.",
    });
    expect(checkPlans(population(few, ", expected_duration_ms: { max: 1 }"), plans).verdict).toBe("fail");
    const samples = "performance_constraints: { operations: [{ operation_name: x, p95_ms: 99, min_samples: 11 }] }";
    expect(checkPlans(population(samples), plans)).toMatchObject({
      verdict: "inconclusive",
      reason: expect.stringContaining("10 values, which are too few"),
    });
    const none = "performance_constraints: { operations: [{ operation_name: none, p95_ms: 99 }] }";
    expect(checkPlans(population(none), plans)).toMatchObject({
      verdict: "inconclusive",
      evidence: { population: [{ value: null, samples: 0 }] },
    });
  });

  test("no trace, or none that it applies to, decides nothing", () => {
    expect(checkPlans(population(""), [])).toMatchObject({
      verdict: "inconclusive",
      reason: "There is no trace.",
      matches: false,
    });
    const other = `name: s\napplies_to: '{ name = "other" }'\nexpected_spans: [{ operation_name: x }]\n`;
    expect(checkPlans(other, plans)).toMatchObject({
      verdict: "inconclusive",
      traces: { not_applicable: 10 },
      reason: "The specification applies to none of 10 traces.",
    });
    const mixed = checkPlans(other, [...plans, { ...under({}), name: "other" }]);
    expect(mixed).toMatchObject({ verdict: "pass", traces: { total: 11, matching: 1, not_applicable: 10 } });
  });

  test("tolerance widens quantiles as well", () => {
    const yaml = population(
      "tolerances: { duration: { rel: 0.1 } }\nperformance_constraints: { operations: [{ operation_name: x, max_ms: 9.1 }] }",
    );
    expect(checkPlans(yaml, plans).verdict).toBe("pass");
  });

  test("the answer lists every trace, counts what a limit leaves out, and shows evidence of one that fails", () => {
    const result = checkPlans(population("", ", expected_duration_ms: { max: 8 }"), plans);
    expect(
      result.results.filter(({ matches }) => !matches).map(({ trace_id, issues }) => [trace_id.slice(-2), issues]),
    ).toEqual([
      ["09", { performance_issues: 1 }],
      ["0a", { performance_issues: 1 }],
    ]);
    expect(result.evidence.trace_id?.slice(-2)).toBe("09");
    expect(result.suggestions[0]).toMatch(/^Make x faster.*\(2 times\)$/);
  });
});
