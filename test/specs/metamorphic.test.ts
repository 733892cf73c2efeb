import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { stringify } from "yaml";
import { buildTree } from "../../src/analyze/tree.ts";
import type { Span } from "../../src/model/span.ts";
import { checkPopulation, checkTrace } from "../../src/specs/check.ts";
import { generateSpec } from "../../src/specs/generate/generate.ts";
import { requireSpec } from "../../src/specs/parse.ts";
import type { TraceSpec } from "../../src/specs/spec.ts";
import { anySpans } from "../analyze/arbitrary.ts";
import { traceIdOf } from "../analyze/population.ts";
import { told, violations } from "./traces.ts";

const specFrom = (spans: readonly Span[], options = {}): TraceSpec =>
  requireSpec(generateSpec([buildTree(spans)], options).text, "generated.yaml").spec;

const mapIds = (spans: readonly Span[], change: (id: string) => string): Span[] =>
  spans.map((one) => ({
    ...one,
    spanId: change(one.spanId),
    ...(one.parentSpanId === undefined ? {} : { parentSpanId: change(one.parentSpanId) }),
  }));

/** Changes of a trace that say nothing about what it is. */
const same: readonly (readonly [string, (spans: readonly Span[]) => Span[]])[] = [
  ["a year later", (spans) => spans.map((one) => ({ ...one, startNs: one.startNs + 31_536_000_000_000_000n }))],
  ["under another trace id", (spans) => spans.map((one) => ({ ...one, traceId: traceIdOf(77) }))],
  // The order of ids breaks ties between spans that start together, so it is kept.
  ["with other span ids", (spans) => mapIds(spans, (id) => `f${id.slice(1)}`)],
  ["every span delivered twice", (spans) => [...spans, ...spans]],
  [
    "with links, scopes and resources of their own",
    (spans) => spans.map((one, i) => ({ ...one, scope: { name: `s${i}` }, resource: { "host.name": `h${i}` } })),
  ],
];

describe("the answer of a specification", () => {
  test.each(same)("is the same %s", (_, change) => {
    fc.assert(
      fc.property(anySpans, anySpans, fc.boolean(), (one, other, open) => {
        const spec = specFrom(one, { open });
        const [plain, changed] = [checkTrace(spec, other), checkTrace(spec, change(other))];
        expect([changed.verdict, told(changed)]).toEqual([plain.verdict, told(plain)]);
      }),
      { numRuns: 30 },
    );
  });

  test("is the same for the file written in another way: as JSON, with anchors resolved, through its own text", () => {
    fc.assert(
      fc.property(anySpans, anySpans, (one, other) => {
        const spec = specFrom(one);
        const wanted = told(checkTrace(spec, other));
        for (const text of [JSON.stringify(spec.file), stringify(spec.file, { defaultStringType: "QUOTE_DOUBLE" })]) {
          const again = requireSpec(text, "again").spec;
          expect(again.file).toEqual(spec.file);
          expect(told(checkTrace(again, other))).toEqual(wanted);
        }
      }),
      { numRuns: 30 },
    );
  });

  test.each([2, 1_000])("is the same when all times are %d times as long, in traces and specification", (factor) => {
    const longer = (spans: readonly Span[]): Span[] =>
      spans.map((one) => ({
        ...one,
        startNs: 1_763_000_000_000_000_000n + (one.startNs - 1_763_000_000_000_000_000n) * BigInt(factor),
        durationNs: one.durationNs * factor,
      }));
    fc.assert(
      fc.property(anySpans, anySpans, (one, other) => {
        const bounds = (scale: number, unit: number): string =>
          JSON.stringify({
            name: "times",
            errors: "allowed",
            tolerances: { order: `${100 * scale}us`, duration: { rel: 0.1, abs: `${20 * scale}us` } },
            expected_spans: one.slice(0, 4).map(({ name, durationNs }, i) => ({
              ...(name === "" ? { operation_name: { in: [""] } } : { operation_name: name }),
              id: `i${i}`,
              count: { min: 0 },
              expected_duration_ms: { max: (durationNs * unit) / 1e6 },
              ...(i > 0 ? { after: `i${i - 1}` } : {}),
            })),
            performance_constraints: { max_total_duration_ms: 0.5 * scale },
            assertions: [{ select: `{ span:duration > ${200 * scale}us } >> { }`, count: "..3" }],
          });
        const [small, large] = [bounds(1, 1), bounds(factor, factor)].map((text) => requireSpec(text, "times").spec);
        if (small === undefined || large === undefined) throw new Error("two specifications");
        expect(told(checkTrace(large, longer(other)))).toEqual(told(checkTrace(small, other)));
      }),
      { numRuns: 30 },
    );
  });

  test("over every trace twice it is the same, with twice the counts", () => {
    fc.assert(
      fc.property(fc.array(anySpans, { minLength: 1, maxLength: 3 }), anySpans, (given, one) => {
        const numbered = (from: number) =>
          given.map((spans, n) => buildTree(spans.map((each) => ({ ...each, traceId: traceIdOf(from + n) }))));
        const spec = specFrom(one, { quantile: "0.5", open: true });
        const [once, twice] = [numbered(0), [...numbered(0), ...numbered(50)]].map((trees) =>
          checkPopulation(spec, trees),
        );
        expect(twice?.traces.failing).toBe(2 * (once?.traces.failing ?? 0));
        if (once?.traces.failing) expect(twice?.verdict).toBe("fail");
      }),
      { numRuns: 30 },
    );
  });
});

describe("a specification of exactly one trace, whatever its shape", () => {
  type Spans = readonly Span[];
  const wrong: readonly (readonly [string, (spans: Spans, chosen: Span) => Span[]])[] = [
    ["lost", (spans, chosen) => spans.filter((one) => one !== chosen)],
    ["renamed", (spans, chosen) => spans.map((one) => (one === chosen ? { ...one, name: "never seen" } : one))],
    ["of another service", (spans, chosen) => spans.map((one) => (one === chosen ? { ...one, service: "none" } : one))],
    ["repeated", (spans, chosen) => [...spans, { ...chosen, spanId: "00000000000000aa" }]],
    [
      "with a stranger under it",
      (spans, chosen) => [
        ...spans,
        { ...chosen, spanId: "00000000000000ab", parentSpanId: chosen.spanId, name: "stranger" },
      ],
    ],
    [
      "a hundred times as long",
      (spans, chosen) =>
        spans.map((one) => (one === chosen ? { ...one, durationNs: one.durationNs * 100 + 1e9 } : one)),
    ],
    [
      "with an attribute lost",
      (spans, chosen) => spans.map((one) => (one === chosen ? { ...one, attributes: {} } : one)),
    ],
  ];

  test.each(wrong)("refuses it with a span %s", (_, change) => {
    fc.assert(
      fc.property(anySpans, fc.nat(), (given, which) => {
        const spans = given.map((one): Span => ({ ...one, attributes: { tenant: "acme" } }));
        // Copies that the tree leaves out are no part of the trace.
        const own = buildTree(spans).nodes.map(({ span }) => span);
        const chosen = own[which % own.length];
        if (chosen === undefined) return;
        const spec = specFrom(own);
        expect(told(checkTrace(spec, own))).toEqual([]);
        const changed = change(own, chosen);
        if (changed.length === 0) return;
        const result = checkTrace(spec, changed);
        expect(result.verdict).toBe("fail");
        const known = new Set(changed.map(({ spanId }) => spanId));
        for (const { span_ids: ids } of violations(result)) expect(ids.filter((id) => !known.has(id))).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test("refuses it when one of its spans fails, unless it may", () => {
    fc.assert(
      fc.property(anySpans, fc.nat(), (given, which) => {
        const own = buildTree(given.map((one): Span => ({ ...one, status: "ok" }))).nodes.map(({ span }) => span);
        const chosen = own[which % own.length];
        const failing = own.map((one): Span => (one === chosen ? { ...one, status: "error" } : one));
        const result = checkTrace(specFrom(own), failing);
        expect(violations(result).map(({ code, span_ids: ids }) => [code, ...ids])).toEqual([
          ["error_unexpected", chosen?.spanId],
        ]);
        expect(checkTrace(specFrom(failing), failing).verdict).toBe("pass");
      }),
      { numRuns: 40 },
    );
  });
});
