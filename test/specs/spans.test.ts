import { describe, expect, test } from "@jest/globals";
import type { Plan } from "../analyze/population.ts";
import { CHECKOUT, changed, checkPlan, told, violations } from "./traces.ts";

const spec = (spans: string, head = ""): string => `name: s\n${head}expected_spans:\n${spans}`;

/** A root with the given children, one after the other. */
const under = (...children: readonly Partial<Plan>[]): Plan => ({
  name: "root",
  at: 0,
  ms: 100,
  children: children.map((child, i) => ({ name: "x", at: 1 + i * 10, ms: 5, ...child })),
});

describe("how often", () => {
  const times = (n: number): Plan => under(...Array.from({ length: n }, () => ({ name: "x" })));

  test.each([
    ["", [1]],
    ["count: 2", [2]],
    ["count: 1..3", [1, 2, 3]],
    ["count: 2..", [2, 3, 4]],
    ["count: ..2", [0, 1, 2]],
    ["count: { min: 1, max: 2 }", [1, 2]],
    ["count: { max: 1 }", [0, 1]],
    ["optional: true", [0, 1]],
    ["optional: true, count: 2", [0, 1, 2]],
    ["count: 0", [0]],
  ])("%s", (words, accepted) => {
    const yaml = spec(`  - { operation_name: x${words === "" ? "" : `, ${words}`} }\n`);
    const passing = [0, 1, 2, 3, 4].filter((n) => checkPlan(yaml, times(n)).matches);
    expect(passing).toEqual(accepted);
  });

  test("too few names how many there are, too many which are too many, none allowed which it is", () => {
    expect(violations(checkPlan(spec("  - { operation_name: x, count: 3 }\n"), times(2)))).toMatchObject([
      { code: "span_missing", clause: "expected_spans[0]", expected: 3, actual: 2 },
    ]);
    expect(violations(checkPlan(spec("  - { operation_name: x, count: 1..2 }\n"), times(4)))).toMatchObject([
      {
        code: "span_repeated",
        clause: "expected_spans[0].count",
        expected: { min: 1, max: 2 },
        actual: 4,
        span_ids: ["0000000000000004", "0000000000000005"],
      },
    ]);
    expect(told(checkPlan(spec("  - { operation_name: x, count: 0 }\n"), times(1)))).toEqual([
      "span_forbidden expected_spans[0].count",
    ]);
  });

  test("the two sides of one call count once, and the better one is judged", () => {
    const call: Plan = {
      name: "tools/call search",
      kind: "server",
      at: 0,
      ms: 50,
      children: [
        { name: "tools/call search", kind: "client", at: 1, ms: 48, children: [{ name: "query", at: 2, ms: 3 }] },
      ],
    };
    const yaml = spec("  - operation_name: tools/call search\n    children: [{ operation_name: query }]\n");
    expect(told(checkPlan(yaml, call))).toEqual([]);
    expect(told(checkPlan(`${yaml}additional_spans: forbidden\n`, call))).toEqual([]);
    const retried = {
      ...call,
      children: [...(call.children ?? []), { name: "tools/call search", kind: "internal", at: 49, ms: 1 } as const],
    };
    expect(told(checkPlan(yaml, retried))).toEqual(["span_repeated expected_spans[0].count"]);
  });

  test("a call has one other side: a second one under the same client span is another call", () => {
    const side = (at: number): Plan => ({ name: "charge", kind: "server", at, ms: 5 });
    const call = (sides: number): Plan => ({
      name: "charge",
      kind: "client",
      at: 0,
      ms: 50,
      children: Array.from({ length: sides }, (_, i) => side(1 + 6 * i)),
    });
    const kinds =
      "  - { operation_name: charge, kind: client, children: [{ operation_name: charge, kind: server }] }\n";
    for (const clauses of ["  - { operation_name: charge }\n", kinds]) {
      const yaml = spec(`${clauses}additional_spans: forbidden\n`);
      expect(told(checkPlan(yaml, call(1)))).toEqual([]);
      for (const sides of [2, 5]) expect(told(checkPlan(yaml, call(sides))).length).toBeGreaterThan(0);
    }
  });
});

describe("what a span is", () => {
  const plan = under({ name: "GET /users/42", service: "web", kind: "client", attributes: { "db.system": "pg" } });

  test.each([
    ['operation_name: "GET /users/42"', true],
    ["operation_name: GET", false],
    ['operation_name: { matches: "GET /users/[0-9]+" }', true],
    ['operation_name: { matches: "GET" }', false],
    ['operation_name: { template: "GET /users/{id}" }', true],
    ['operation_name: { template: "GET /users/{uuid}" }', false],
    ['operation_name: { in: ["a", "GET /users/42"] }', true],
    ['operation_name: { contains: "users" }', true],
    ['operation_name: { contains: "users", matches: "POST.*" }', false],
    ["operation_name: { contains: users }\n    service_name: web", true],
    ['operation_name: { contains: users }\n    service_name: { matches: "w.b" }', true],
    ["operation_name: { contains: users }\n    service_name: other", false],
    ["operation_name: { contains: users }\n    kind: client", true],
    ["operation_name: { contains: users }\n    kind: server", false],
    ["operation_name: { contains: users }\n    where: '{ span.db.system = \"pg\" }'", true],
    ["operation_name: { contains: users }\n    where: 'span.db.system = \"mysql\"'", false],
  ])("%s", (words, is) => expect(checkPlan(spec(`  - ${words}\n`), plan).matches).toBe(is));
});

describe("where a span stands", () => {
  const plan: Plan = {
    name: "r",
    at: 0,
    ms: 50,
    children: [
      { name: "a", at: 1, ms: 40, children: [{ name: "b", at: 2, ms: 30, children: [{ name: "c", at: 3, ms: 9 }] }] },
    ],
  };

  test.each([
    ["top: anywhere", "  - { operation_name: c }\n", []],
    ["top: root", "  - { operation_name: r, relation: root }\n", []],
    ["top: no root", "  - { operation_name: a, relation: root }\n", ["span_missing expected_spans[0]"]],
    ["child", "  - { operation_name: a, children: [{ operation_name: b }] }\n", []],
    [
      "no child",
      "  - { operation_name: a, children: [{ operation_name: c }] }\n",
      ["span_missing expected_spans[0].children[0]"],
    ],
    ["descendant", "  - { operation_name: a, children: [{ operation_name: c, relation: descendant }] }\n", []],
    [
      "no descendant",
      "  - { operation_name: b, children: [{ operation_name: a, relation: descendant }] }\n",
      ["span_missing expected_spans[0].children[0]"],
    ],
    [
      "children of children",
      "  - { operation_name: r, children: [{ operation_name: a, children: [{ operation_name: b, children: [{ operation_name: c }] }] }] }\n",
      [],
    ],
  ])("%s", (_name, spans, issues) => expect(told(checkPlan(spec(spans), plan))).toEqual(issues));

  test("what stands elsewhere is the nearest candidate, with the reason", () => {
    const [issue] = violations(checkPlan(spec("  - { operation_name: a, children: [{ operation_name: c }] }\n"), plan));
    expect(issue).toMatchObject({
      message: "c is missing under a. Nearest: c (not a child of the span above differs).",
      nearest: { operation_name: "c", differs: ["not a child of the span above"] },
      span_ids: ["0000000000000002"],
    });
  });

  test("nothing that is anyhow alike is no candidate", () => {
    const [issue] = violations(
      checkPlan(spec("  - { operation_name: something entirely different, service_name: elsewhere }\n"), plan),
    );
    expect(issue?.nearest).toBeUndefined();
  });
});

describe("spans that the specification does not speak of", () => {
  const strict = spec(
    "  - operation_name: payment.process\n    children: [{ operation_name: card.charge }]\n  - operation_name: POST /checkout\n",
    "additional_spans: forbidden\n",
  );

  test("are told once for a subtree of which nothing is expected", () => {
    expect(
      violations(checkPlan(strict, CHECKOUT)).map(({ operation_name, clause }) => [operation_name, clause]),
    ).toEqual([
      ["checkout.validate_cart", "expected_spans[1].additional_children"],
      ["inventory.reserve", "expected_spans[1].additional_children"],
      ["order.create", "expected_spans[1].additional_children"],
    ]);
    const deep = changed(CHECKOUT, { "order.create": { children: [{ name: "insert", at: 305, ms: 2 }] } });
    const messages = violations(checkPlan(strict, deep)).map(({ message }) => message);
    expect(messages).toContain("order.create is not expected (with 1 spans under it).");
    expect(messages.join()).not.toContain("insert");
  });

  test("are named one by one when something under them is expected", () => {
    const between: Plan = {
      name: "r",
      at: 0,
      ms: 9,
      children: [{ name: "between", at: 1, ms: 5, children: [{ name: "x", at: 2, ms: 1 }] }],
    };
    const yaml = spec("  - { operation_name: r }\n  - { operation_name: x }\n", "additional_spans: forbidden\n");
    expect(violations(checkPlan(yaml, between)).map(({ operation_name }) => operation_name)).toEqual(["between"]);
  });

  test("may be opened under one span of a closed specification, and closed under one of an open", () => {
    const opened = spec(
      "  - { operation_name: POST /checkout, additional_children: allowed }\n",
      "additional_spans: forbidden\n",
    );
    expect(told(checkPlan(opened, CHECKOUT))).toEqual([]);
    const closed = spec("  - { operation_name: payment.process, additional_children: forbidden }\n");
    expect(told(checkPlan(closed, CHECKOUT))).toEqual(["span_unexpected expected_spans[0].additional_children"]);
  });

  test("a child takes over the rule of its parent", () => {
    const yaml = spec(
      "  - operation_name: POST /checkout\n    additional_children: allowed\n    children:\n      - { operation_name: payment.process, additional_children: forbidden }\n",
      "additional_spans: forbidden\n",
    );
    expect(violations(checkPlan(yaml, CHECKOUT)).map(({ operation_name }) => operation_name)).toEqual(["card.charge"]);
  });
});

describe("one span fulfils one expected span", () => {
  test("equal expectations need as many spans", () => {
    const yaml = spec("  - { operation_name: x }\n  - { operation_name: x }\n");
    expect(told(checkPlan(yaml, under({}, {})))).toEqual([]);
    expect(told(checkPlan(yaml, under({})))).toEqual(["span_missing expected_spans[1]"]);
    expect(violations(checkPlan(yaml, under({}, {}, {}))).map(({ code }) => code)).toContain("span_repeated");
  });

  test("spans go where they have the fewest faults, whatever their order", () => {
    const yaml = spec(
      "  - { operation_name: x, required_tags: { n: 1 } }\n  - { operation_name: x, required_tags: { n: 2 } }\n  - { operation_name: x, duration: 2ms }\n",
    );
    const [one, two, short] = [{ attributes: { n: 1 }, ms: 5 }, { attributes: { n: 2 }, ms: 5 }, { ms: 1 }];
    for (const order of [
      [one, two, short],
      [short, two, one],
      [two, short, one],
    ])
      expect(told(checkPlan(yaml, under(...order)))).toEqual([]);
    expect(told(checkPlan(yaml, under(one, { attributes: { n: 3 }, ms: 5 }, short)))).toEqual([
      "attribute_differs expected_spans[1].required_tags.n",
    ]);
  });

  test("the narrower expectation gets the only span that fits it", () => {
    const yaml = spec('  - { operation_name: { matches: "x.*" } }\n  - { operation_name: x1 }\n');
    expect(told(checkPlan(yaml, under({ name: "x1" }, { name: "x2" })))).toEqual([]);
    expect(told(checkPlan(yaml, under({ name: "x2" }, { name: "x1" })))).toEqual([]);
  });

  test("what is expected under a span is not taken by an equal expectation at the top", () => {
    const yaml = spec("  - { operation_name: x }\n  - { operation_name: a, children: [{ operation_name: x }] }\n");
    const inside = { name: "a", children: [{ name: "x", at: 2, ms: 1 }] };
    expect(told(checkPlan(yaml, under(inside, { name: "x" })))).toEqual([]);
    expect(told(checkPlan(yaml, under(inside)))).toEqual(["span_missing expected_spans[0]"]);
  });

  test("of nested spans the inner one chooses first", () => {
    const yaml = spec("  - { operation_name: a, count: 2, children: [{ operation_name: x, relation: descendant }] }\n");
    const nested = (...outer: readonly Plan[]): Plan => ({
      name: "a",
      at: 0,
      ms: 50,
      children: [...outer, { name: "a", at: 20, ms: 20, children: [{ name: "x", at: 21, ms: 1 }] }],
    });
    expect(told(checkPlan(yaml, nested({ name: "x", at: 1, ms: 1 })))).toEqual([]);
    expect(told(checkPlan(yaml, nested()))).toEqual(["span_missing expected_spans[0].children[0]"]);
  });

  test("the parent with the expected children is chosen", () => {
    const yaml = spec(
      "  - { operation_name: a, children: [{ operation_name: x }] }\n  - { operation_name: a, children: [{ operation_name: y }] }\n",
    );
    const with_ = (name: string, at: number): Plan => ({
      name: "a",
      at,
      ms: 9,
      children: [{ name, at: at + 1, ms: 1 }],
    });
    expect(told(checkPlan(yaml, { name: "r", at: 0, ms: 50, children: [with_("y", 1), with_("x", 20)] }))).toEqual([]);
  });
});

describe("conditions", () => {
  const yaml = spec(
    "  - { operation_name: mail, when: '{ span.plan = \"paid\" }' }\n  - { operation_name: ad, unless: '{ span.plan = \"paid\" }' }\n",
  );
  const paid = { name: "login", attributes: { plan: "paid" } };

  test("what is expected depends on another span", () => {
    expect(told(checkPlan(yaml, under(paid, { name: "mail" })))).toEqual([]);
    expect(told(checkPlan(yaml, under(paid)))).toEqual(["span_missing expected_spans[0]"]);
    expect(told(checkPlan(yaml, under({ name: "ad" })))).toEqual([]);
    expect(told(checkPlan(yaml, under({})))).toEqual(["span_missing expected_spans[1]"]);
  });

  test("what is not asked for is told as not applied, and may be there", () => {
    expect(checkPlan(yaml, under(paid, { name: "mail" })).evidence.skipped).toEqual(["expected_spans[1]"]);
    expect(told(checkPlan(yaml, under(paid, { name: "mail" }, { name: "ad" })))).toEqual([]);
  });
});

describe("durations", () => {
  test.each([
    ["expected_duration_ms: { max: 5 }", [1, 5], [6]],
    ["expected_duration_ms: { min: 3 }", [3, 9], [2]],
    ["expected_duration_ms: { min: 3, max: 5 }", [3, 4, 5], [2, 6]],
    ["duration: 5ms", [5], [6]],
    ["duration: 5", [5], [6]],
    ["duration: { min: 2000us, max: 0.005s }", [2, 5], [1, 6]],
  ])("%s", (words, good, bad) => {
    const yaml = spec(`  - { operation_name: x, ${words} }\n`);
    for (const ms of good) expect(told(checkPlan(yaml, under({ ms })))).toEqual([]);
    for (const ms of bad)
      expect(violations(checkPlan(yaml, under({ ms })))).toMatchObject([{ actual: ms, operation_name: "x" }]);
  });

  test("a tolerance widens both bounds", () => {
    const yaml = spec(
      "  - { operation_name: x, duration: { min: 10ms, max: 20ms } }\n",
      "tolerances: { duration: { rel: 0.1, abs: 1ms } }\n",
    );
    const verdicts = [7, 8.1, 22.9, 23.1].map((ms) => checkPlan(yaml, under({ ms })).matches);
    expect(verdicts).toEqual([false, true, true, false]);
  });
});

describe("attributes", () => {
  const attributes = { "http.route": "/a", "http.response.status_code": 200, arguments: '{"q":"notes","ids":[1,2]}' };
  const plan = under({ attributes });

  test.each([
    ["required_tags: { http.route: /a }", []],
    ["required_tags: [http.route, service.name]", []],
    ["required_tags: [none]", ["attribute_missing expected_spans[0].required_tags[0]"]],
    ["required_tags: { http.route: /b }", ['attribute_differs expected_spans[0].required_tags["http.route"]']],
    ["required_tags: { none: /b }", ["attribute_missing expected_spans[0].required_tags.none"]],
    ["required_tags: { none: { '!=': x } }", ["attribute_missing expected_spans[0].required_tags.none"]],
    ["required_tags: { none: { not: { '=': x } } }", []],
    ["required_tags: { none: { exists: false } }", []],
    [
      "required_tags: { http.route: { exists: false } }",
      ['attribute_differs expected_spans[0].required_tags["http.route"]'],
    ],
    ["required_tags: { http.response.status_code: 200 }", []],
    ['required_tags: { http.response.status_code: "200" }', []],
    ['required_tags: { http.response.status_code: { ">=": 200, "<": 300 } }', []],
    [
      'required_tags: { http.response.status_code: { ">=": 200, "<": 200 } }',
      ['attribute_differs expected_spans[0].required_tags["http.response.status_code"]'],
    ],
    [
      "required_tags: { http.response.status_code: { type: string } }",
      ['attribute_differs expected_spans[0].required_tags["http.response.status_code"]'],
    ],
    ["required_tags: { arguments: { path: $.q, '=': notes } }", []],
    ["required_tags: { arguments: { path: '$.ids[*]', '=': 2 } }", []],
    [
      "required_tags: { arguments: { path: '$.ids[*]', '>': 2 } }",
      ["attribute_differs expected_spans[0].required_tags.arguments"],
    ],
    [
      "required_tags: { arguments: { path: $.none, exists: true } }",
      ["attribute_missing expected_spans[0].required_tags.arguments"],
    ],
    ["optional_tags: { none: 1, http.route: /a }", []],
    ["optional_tags: { http.route: /b }", ['attribute_differs expected_spans[0].optional_tags["http.route"]']],
    [
      "optional_tags: { arguments: { path: $.none, exists: true } }",
      ["attribute_missing expected_spans[0].optional_tags.arguments"],
    ],
    ["forbidden_tags: [none]", []],
    ["forbidden_tags: [none, http.route]", ["attribute_forbidden expected_spans[0].forbidden_tags[1]"]],
    ["satisfies: 'span.http.route exists && span:duration < 1s'", []],
    [
      "satisfies: ['{ span:childCount = 0 }', '{ span:childCount = 1 }']",
      ["condition_broken expected_spans[0].satisfies[1]"],
    ],
  ])("%s", (words, issues) =>
    expect(told(checkPlan(spec(`  - { operation_name: x, ${words} }\n`), plan))).toEqual(issues),
  );

  test("numbers may differ by their tolerance", () => {
    const head = "tolerances: { attributes: { bytes: { rel: 0.05, abs: 10 } } }\n";
    const yaml = spec("  - { operation_name: x, required_tags: { bytes: 1000 } }\n", head);
    const verdicts = [939, 941, 1060, 1070].map((bytes) => checkPlan(yaml, under({ attributes: { bytes } })).matches);
    expect(verdicts).toEqual([false, true, true, false]);
  });

  test("a long value is cut in the answer, with its length", () => {
    const long = under({ attributes: { "http.route": "x".repeat(5_000) } });
    const [issue] = violations(checkPlan(spec("  - { operation_name: x, required_tags: { http.route: /a } }\n"), long));
    expect(issue?.actual).toBe(`${"x".repeat(500)}… (5000 characters)`);
  });
});

describe("order", () => {
  const sequence = under({ name: "a", at: 1, ms: 5 }, { name: "b", at: 10, ms: 5 }, { name: "c", at: 20, ms: 5 });
  const overlapping = under({ name: "a", at: 1, ms: 12 }, { name: "b", at: 10, ms: 5 }, { name: "c", at: 20, ms: 5 });
  const swapped = under({ name: "b", at: 1, ms: 5 }, { name: "a", at: 10, ms: 5 }, { name: "c", at: 20, ms: 5 });
  const abc = (order: string): string =>
    spec(
      `  - operation_name: root\n    order: ${order}\n    children: [{ operation_name: a }, { operation_name: b }, { operation_name: c }]\n`,
    );

  test.each([
    ["any", [true, true, true]],
    ["by_start", [true, true, false]],
    ["sequential", [true, false, false]],
  ])("order: %s", (order, verdicts) => {
    expect([sequence, overlapping, swapped].map((plan) => checkPlan(abc(order), plan).matches)).toEqual(verdicts);
  });

  test("names both spans and how far they overlap", () => {
    expect(violations(checkPlan(abc("sequential"), overlapping))).toMatchObject([
      {
        code: "order_broken",
        clause: "expected_spans[0].order",
        span_ids: ["0000000000000002", "0000000000000003"],
        actual: { overlap_ms: 3 },
        message: "b started 3 ms before a had ended.",
      },
    ]);
  });

  test("at the top, and with a tolerance", () => {
    const top = "  - { operation_name: a }\n  - { operation_name: b }\n";
    expect(told(checkPlan(spec(top, "order: sequential\n"), overlapping))).toEqual(["order_broken order"]);
    expect(told(checkPlan(spec(top, "order: sequential\ntolerances: { order: 3ms }\n"), overlapping))).toEqual([]);
  });

  test("after and starts_after leave the rest parallel", () => {
    const yaml = (key: string): string =>
      spec(
        `  - { id: first, operation_name: a }\n  - { operation_name: b }\n  - { operation_name: c, ${key}: first }\n`,
      );
    const late = under({ name: "a", at: 1, ms: 25 }, { name: "b", at: 2, ms: 5 }, { name: "c", at: 20, ms: 5 });
    expect(told(checkPlan(yaml("after"), sequence))).toEqual([]);
    expect(told(checkPlan(yaml("after"), late))).toEqual(["order_broken expected_spans[2].after"]);
    expect(told(checkPlan(yaml("starts_after"), late))).toEqual([]);
    expect(told(checkPlan(yaml("starts_after"), under({ name: "c" }, { name: "b" }, { name: "a" })))).toEqual([
      "order_broken expected_spans[2].starts_after",
    ]);
  });

  test("under repeated spans, each looks at its own siblings", () => {
    const yaml = spec(
      "  - operation_name: call\n    count: 2\n    children: [{ id: open, operation_name: open }, { operation_name: read, after: open }]\n",
    );
    const call = (at: number, swap: boolean): Plan => ({
      name: "call",
      at,
      ms: 20,
      children: [
        { name: "open", at: at + (swap ? 10 : 1), ms: 2 },
        { name: "read", at: at + 5, ms: 2 },
      ],
    });
    const both = (swap: boolean): Plan => ({ name: "r", at: 0, ms: 60, children: [call(1, false), call(30, swap)] });
    expect(told(checkPlan(yaml, both(false)))).toEqual([]);
    expect(told(checkPlan(yaml, both(true)))).toEqual(["order_broken expected_spans[0].children[1].after"]);
  });
});

describe("captured values", () => {
  const yaml = spec(
    "  - { operation_name: payment.process, capture: { payment: span.payment.id } }\n  - { operation_name: order.create, required_tags: { order.payment: '${payment}' } }\n",
  );

  test("are compared with in later clauses", () => {
    expect(told(checkPlan(yaml, CHECKOUT))).toEqual([]);
    const other = changed(CHECKOUT, { "order.create": { attributes: { "order.payment": "p-2" } } });
    expect(violations(checkPlan(yaml, other))).toMatchObject([
      {
        code: "attribute_differs",
        clause: 'expected_spans[1].required_tags["order.payment"]',
        expected: '= "p-1"',
        actual: "p-2",
      },
    ]);
  });

  test("a value that cannot be captured is a fault, and nothing equals it", () => {
    expect(told(checkPlan(yaml, changed(CHECKOUT, { "payment.process": { attributes: {} } })))).toEqual([
      'attribute_differs expected_spans[1].required_tags["order.payment"]',
      "capture_failed expected_spans[0].capture.payment",
    ]);
  });

  test("several different values are no value", () => {
    const many = spec("  - { operation_name: x, count: 2, capture: { n: span.n } }\n");
    expect(told(checkPlan(many, under({ attributes: { n: 1 } }, { attributes: { n: 1 } })))).toEqual([]);
    expect(violations(checkPlan(many, under({ attributes: { n: 1 } }, { attributes: { n: 2 } })))).toMatchObject([
      {
        code: "capture_failed",
        actual: [1, 2],
        message: '"n" cannot be captured: there are 2 different values.'.replaceAll('"n"', '"n"'),
      },
    ]);
  });

  test("from JSON, by a selector, inside text, and in errors", () => {
    const rich = `name: s
captures:
  id: { select: '{ name = "a" }', value: 'span.result -> "$.order.id"' }
expected_spans:
  - { operation_name: b, required_tags: { url: "/orders/\${id}/items" } }
  - { operation_name: c, error: { type: "Gone-\${id}" } }
`;
    const plan = (id: string) =>
      under(
        { name: "a", attributes: { result: '{"order":{"id":7}}' } },
        { name: "b", attributes: { url: `/orders/${id}/items` } },
        { name: "c", error: `Gone-${id}` },
      );
    expect(told(checkPlan(rich, plan("7")))).toEqual([]);
    expect(told(checkPlan(rich, plan("8")))).toEqual([
      "attribute_differs expected_spans[0].required_tags.url",
      "error_differs expected_spans[1].error.type",
    ]);
    expect(
      told(checkPlan(rich, under({ name: "b", attributes: { url: "x" } }, { name: "c", error: "Gone-7" }))),
    ).toContain("capture_failed captures.id");
  });
});

describe("errors", () => {
  const failing = (extra: Partial<Plan> = {}) =>
    under({ error: "CardDeclined", attributes: { "http.response.status_code": 402 }, ...extra });
  const rule = (words: string) => spec(`  - { operation_name: x${words === "" ? "" : `, error: ${words}`} }\n`);

  test.each([
    ["", ["error_unexpected expected_spans[0].error"], []],
    ["forbidden", ["error_unexpected expected_spans[0].error"], []],
    ["allowed", [], []],
    ["required", [], ["error_absent expected_spans[0].error"]],
    ["{ type: CardDeclined }", [], ["error_absent expected_spans[0].error"]],
    ["{ type: { matches: 'Card.*' }, code: 402 }", [], ["error_absent expected_spans[0].error"]],
    ["{ type: Timeout }", ["error_differs expected_spans[0].error.type"], ["error_absent expected_spans[0].error"]],
    [
      "{ code: { in: [500, 503] } }",
      ["error_differs expected_spans[0].error.code"],
      ["error_absent expected_spans[0].error"],
    ],
    [
      "{ message: { contains: declined } }",
      ["error_differs expected_spans[0].error.message"],
      ["error_absent expected_spans[0].error"],
    ],
  ])("error: %s", (words, failed, fine) => {
    expect(told(checkPlan(rule(words), failing()))).toEqual(failed);
    expect(told(checkPlan(rule(words), under({})))).toEqual(fine);
  });

  test("of spans that are not expected count only where the whole trace must not fail", () => {
    const plan = under({}, { name: "stray", error: true });
    expect(told(checkPlan(spec("  - { operation_name: x }\n"), plan))).toEqual([]);
    expect(told(checkPlan(spec("  - { operation_name: x }\n", "errors: forbidden\n"), plan))).toEqual([
      "error_unexpected errors",
    ]);
    expect(told(checkPlan(spec("  - { operation_name: x }\n", "errors: allowed\n"), failing()))).toEqual([]);
  });
});
