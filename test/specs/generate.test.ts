import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildTree } from "../../src/analyze/tree.ts";
import type { Span } from "../../src/model/span.ts";
import { checkPopulation, checkTrace } from "../../src/specs/check.ts";
import { generateSpec } from "../../src/specs/generate/generate.ts";
import { requireSpec } from "../../src/specs/parse.ts";
import { anySpans } from "../analyze/arbitrary.ts";
import { trace, type Plan } from "../analyze/population.ts";
import { CHECKOUT, told } from "./traces.ts";

const specOf = (traces: readonly (readonly Span[])[], options = {}) =>
  requireSpec(generateSpec(traces.map(buildTree), options).text, "generated.yaml").spec;

/** A span kind of a service that is called in every trace, in some, or several times. */
type Part = {
  readonly name: string;
  readonly service: string;
  readonly ms: number;
  readonly often: readonly number[];
  readonly inner: readonly Part[];
};

const partAt = (depth: number): fc.Arbitrary<Part> =>
  fc.record({
    name: fc.constantFrom("read", "write", "GET /users/42", "query 7", "cache get"),
    service: fc.constantFrom("web", "store", "auth"),
    ms: fc.integer({ min: 2, max: 40 }),
    often: fc.constantFrom([1, 1, 1], [1, 0, 1], [1, 3, 2], [2, 2, 2]),
    inner: depth === 0 ? fc.constant([]) : fc.array(partAt(depth - 1), { maxLength: 3 }),
  });

const shape: fc.Arbitrary<Part> = partAt(2).map((part) => ({ ...part, name: "root", often: [1, 1, 1] }));

/** The n-th trace of a shape. */
function planOf(part: Part, n: number, at = 0): Plan {
  let next = at + 1;
  const children = part.inner.flatMap((inner) =>
    Array.from({ length: inner.often[n % 3] ?? 1 }, () => {
      const child = planOf(inner, n, next);
      next = child.at + child.ms;
      return child;
    }),
  );
  const name = part.name.replace("42", String(100 + n));
  const attributes = { "component.version": "1.4", region: n % 2 === 0 ? "eu" : "us" };
  return { name, service: part.service, at, ms: Math.max(part.ms + n, next - at + 1), attributes, children };
}

const populationOf = (part: Part): Span[][] => [0, 1, 2, 3, 4].map((n) => trace(n, planOf(part, n)));

describe("a generated specification", () => {
  test("accepts every trace that it came from, each and all together", () => {
    fc.assert(
      fc.property(shape, (part) => {
        const traces = populationOf(part);
        const spec = specOf(traces);
        for (const spans of traces) expect(told(checkTrace(spec, spans))).toEqual([]);
        expect(checkPopulation(spec, traces.map(buildTree))).toMatchObject({ matches: true, traces: { matching: 5 } });
      }),
    );
  });

  test("accepts traces of any shape, broken ones included", () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const result = checkTrace(specOf([spans]), spans);
        expect({ told: told(result), verdict: result.verdict }).toEqual({ told: [], verdict: "pass" });
      }),
      { numRuns: 300 },
    );
  });

  type Mutation = { readonly name: string; readonly apply: (span: Span) => Partial<Span> };
  const mutations: readonly Mutation[] = [
    { name: "renamed", apply: (span) => ({ name: `${span.name}x` }) },
    { name: "failed", apply: () => ({ status: "error" }) },
    { name: "slower than the tolerance", apply: (span) => ({ durationNs: span.durationNs * 20 + 200e6 }) },
    { name: "another service", apply: () => ({ service: "other" }) },
    {
      name: "a changed stable attribute",
      apply: (span) => ({ attributes: { ...span.attributes, "component.version": "1.5" } }),
    },
    { name: "a lost attribute", apply: (span) => ({ attributes: { region: span.attributes["region"] ?? "" } }) },
    { name: "another kind", apply: () => ({ kind: "consumer" }) },
  ];

  test.each(mutations)("rejects a trace with a span that is $name, and names the span", ({ apply }) => {
    fc.assert(
      fc.property(shape, fc.nat(), fc.nat(4), (part, which, n) => {
        const traces = populationOf(part);
        const spans = traces[n] ?? [];
        const chosen = spans[which % spans.length];
        const mutated = spans.map((span) => (span === chosen ? { ...span, ...apply(span) } : span));
        const result = checkTrace(specOf(traces), mutated);
        expect(result.verdict).toBe("fail");
        expect(JSON.stringify(result)).toContain(chosen?.spanId);
      }),
    );
  });

  test("rejects a trace without a span that was always there once", () => {
    fc.assert(
      fc.property(shape, fc.nat(), (part, which) => {
        const traces = populationOf({ ...part, inner: [{ ...part, name: "sure", often: [1, 1, 1] }, ...part.inner] });
        const spec = specOf(traces);
        const spans = traces[which % 5] ?? [];
        const gone = spans.find(({ name }) => name === "sure")?.spanId;
        const rest = spans.filter(({ spanId }) => spanId !== gone);
        const result = checkTrace(spec, rest);
        expect(result.missing_spans.map(({ operation_name }) => operation_name)).toContain("sure");
      }),
    );
  });

  test("requires what is stable, leaves open what varies, and says from what it was made", () => {
    const call = (n: number): Plan => ({
      name: `GET /users/${n}`,
      service: "web",
      kind: "server",
      at: 0,
      ms: 10 + n,
      attributes: { "http.route": "/users/{id}", "user.id": String(n), "retry.count": n, "jsonrpc.request.id": n },
      children: [
        { name: "select", service: "db", at: 1, ms: 1 },
        { name: "render", service: "web", at: 3, ms: 2 },
        ...Array.from({ length: n % 3 }, () => ({ name: "cache", service: "web", at: 6, ms: 1 })),
      ],
    });
    const { file, traces, spans } = generateSpec([1, 2, 3, 4].map((n) => buildTree(trace(n, call(n)))));
    expect({ traces, spans }).toEqual({ traces: 4, spans: 16 });
    expect(file).toMatchObject({
      version: 1,
      additional_spans: "forbidden",
      description: expect.stringContaining("4 traces with 16 spans"),
      expected_spans: [
        {
          operation_name: { template: "GET /users/{id}" },
          service_name: "web",
          kind: "server",
          relation: "root",
          expected_duration_ms: { max: 14 },
          required_tags: {
            "http.route": "/users/{id}",
            "user.id": { type: "string" },
            "retry.count": { type: "number" },
          },
          children: [
            { operation_name: "select", id: "select" },
            { operation_name: "render", after: "select" },
            { operation_name: "cache", count: "0..2" },
          ],
        },
      ],
    });
    expect(JSON.stringify(file)).not.toContain("jsonrpc");
  });

  test("with a quantile it bounds operations over all traces", () => {
    const traces = Array.from({ length: 20 }, (_, n) => trace(n, { ...CHECKOUT, ms: 500 + n }));
    const spec = specOf(traces, { quantile: "0.95" });
    expect(checkPopulation(spec, traces.map(buildTree)).verdict).toBe("pass");
    const few = checkPopulation(spec, traces.slice(0, 3).map(buildTree));
    expect(few).toMatchObject({ verdict: "inconclusive", reason: expect.stringContaining("too few") });
  });

  test("open, it allows what the traces do not have", () => {
    const spans = trace(0, CHECKOUT);
    const more = [...spans, { ...spans[1]!, spanId: "00000000000000ff", name: "another" }];
    expect(checkTrace(specOf([spans]), more).verdict).toBe("fail");
    expect(checkTrace(specOf([spans], { open: true }), more).verdict).toBe("pass");
  });

  test("from no trace it cannot be made", () => {
    expect(() => generateSpec([])).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test("a chain deeper than a specification may be is left open below, with a note", () => {
    let plan: Plan = { name: "leaf", at: 0, ms: 1 };
    for (let i = 0; i < 200; i++) plan = { name: `level${i % 2}`, at: 0, ms: 1, children: [plan] };
    const spans = trace(0, plan);
    const generated = generateSpec([buildTree(spans)]);
    expect(generated.notes).toHaveLength(1);
    expect(checkTrace(requireSpec(generated.text, "g").spec, spans).verdict).toBe("pass");
  });
});
