import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildTree } from "../../src/analyze/tree.ts";
import { checkPopulation, checkTrace } from "../../src/specs/check.ts";
import { requireSpec } from "../../src/specs/parse.ts";
import { CheckResult } from "../../src/specs/result.ts";
import type { Span } from "../../src/model/span.ts";
import { anySpans } from "../analyze/arbitrary.ts";
import { trace, type Plan } from "../analyze/population.ts";
import { violations } from "./traces.ts";

/** Every clause of the language in one specification. */
const SPEC = `version: 1
name: everything
additional_spans: forbidden
errors: forbidden
expected_spans:
  - operation_name: { template: "POST /orders/{id}" }
    service_name: web
    kind: server
    relation: root
    expected_duration_ms: { min: 100, max: 600 }
    required_tags: { http.route: "/orders/{id}", http.response.status_code: { ">=": 200, "<": 300 } }
    children:
      - id: cart
        operation_name: cart.validate
        service_name: cart
        required_tags: { cart.items: { type: int, ">": 0 } }
        capture: { cart: span.cart.id }
        children:
          - { operation_name: price, count: 1..4, satisfies: "{ span:duration < 20ms }" }
      - id: pay
        operation_name: payment.process
        service_name: payment
        after: cart
        required_tags: { payment.cart: "\${cart}", arguments: { path: "$.currency", in: [EUR, USD] } }
        forbidden_tags: [card.number]
        children:
          - { operation_name: card.charge, kind: client, service_name: bank, error: allowed }
      - operation_name: order.create
        service_name: order
        after: pay
        additional_children: allowed
      - { operation_name: mail, optional: true, service_name: mail }
assertions:
  - { select: '{ name = "payment.process" }', before: '{ name = "order.create" }' }
  - { select: "{ span.db.statement exists }", count: "0..", none: '{ span.db.statement contains "password" }' }
performance_constraints: { max_span_count: 12, max_depth: 3 }
`;
const { spec } = requireSpec(SPEC, "everything");

/** A good trace; n varies what may vary. */
function good(n: number): Plan {
  const prices = Array.from({ length: 1 + (n % 4) }, (_, i) => ({
    name: "price",
    service: "cart",
    at: 3 + i * 10,
    ms: 5,
  }));
  return {
    name: `POST /orders/${n}`,
    service: "web",
    kind: "server",
    at: 0,
    ms: 400 + n,
    attributes: { "http.route": "/orders/{id}", "http.response.status_code": n % 2 === 0 ? 200 : 201 },
    children: [
      {
        name: "cart.validate",
        service: "cart",
        at: 1,
        ms: 50,
        attributes: { "cart.items": 1 + n, "cart.id": `c-${n}` },
        children: prices,
      },
      {
        name: "payment.process",
        service: "payment",
        at: 60,
        ms: 100,
        attributes: { "payment.cart": `c-${n}`, arguments: JSON.stringify({ currency: n % 2 === 0 ? "EUR" : "USD" }) },
        children: [
          {
            name: "card.charge",
            service: "bank",
            kind: "client",
            at: 70,
            ms: 60,
            ...(n % 3 === 0 && { error: "Retried" }),
          },
        ],
      },
      {
        name: "order.create",
        service: "order",
        at: 170,
        ms: 40,
        children: [{ name: "insert", service: "order", at: 175, ms: 5, attributes: { "db.statement": "INSERT" } }],
      },
      ...(n % 2 === 0 ? [{ name: "mail", service: "mail", at: 220, ms: 10 }] : []),
    ],
  };
}

const goodSpans = (n: number): Span[] => trace(n, good(n));

/** Spans with one of a name changed; null removes it. */
function mutated(spans: readonly Span[], name: string, change: (span: Span) => Partial<Span> | null): readonly Span[] {
  const target = spans.find((span) => span.name.startsWith(name));
  return spans.flatMap((span) => {
    const patch = span === target ? change(span) : {};
    return patch === null ? [] : [{ ...span, ...patch }];
  });
}

const withTag = (key: string, value: Span["attributes"][string]) => (span: Span) => ({
  attributes: { ...span.attributes, [key]: value },
});
const withoutTag = (key: string) => (span: Span) => ({
  attributes: Object.fromEntries(Object.entries(span.attributes).filter(([name]) => name !== key)),
});

describe("a specification of everything", () => {
  test("accepts what it describes, one by one and together", () => {
    for (let n = 0; n < 12; n++) expect(violations(checkTrace(spec, goodSpans(n)))).toEqual([]);
    const all = Array.from({ length: 12 }, (_, n) => buildTree(goodSpans(n)));
    expect(checkPopulation(spec, all)).toMatchObject({ verdict: "pass", traces: { matching: 12 } });
  });

  type Fault = readonly [string, string, (span: Span) => Partial<Span> | null, string];
  const faults: readonly Fault[] = [
    ["no cart", "cart.validate", () => null, "span_missing expected_spans[0].children[0]"],
    ["no payment", "payment.process", () => null, "span_missing expected_spans[0].children[1]"],
    ["no charge", "card.charge", () => null, "span_missing expected_spans[0].children[1].children[0]"],
    ["no order", "order.create", () => null, "span_missing expected_spans[0].children[2]"],
    ["a renamed order", "order.create", () => ({ name: "order.save" }), "span_missing expected_spans[0].children[2]"],
    [
      "a charge of another kind",
      "card.charge",
      () => ({ kind: "internal" }),
      "span_missing expected_spans[0].children[1].children[0]",
    ],
    [
      "a charge of another service",
      "card.charge",
      () => ({ service: "bank-2" }),
      "span_missing expected_spans[0].children[1].children[0]",
    ],
    ["a root of another name", "POST", () => ({ name: "PUT /orders/1" }), "span_missing expected_spans[0]"],
    [
      "too fast a root",
      "POST",
      () => ({ durationNs: 99e6 }),
      "duration_too_short expected_spans[0].expected_duration_ms.min",
    ],
    [
      "too slow a root",
      "POST",
      () => ({ durationNs: 601e6 }),
      "duration_too_long expected_spans[0].expected_duration_ms.max",
    ],
    [
      "another route",
      "POST",
      withTag("http.route", "/orders"),
      'attribute_differs expected_spans[0].required_tags["http.route"]',
    ],
    [
      "a bad status",
      "POST",
      withTag("http.response.status_code", 302),
      'attribute_differs expected_spans[0].required_tags["http.response.status_code"]',
    ],
    [
      "no status",
      "POST",
      withoutTag("http.response.status_code"),
      'attribute_missing expected_spans[0].required_tags["http.response.status_code"]',
    ],
    [
      "an empty cart",
      "cart.validate",
      withTag("cart.items", 0),
      'attribute_differs expected_spans[0].children[0].required_tags["cart.items"]',
    ],
    [
      "half a cart",
      "cart.validate",
      withTag("cart.items", 1.5),
      'attribute_differs expected_spans[0].children[0].required_tags["cart.items"]',
    ],
    [
      "a cart in words",
      "cart.validate",
      withTag("cart.items", "3"),
      'attribute_differs expected_spans[0].children[0].required_tags["cart.items"]',
    ],
    ["no cart id", "cart.validate", withoutTag("cart.id"), "capture_failed expected_spans[0].children[0].capture.cart"],
    [
      "another cart id",
      "payment.process",
      withTag("payment.cart", "c-99"),
      'attribute_differs expected_spans[0].children[1].required_tags["payment.cart"]',
    ],
    [
      "another currency",
      "payment.process",
      withTag("arguments", '{"currency":"XXX"}'),
      "attribute_differs expected_spans[0].children[1].required_tags.arguments",
    ],
    [
      "no currency",
      "payment.process",
      withTag("arguments", "{}"),
      "attribute_missing expected_spans[0].children[1].required_tags.arguments",
    ],
    [
      "a leaked card",
      "payment.process",
      withTag("card.number", "4111"),
      "attribute_forbidden expected_spans[0].children[1].forbidden_tags[0]",
    ],
    [
      "a slow price",
      "price",
      () => ({ durationNs: 21e6 }),
      "condition_broken expected_spans[0].children[0].children[0].satisfies",
    ],
    [
      "a failed payment",
      "payment.process",
      () => ({ status: "error" }),
      "error_unexpected expected_spans[0].children[1].error",
    ],
    ["a failed insert that nobody speaks of", "insert", () => ({ status: "error" }), "error_unexpected errors"],
    [
      "payment before the cart is known",
      "payment.process",
      (span) => ({ startNs: span.startNs - 30_000_000n }),
      "order_broken expected_spans[0].children[1].after",
    ],
    [
      "a password in a statement",
      "insert",
      withTag("db.statement", "SET password"),
      "condition_broken assertions[1].none",
    ],
  ];

  test.each(faults)("%s", (_name, ...[operation, change, expected]) => {
    for (let n = 0; n < 6; n++) {
      const before = goodSpans(n);
      const spans = mutated(before, operation, change);
      const told = violations(checkTrace(spec, spans)).map(({ code, clause }) => `${code} ${clause}`);
      expect(told).toContain(expected);
      const guilty = before.find((span) => span.name.startsWith(operation))?.spanId ?? "";
      const issue = violations(checkTrace(spec, spans)).find(({ code, clause }) => `${code} ${clause}` === expected);
      // What is missing is named by its operation, everything else by the span.
      if (issue?.code === "span_missing") expect(issue.operation_name).toBeTruthy();
      else expect(issue?.span_ids).toContain(guilty);
    }
  });

  test.each([
    ["a stranger", { name: "debug", service: "web" }, "span_unexpected expected_spans[0].additional_children"],
    [
      "a second payment",
      { name: "payment.process", service: "payment" },
      "span_repeated expected_spans[0].children[1].count",
    ],
    ["a second order", { name: "order.create", service: "order" }, "span_repeated expected_spans[0].children[2].count"],
  ])("%s", (_name, extra, expected) => {
    const spans = goodSpans(1);
    const added = {
      ...spans[0]!,
      kind: "internal" as const,
      attributes: {},
      spanId: "00000000000000aa",
      parentSpanId: spans[0]!.spanId,
      startNs: spans[0]!.startNs + 300_000_000n,
      durationNs: 1_000_000,
      ...extra,
    };
    const issues = violations(checkTrace(spec, [...spans, added]));
    const found = issues.find(({ code, clause }) => `${code} ${clause}` === expected);
    expect(found?.operation_name).toBe(extra.name);
  });

  test("too many prices, too many spans, too deep", () => {
    const spans = goodSpans(3);
    const price = spans.find(({ name }) => name === "price")!;
    const more = [1, 2].map((i) => ({ ...price, spanId: `00000000000000b${i}` }));
    const codes = violations(checkTrace(spec, [...spans, ...more])).map(({ code, clause }) => `${code} ${clause}`);
    expect(codes).toContain("span_repeated expected_spans[0].children[0].children[0].count");
    const insert = spans.find(({ name }) => name === "insert")!;
    const deep = { ...insert, spanId: "00000000000000c1", parentSpanId: insert.spanId };
    expect(violations(checkTrace(spec, [...spans, deep])).map(({ clause }) => clause)).toEqual([
      "performance_constraints.max_depth",
    ]);
    const wide = Array.from({ length: 12 }, (_, i) => ({
      ...insert,
      spanId: `00000000000001${String(i).padStart(2, "0")}`,
    }));
    expect(violations(checkTrace(spec, [...spans, ...wide])).map(({ clause }) => clause)).toEqual([
      "performance_constraints.max_span_count",
    ]);
  });
});

describe("the answer", () => {
  test("keeps its schema for every trace", () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const result = checkTrace(spec, spans, { version: 2 });
        expect(CheckResult.safeParse(JSON.parse(JSON.stringify(result))).error).toBeUndefined();
      }),
    );
  });

  test("cuts every list at the limit and counts what it leaves out", () => {
    const traces = Array.from({ length: 30 }, (_, n) =>
      buildTree(mutated(goodSpans(n), "order.create", () => ({ name: "order.save", status: "error" as const }))),
    );
    const full = checkPopulation(spec, traces, { limit: 1_000 });
    const cut = checkPopulation(spec, traces, { limit: 5 });
    expect(cut.missing_spans).toEqual(full.missing_spans.slice(0, 5));
    expect(cut.omitted).toMatchObject({ missing_spans: 55, results: 25 });
    expect(cut.results).toHaveLength(5);
    expect({ ...cut.traces, verdict: cut.verdict }).toEqual({ ...full.traces, verdict: full.verdict });
    expect(full.omitted).toEqual({});
  });

  test("puts violations before what is merely there", () => {
    const open = requireSpec("name: s\nexpected_spans: [{ operation_name: order.create, count: 0 }]\n", "s").spec;
    const result = checkTrace(open, goodSpans(2));
    expect(result.unexpected_spans.map(({ violation }) => violation)).toEqual([
      true,
      ...result.unexpected_spans.slice(1).map(() => false),
    ]);
  });

  test("of the same traces is the same", () => {
    const answer = () =>
      JSON.stringify(
        checkTrace(
          spec,
          mutated(goodSpans(4), "mail", () => ({ name: "sms" })),
        ),
      );
    expect(answer()).toBe(answer());
  });
});
