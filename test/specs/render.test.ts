import { describe, expect, test } from "@jest/globals";
import { renderCheck } from "../../src/specs/render.ts";
import { ISSUE_CODES, ISSUE_LISTS } from "../../src/specs/issue.ts";
import { suggestionsFor } from "../../src/specs/suggest.ts";
import { CHECKOUT, changed, checkPlan, checkPlans } from "./traces.ts";

const SPEC = `name: shop
additional_spans: allowed
expected_spans:
  - { operation_name: payment.process, expected_duration_ms: { max: 100 }, required_tags: { currency: USD } }
  - { operation_name: order.creat }
  - { operation_name: inventory.reserve, count: 0 }
  - { operation_name: refund, when: "{ span.refund exists }" }
performance_constraints: { operations: [{ operation_name: payment.process, p95_ms: 50 }] }
`;

describe("renderCheck", () => {
  test("says the verdict, every fault with its clause and spans, numbers, advice, and what was not applied", () => {
    expect(renderCheck(checkPlan(SPEC, CHECKOUT, { version: 3 })).join("\n")).toBe(
      `FAIL shop version 3: performance_constraints.operations[0].p95_ms does not hold.

Missing spans
  ✗ order.creat is missing in the trace. Nearest: order.create (operation_name differs).
      expected 1, actual 0
      clause expected_spans[1]; trace 00000000000000000000000000000001; nearest span 0000000000000006

Unexpected spans
  ✗ inventory.reserve must not be there.
      expected 0, actual 1
      clause expected_spans[2].count; trace 00000000000000000000000000000001; span 0000000000000005

Time and totals
  ✗ The p95 in ms over 1 traces is 200 (1 values), out of its bounds.
      expected {"max":50}, actual 200
      clause performance_constraints.operations[0].p95_ms
  ✗ payment.process took 200 ms, longer than 100 ms.
      expected {"max_ms":100}, actual 200
      clause expected_spans[0].expected_duration_ms.max; trace 00000000000000000000000000000001; span 0000000000000003

Attributes
  ✗ The attribute currency of payment.process must be USD.
      expected "= \\"USD\\"", actual "EUR"
      clause expected_spans[0].required_tags.currency; trace 00000000000000000000000000000001; span 0000000000000003

4 additional spans or subtrees, which are allowed.

Over all traces
  fail performance_constraints.operations 0 .p95_ms: 200 of 1 values, limit {"max":50}`.replace(
        "operations 0 .p95_ms: 200 of",
        "operations[0].p95_ms: 200 of",
      ) +
        `

What to do
1. Make sure that order.creat is called and traced, and that its context is passed on. The nearest span is order.create of order-service: operation_name differs.
2. Do not call inventory.reserve on this path.
3. Make payment.process faster, or, if the time is justified, raise performance_constraints.operations 0.p95_ms; its children and its own time show where it goes.
4. Make payment.process faster, or, if the time is justified, raise expected_spans 0.expected_duration_ms.max; its children and its own time show where it goes.
5. Correct the attribute of expected_spans 0.required_tags.currency on payment.process, or the specification.
not applied: expected_spans[3] (its condition did not hold)`,
    );
  });

  test("of traces that match is one line", () => {
    expect(
      renderCheck(
        checkPlan("name: s\nexpected_spans: [{ operation_name: POST /checkout, additional_children: allowed }]\n", {
          ...CHECKOUT,
          children: [],
        }),
      ),
    ).toEqual(["PASS s: 1 of 1 traces match."]);
  });

  test("colours the words that matter", () => {
    const lines = renderCheck(checkPlan(SPEC, CHECKOUT), (style, text) => `<${style}>${text}</${style}>`);
    expect(lines[0]).toMatch(/^<red>FAIL<\/red> <bold>shop<\/bold>: /);
    expect(lines.join("\n")).toContain("<red>✗</red> inventory.reserve must not be there.");
    expect(renderCheck(checkPlans(SPEC, []), (style, text) => `<${style}>${text}</${style}>`)[0]).toContain(
      "<yellow>INCONCLUSIVE</yellow>",
    );
  });

  test("shows a dozen of many and says how many there are", () => {
    const plans = Array.from({ length: 150 }, () => changed(CHECKOUT, { "order.create": null }));
    const lines = renderCheck(checkPlans("name: s\nexpected_spans: [{ operation_name: order.create }]\n", plans));
    expect(lines.filter((line) => line.includes("✗"))).toHaveLength(12);
    expect(lines).toContain("  and 138 more; --json shows them");
  });
});

describe("suggestions", () => {
  test("there is advice for every code", () => {
    const lists = Object.fromEntries(ISSUE_LISTS.map((list) => [list, []]));
    for (const code of Object.keys(ISSUE_CODES)) {
      const issue = {
        code,
        clause: "c",
        message: "",
        span_ids: [],
        operation_name: "op",
        expected: 1,
        actual: 2,
        violation: true,
      };
      const [advice] = suggestionsFor({ ...lists, structure_issues: [issue] } as unknown as Parameters<
        typeof suggestionsFor
      >[0]);
      expect(advice).toMatch(/\bop\b|\bc\b/);
    }
  });

  test("is given once for a clause, the most frequent first", () => {
    const slow = changed(CHECKOUT, { "payment.process": { ms: 5_000 } });
    const none = changed(CHECKOUT, { "order.create": null });
    const yaml =
      "name: s\nexpected_spans: [{ operation_name: order.create }, { operation_name: payment.process, duration: 1s }]\n";
    const { suggestions } = checkPlans(yaml, [none, slow, slow]);
    expect(suggestions).toHaveLength(2);
    expect(suggestions[0]).toMatch(/^Make payment.process faster.*\(2 times\)$/);
  });
});
