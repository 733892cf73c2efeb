import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { CHECKOUT, changed, checkPlan, SEED, told, violations } from "./traces.ts";

describe("the checkout specification", () => {
  test("is the template that comes along", () => {
    expect(readFileSync("specs/templates/checkout.yaml", "utf8")).toBe(SEED);
  });

  test("accepts a checkout, and tells the spans that it does not speak of", () => {
    const result = checkPlan(SEED, CHECKOUT);
    expect(result).toMatchObject({ matches: true, verdict: "pass", missing_spans: [], performance_issues: [] });
    expect(result.unexpected_spans.map(({ operation_name, violation }) => [operation_name, violation])).toEqual([
      ["POST /checkout", false],
      ["card.charge", false],
    ]);
    expect(result.evidence.matched.map(({ clause, count }) => [clause, count])).toEqual(
      [0, 1, 2, 3].map((i) => [`expected_spans[${i}]`, 1]),
    );
  });

  test.each([
    ["a missing span", { "inventory.reserve": null }, "span_missing expected_spans[2]", "inventory.reserve"],
    ["a renamed one", { "order.create": { name: "order.creat" } }, "span_missing expected_spans[3]", "order.create"],
    ["another service", { "order.create": { service: "web" } }, "span_missing expected_spans[3]", "order.create"],
    [
      "a slow one",
      { "checkout.validate_cart": { ms: 100.1 } },
      "duration_too_long expected_spans[0].expected_duration_ms.max",
      "checkout.validate_cart",
    ],
    [
      "a failed one",
      { "payment.process": { error: "CardDeclined" } },
      "error_unexpected expected_spans[1].error",
      "payment.process",
    ],
  ] as const)("names %s", (_name, change, ...[issue, operation]) => {
    const result = checkPlan(SEED, changed(CHECKOUT, change));
    expect(result).toMatchObject({ matches: false, verdict: "fail" });
    expect(told(result)).toEqual([issue]);
    expect(violations(result)[0]).toMatchObject({ operation_name: operation });
    expect(result.suggestions.join()).toContain(operation);
  });

  test("a renamed span is the nearest candidate of the missing one", () => {
    const [issue] = violations(checkPlan(SEED, changed(CHECKOUT, { "order.create": { name: "order.creat" } })));
    expect(issue?.nearest).toEqual({
      span_id: "0000000000000006",
      operation_name: "order.creat",
      service_name: "order-service",
      differs: ["operation_name"],
    });
  });

  test("a span that comes twice is told with both counts", () => {
    const twice = {
      ...CHECKOUT,
      children: [...(CHECKOUT.children ?? []), { name: "order.create", service: "order-service", at: 400, ms: 1 }],
    };
    const result = checkPlan(SEED, twice);
    expect(told(result)).toEqual(["span_repeated expected_spans[3].count"]);
    expect(violations(result)[0]).toMatchObject({ expected: 1, actual: 2, span_ids: ["0000000000000007"] });
  });
});
